"""A directory server in a folder of its own: started, stopped, killed, and put back to a kept state."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from tests.directory.authority import TestAuthority

STARTS_WITHIN = 120


class Server(ABC):
    """What both directories share. `folder` is short, for it holds Unix sockets; `data` lies within it."""

    host: str
    address: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.authority = TestAuthority(folder / "authority")
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _ports(self) -> list[int]: ...

    def start(self) -> None:
        # It ends with the tests, however these end.
        command = ["setpriv", "--pdeathsig", "TERM", *self._command()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + STARTS_WITHIN
        waiting = self._ports()
        while waiting:
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{command[3]} does not answer: {tail}")
            with contextlib.suppress(OSError):
                socket.create_connection((self.address, waiting[0]), timeout=1).close()
                waiting = waiting[1:]
                continue
            time.sleep(0.05)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut does it: kill -9 of all its processes at once."""
        self._end(signal.SIGKILL)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        group = self._process.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, how)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(group, signal.SIGKILL)
            self._process.wait()
        # Its children: nothing may be left that writes into the folder or holds the ports.
        deadline = time.monotonic() + 10
        while _is_alive(group):
            if time.monotonic() > deadline:
                os.killpg(group, signal.SIGKILL)
            time.sleep(0.02)
        self._process = None

    def keep(self, name: str) -> None:
        """Copies the data, for `restore`. The server is stopped for it and started again if it ran."""
        self._offline(lambda: _copy(self.data, self.folder / f"kept-{name}"))

    def restore(self, name: str) -> None:
        """Everything is as it was at `keep`; the server runs again if it did."""
        self._offline(lambda: _copy(self.folder / f"kept-{name}", self.data))

    def has(self, name: str) -> bool:
        return (self.folder / f"kept-{name}").exists()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _offline(self, do: Callable[[], None]) -> None:
        was_running = self.is_running
        self.stop()
        do()
        if was_running:
            self.start()


def _is_alive(group: int) -> bool:
    """Who has ended holds nothing, also where nobody asks how: the first process of a namespace need not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return any(_is_running_in(group, process) for process in Path("/proc").glob("[0-9]*"))


def _is_running_in(group: int, process: Path) -> bool:
    try:
        state, _parent, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and int(its_group) == group


def _copy(source: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    # cp keeps holes and extended attributes, which Samba's own files need.
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)


def run(command: list[str], *, given: str = "", env: dict[str, str] | None = None) -> str:
    """The output of a tool; what it complained of, if it failed."""
    ended = subprocess.run(
        command, input=given, text=True, capture_output=True, check=False, env={**os.environ, **(env or {})}
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{command[0]}: {ended.stderr.strip()[-2000:]}\n{ended.stdout.strip()[-2000:]}")
    return ended.stdout
