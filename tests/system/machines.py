"""Fresh Debian 13 machines made from packages, booted with systemd or without.

    with Machine("systemd") as machine:
        machine.run(["/src/install.sh", "--hostname", machine.hostname], env=machine.registries)
        machine.power_cut()
        machine.start()

A machine is a process namespace with a root of its own (an overlay over one unpacked tree, so making one
takes no time), a network of its own (a cable to this host, no route and no name server) and the checkout,
read-only, under /src. A stopped machine can be kept (`keep`) and another one started from it
(`Machine(..., based_on=kept)`), so that many tests share one installation. A `disk` of this host is under
/mnt/backup there, and outlives the machine. Needs root, mmdebstrap and systemd-container.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import psutil

from .registries import RegistryProxy

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("KOROBKA_BUILD", CHECKOUT / "build")) / "machines"
# With these a minimal tree is what a Debian from its network image is, as far as a box can tell.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "ca-certificates")
# The package clients' ordinary configuration goes along, so that they reach whatever this host's reach.
CLIENT_FILES = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/apt/apt.conf.d",
    "/etc/pip.conf",
    "/root/.config/pip/pip.conf",
    "/etc/npmrc",
    "/root/.npmrc",
    "/etc/ssl/certs/ca-certificates.crt",
)
CLIENT_VARIABLES = (
    "PIP_",
    "NPM_CONFIG_",
    "npm_config_",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_",
    "REQUESTS_CA_BUNDLE",
)

Kind = Literal["systemd", "plain"]


class Machine:
    """One machine; a context manager that leaves nothing behind."""

    def __init__(
        self, kind: Kind, *, hostname: str = "portal.example.com", based_on: Path | None = None,
        disk: Path | None = None, with_copy_of_disk: bool = False, says_container: bool = True,
    ) -> None:  # fmt: skip
        """With a copy of the disk, the machine has it as it is now, and changes nothing of it.

        A plain one may keep silent about being a container: what holds there holds for a virtual machine.
        """
        self.kind = kind
        self.hostname = hostname
        self._lower = [*([based_on] if based_on else []), _base_tree()]
        self._disk, self._has_copy_of_disk = disk, with_copy_of_disk
        self._says_container = says_container
        self._folder = Path(tempfile.mkdtemp(prefix="korobka-machine-", dir="/var/tmp"))
        self.root = self._folder / "root"
        self._boot: subprocess.Popen[bytes] | None = None
        self._init: psutil.Process | None = None

    # --- life

    def __enter__(self) -> Self:
        try:
            for name in ("root", "upper", "work"):
                (self._folder / name).mkdir()
            lower = ":".join(map(str, self._lower))
            options = f"lowerdir={lower},upperdir={self._folder}/upper,workdir={self._folder}/work"
            _run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.root)])
            self._plug_in_disk()
            self._cable = _plug_in_cable()
            self.address = f"10.77.{self._cable}.2"
            self.proxy = RegistryProxy(f"10.77.{self._cable}.1")
            self._configure()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.power_cut()
        if hasattr(self, "proxy"):
            self.proxy.close()
        if hasattr(self, "_cable"):
            _run(["ip", "netns", "del", f"korobka{self._cable}"], check=False)
            _run(["ip", "link", "del", f"korobka{self._cable}"], check=False)
        if self._disk:
            _run(["umount", "--lazy", str(self.root / "mnt/backup")], check=False)
        _run(["umount", "--lazy", str(self.root)], check=False)
        self.root.rmdir()  # refuses while anything is mounted there; nothing is removed through a mount
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Boots, and returns when the machine takes commands (its box's services may still be starting)."""
        log = (self._folder / "console.log").open("ab")
        self._boot = subprocess.Popen(
            self._systemd_boot() if self.kind == "systemd" else self._plain_boot(),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        self._init = _wait_for(self._find_init, "the machine's first process")
        if self.kind == "systemd":
            # `degraded` counts: a container lacks some devices that Debian's own units ask for.
            states = ("running", "degraded")
            _wait_for(
                lambda: self._enter(["systemctl", "is-system-running"], check=False).stdout.strip() in states,
                "systemd in the machine",
            )

    def power_cut(self) -> None:
        """Ends every process of the machine at once, as pulling the plug does."""
        if self._boot is None:
            return
        if self._init is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._init.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._boot.wait(20)
        if self._boot.poll() is None:
            self._boot.kill()
            self._boot.wait(20)
        self._boot = self._init = None

    def power_off(self) -> None:
        """Shuts down in order. Without systemd nothing does that, and it is a power cut."""
        if self.kind == "systemd" and self._init is not None and self._boot is not None:
            self._init.send_signal(signal.SIGRTMIN + 4)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._boot.wait(60)
        self.power_cut()

    def keep(self, folder: Path) -> Path:
        """Copies what this (stopped) machine has written to `folder`, for `based_on` of another."""
        assert self._boot is None, "stop the machine before keeping it"
        _run(["cp", "-a", f"{self._folder}/upper", str(folder)])
        return folder

    # --- use

    @property
    def registries(self) -> dict[str, str]:
        """The environment with which package clients inside reach the registries through `proxy`."""
        ours = {name: value for name, value in os.environ.items() if name.startswith(CLIENT_VARIABLES)}
        return ours | self.proxy.environment

    def run(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: str = "",
        cwd: str = "/", check: bool = True, timeout: float = 900, user: str = "root",
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Runs a command inside; with `check` a failure raises with what it printed."""
        if self.kind == "systemd":
            settings = [f"--setenv={name}={value}" for name, value in (env or {}).items()]
            wrapped = [
                "systemd-run", "--wait", "--pipe", "-q", f"--uid={user}", f"--working-directory={cwd}",
                *settings, *command,
            ]  # fmt: skip
        else:
            settings = [f"{name}={value}" for name, value in (env or {}).items()]
            become = (
                [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
            )
            wrapped = ["env", "-C", cwd, *settings, *become, *command]
        result = self._enter(wrapped, stdin=stdin, check=False, timeout=timeout)
        if check and result.returncode:
            tail = "\n".join((result.stdout + result.stderr).splitlines()[-80:])
            raise AssertionError(f"{list(command)} ended with {result.returncode}:\n{tail}")
        return result

    def processes(self) -> list[psutil.Process]:
        """Every process inside, but for the first one."""
        if self._init is None:
            return []
        home = Path(f"/proc/{self._init.pid}/ns/pid").readlink()
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                if Path(f"/proc/{process.pid}/ns/pid").readlink() == home and process.pid != self._init.pid:
                    found.append(process)
        return found

    @contextlib.contextmanager
    def inside_network(self) -> Iterator[None]:
        """This thread opens sockets as if it ran inside, where the machine's loopback is."""
        with (
            Path("/proc/thread-self/ns/net").open() as home,
            Path(f"/run/netns/korobka{self._cable}").open() as there,
        ):
            os.setns(there.fileno(), os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(home.fileno(), os.CLONE_NEWNET)

    def in_network(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Runs a command of this host as if it stood on the machine's network, where its loopback is."""
        return _run(["ip", "netns", "exec", f"korobka{self._cable}", *command])

    # --- the two ways to boot

    def _systemd_boot(self) -> list[str]:
        return [
            "systemd-nspawn", "-D", str(self.root), f"--machine=korobka{self._cable}",
            "--register=no", "--keep-unit", "--quiet",
            "--console=read-only", "--resolv-conf=off",
            f"--network-namespace-path=/run/netns/korobka{self._cable}",
            f"--bind-ro={CHECKOUT}:/src", "--boot",
            # A drill brings up the loopback of a network that it has made.
            "--capability=CAP_NET_ADMIN",
        ]  # fmt: skip

    def _plain_boot(self) -> list[str]:
        # It says that it is a container, whose clock is the host's: to root by `container` in its first
        # process's environment, to everybody by a file. Its first process must collect orphans; ignoring
        # SIGCHLD lets the kernel do that.
        mark = "touch run/.containerenv" if self._says_container else ""
        word = "container=korobka-test" if self._says_container else ""
        script = f"""
            set -eu
            cd "{self.root}"
            mount -t proc proc proc && mount --rbind /dev dev && mount -t tmpfs tmpfs dev/shm
            mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs tmp && mkdir -p src host
            {mark}
            mount --bind "{CHECKOUT}" src && mount -o remount,bind,ro src
            echo "{self.hostname}" > proc/sys/kernel/hostname
            pivot_root . host
            exec env -i {word} PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \\
                sh -c 'umount --lazy /host; exec perl -e "\\$SIG{{CHLD}} = q(IGNORE); sleep 60 while 1"'
        """
        return [
            "ip", "netns", "exec", f"korobka{self._cable}",
            "unshare", "--mount", "--propagation=private", "--pid", "--uts", "--ipc", "--fork",
            "--kill-child=KILL",
            "sh", "-c", script,
        ]  # fmt: skip

    def _find_init(self) -> psutil.Process | None:
        assert self._boot is not None
        assert self._boot.poll() is None, (self._folder / "console.log").read_text(errors="replace")
        for child in psutil.Process(self._boot.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if child.name() == ("systemd" if self.kind == "systemd" else "perl"):
                    return child
        return None

    def _enter(
        self, command: Sequence[str], *, stdin: str = "", check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        assert self._init is not None, "the machine is switched off"
        # Nothing of this host's environment belongs inside.
        clean = [
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LANG=C.UTF-8",
        ]
        return _run(
            ["nsenter", "-t", str(self._init.pid), "-a", *clean, *command],
            stdin=stdin,
            check=check,
            timeout=timeout,
        )

    def _plug_in_disk(self) -> None:
        if self._disk is None:
            return
        place = self.root / "mnt/backup"
        place.mkdir()
        if not self._has_copy_of_disk:
            _run(["mount", "--bind", str(self._disk), str(place)])
            return
        for name in ("disk", "disk-work"):
            (self._folder / name).mkdir()
        options = f"lowerdir={self._disk},upperdir={self._folder}/disk,workdir={self._folder}/disk-work"
        _run(["mount", "-t", "overlay", "overlay", "-o", options, str(place)])

    def _configure(self) -> None:
        (self.root / "etc/hostname").write_text(f"{self.hostname}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.hostname}\n")
        # The tree's own list names the same archive as this host's.
        (self.root / "etc/apt/sources.list").unlink(missing_ok=True)
        for name in CLIENT_FILES:
            source, target = Path(name), self.root / name.lstrip("/")
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)


def _base_tree() -> Path:
    """The unpacked tree that all machines stand on, made once and kept under build/."""
    tree = BUILD / "trixie"
    if tree.is_dir():
        return tree
    BUILD.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix="trixie.", dir=BUILD))
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "trixie", str(making)]
    # In a mount namespace of its own: an interrupted mmdebstrap would leave this host's /dev/shm mounted in
    # the tree, and whoever removed the tree would empty it.
    _run(["unshare", "--mount", "--propagation=private", *command], timeout=1200)
    making.chmod(0o755)
    try:
        making.rename(tree)
    except OSError:  # another test process was faster
        shutil.rmtree(making)
    return tree


def _plug_in_cable() -> int:
    """Makes a network with a cable to this host (10.77.N.1 here, 10.77.N.2 there) and returns N."""
    for number in range(1, 250):
        name = f"korobka{number}"
        if _run(["ip", "netns", "add", name], check=False).returncode == 0:
            break
    else:
        raise RuntimeError("All test networks are taken: `ip netns list` shows them.")
    _run(["ip", "link", "add", name, "type", "veth", "peer", "name", "host0", "netns", name])
    _run(["ip", "address", "add", f"10.77.{number}.1/24", "dev", name])
    _run(["ip", "link", "set", name, "up"])
    _run(["ip", "-n", name, "address", "add", f"10.77.{number}.2/24", "dev", "host0"])
    for link in ("lo", "host0"):
        _run(["ip", "-n", name, "link", "set", link, "up"])
    return number


def _wait_for[T](probe: Callable[[], T | None], what: str, *, seconds: float = 30) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"Waited {seconds} s for {what}.")


def _run(
    command: Sequence[str], *, stdin: str = "", check: bool = True, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        list(command), input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result
