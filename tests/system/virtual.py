"""A virtual machine in QEMU, with its serial console and one port of its network."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal, Self

from appliance import ports

from .volatile import VolatileDisk

type Firmware = Literal["bios", "uefi"]

_UEFI_CODE, _UEFI_VARIABLES = Path("/usr/share/OVMF/OVMF_CODE_4M.fd"), Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
_SLOW = 3600.0
"""Seconds for what takes minutes where the processor is emulated."""


class VirtualMachine:
    """A machine that starts from an image, of which nothing is changed, or from a disk; a context manager.

    It has a network of its own with DHCP and no way out; its port 443 is one of this host's. An image is on
    a disk that is `capacity` bytes large.
    """

    def __init__(self, disk: Path | VolatileDisk, *, capacity: int = 0, firmware: Firmware = "bios") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="korobka-virtual-", dir="/var/tmp"))
        self.port = ports.reserve(1, holder=self.folder)
        self.said = ""
        """All that came over the serial line, without colours."""
        drive = disk.drive if isinstance(disk, VolatileDisk) else self._laid_over(disk, capacity)
        self._command = [
            "qemu-system-x86_64", "-machine", "q35", *_accelerator(), "-smp", "2", "-m", "3072",
            "-display", "none", "-no-reboot",
            "-drive", f"{drive},if=virtio",
            "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:443",
            "-device", "virtio-net-pci,netdev=net",
            "-serial", f"unix:{self.folder}/serial,server=on,wait=off",
        ]  # fmt: skip
        if firmware == "uefi":
            shutil.copy(_UEFI_VARIABLES, self.folder / "variables")
            self._command += [
                "-drive", f"if=pflash,format=raw,readonly=on,file={_UEFI_CODE}",
                "-drive", f"if=pflash,format=raw,file={self.folder}/variables",
            ]  # fmt: skip

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        self._serial = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 30
        while True:
            try:
                self._serial.connect(f"{self.folder}/serial")
                break
            except OSError:
                assert self._process.poll() is None, "QEMU ended"
                assert time.monotonic() < deadline
                time.sleep(0.1)
        self._serial.settimeout(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._serial.close()
        self.kill()
        shutil.rmtree(self.folder)

    def kill(self) -> None:
        """As if its plug was pulled."""
        self._process.kill()
        self._process.wait()

    def _laid_over(self, image: Path, capacity: int) -> str:
        overlay = self.folder / "disk.qcow2"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image), str(overlay),
             str(capacity)],
            check=True,
        )  # fmt: skip
        return f"file={overlay},format=qcow2,cache=unsafe"

    def wait_for(self, pattern: str, *, seconds: float = _SLOW) -> re.Match[str]:
        """Listens until the console has said this after all that was found before."""
        deadline = time.monotonic() + seconds
        while True:
            if found := re.search(pattern, self.said[self._heard :]):
                self._heard += found.end()
                return found
            assert self._process.poll() is None, f"the machine went off:\n{self.said[-3000:]}"
            assert time.monotonic() < deadline, f"waited for {pattern!r}:\n{self.said[-3000:]}"
            try:
                self.said += _plain(self._serial.recv(65536))
            except TimeoutError:
                continue

    _heard = 0

    def log_in(self, password: str, *, chosen: str = "") -> None:
        """As root. The first password of an image is good once: another one is `chosen`."""
        self.wait_for("login: ")
        self.type("root")
        self.wait_for("Password: ")
        self.type(password)
        if chosen:
            self.wait_for("Current password: ")
            self.type(password)
            for question in ("New password: ", "Retype new password: "):
                self.wait_for(question)
                self.type(chosen)
        self.wait_for("# ")
        self.type("stty -echo")
        self.wait_for("# ")

    def type(self, line: str) -> None:
        self._serial.sendall(f"{line}\r".encode())

    def ask(self, command: str) -> str:
        """What a command says, on a console where somebody is logged in."""
        self.type(f"{command}; echo ends-with-$?")
        # The line itself comes back first, with the sign and not with what it becomes.
        before = self._heard
        self.wait_for(r"ends-with-\d+", seconds=300)
        return self.said[before : self._heard]


def _accelerator() -> list[str]:
    """Emulated: a /dev/kvm within a virtual machine may be there and hang. KOROBKA_KVM=1 is for real ones."""
    if os.environ.get("KOROBKA_KVM") == "1":
        return ["-accel", "kvm", "-cpu", "host"]
    # Without page tables of five levels: with them Linux, started by OVMF, stands still for ever.
    return ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off"]


def _plain(part: bytes) -> str:
    """Without what moves cursors and paints."""
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])", "", part.decode(errors="replace")).replace(
        "\r", ""
    )
