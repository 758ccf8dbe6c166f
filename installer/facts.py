"""What this machine is and has, looked up once, so that the checks are functions of data."""

from __future__ import annotations

import contextlib
import ctypes
import locale
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance import users
from appliance.files import UnsafeWay, way_to
from appliance.paths import Paths
from installer import packages, schema
from installer.release import Source

MIB = 1 << 20
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


@dataclass(frozen=True)
class Disk:
    """The room for one of the box's folders; `free` in bytes, as an ordinary user may use it."""

    folder: Path
    free: int
    runs_programs: bool
    """False on a file system mounted `noexec`."""


@dataclass(frozen=True)
class Listener:
    """A TCP port that somebody listens on."""

    port: int
    process: str
    is_ours: bool


@dataclass(frozen=True)
class Facts:
    """One machine at one moment."""

    system: str
    """`debian 13`, from /etc/os-release."""
    architecture: str
    python: tuple[int, int]
    is_root: bool
    memory: int
    """Bytes that this machine, or the container that it is, may use."""
    disks: tuple[Disk, ...]
    listeners: tuple[Listener, ...]
    first_free_port: int
    """The lowest port that an ordinary user may listen on."""
    has_utf8_locale: bool
    now: datetime
    released_at: datetime
    is_clock_synchronised: bool
    starting_services: frozenset[str]
    """Units that systemd starts at boot."""
    unwritable: Path | None
    """The folder in which the box's folders cannot be made."""
    closed_folder: Path | None
    """The folder above the box's that the services' users could not enter."""
    missing_packages: tuple[str, ...]
    is_installed: bool
    """Whether there is a box under this prefix already, complete or not."""
    going_back: str = ""
    """Why this release must not take the place of the running one, which is newer."""
    is_source_damaged: bool = False
    """The unpacked archive holds something else than what was packed."""
    foreign_users: tuple[tuple[str, str], ...] = ()
    """Accounts with our names that are not ours, each with what tells."""
    unsafe_way: str = ""
    """Why root must not make the box's folders there: somebody else could exchange them."""


def gather(paths: Paths, source: Source) -> Facts:
    return Facts(
        system=_system(),
        architecture=platform.machine(),
        python=sys.version_info[:2],
        is_root=os.geteuid() == 0,
        memory=_memory(),
        disks=tuple(_disk(folder) for folder in (paths.releases, paths.data, paths.log)),
        listeners=tuple(_listeners(paths)),
        first_free_port=_first_free_port(),
        has_utf8_locale=_has_locale("C.UTF-8"),
        now=datetime.now(UTC),
        released_at=source.released_at,
        is_clock_synchronised=_is_clock_synchronised(),
        starting_services=_starting_services(),
        unwritable=_unwritable(paths),
        closed_folder=_closed_folder(paths),
        missing_packages=packages.missing(),
        is_installed=paths.etc.exists() or paths.releases.exists(),
        going_back=schema.going_back(source.tree, paths),
        is_source_damaged=source.is_damaged,
        foreign_users=users.foreign(),
        unsafe_way=_unsafe_way(paths),
    )


def nearest_existing(folder: Path) -> Path:
    """The folder itself, or the parent in which it would have to be made."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _system() -> str:
    release = platform.freedesktop_os_release()
    return f"{release.get('ID', 'unknown')} {release.get('VERSION_ID', '')}".strip()


def _memory() -> int:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # `max`, or no control group of our own
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def _disk(folder: Path) -> Disk:
    place = nearest_existing(folder)
    return Disk(folder, shutil.disk_usage(place).free, not os.statvfs(place).f_flag & os.ST_NOEXEC)


def _listeners(paths: Paths) -> Iterator[Listener]:
    """Every listening TCP port with the process that holds it (`?` where that is not ours to see)."""
    holders = _socket_holders()
    ours = [str(folder).encode() for folder in (paths.etc, paths.data, paths.current, paths.releases)]
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                if state == "0A":  # LISTEN
                    process = holders.get(rest[5])
                    command = _command_line(process) if process else b""
                    yield Listener(
                        port=int(local.rpartition(":")[2], 16),
                        process=_process_name(process) if process else "?",
                        is_ours=any(folder in command for folder in ours),
                    )


def _socket_holders() -> dict[str, Path]:
    """The process folder (/proc/N) that holds each socket, by the socket's inode."""
    holders = {}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            target = str(link.readlink())
            if target.startswith("socket:["):
                holders[target[8:-1]] = link.parents[1]
    return holders


def _command_line(process: Path) -> bytes:
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes()
    return b""


def _process_name(process: Path) -> str:
    with contextlib.suppress(OSError):
        return (process / "comm").read_text().strip()
    return "?"


def _first_free_port() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    return 1024


def _has_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_ALL, before)
    return True


def _is_clock_synchronised() -> bool:
    """What the kernel says. A container has its host's clock, which is the host's to keep."""
    buffer = ctypes.create_string_buffer(1024)  # struct timex, zeroed: look, change nothing
    return _is_container() or ctypes.CDLL(None).adjtimex(buffer) != _TIME_ERROR


def _is_container() -> bool:
    if any(Path(mark).exists() for mark in ("/run/systemd/container", "/run/.containerenv", "/.dockerenv")):
        return True
    with contextlib.suppress(OSError):
        return any(
            entry.startswith(b"container=") for entry in Path("/proc/1/environ").read_bytes().split(b"\0")
        )
    return False


def _starting_services() -> frozenset[str]:
    wanted = Path("/etc/systemd/system").glob("*.target.wants/*.service")
    masked = {
        unit.name
        for unit in Path("/etc/systemd/system").glob("*.service")
        if unit.resolve() == Path("/dev/null")
    }
    return frozenset(unit.name.removesuffix(".service") for unit in wanted if unit.name not in masked)


def _unsafe_way(paths: Paths) -> str:
    for folder in (paths.etc, paths.data, paths.log, paths.run):
        # Other troubles are told as what they are: see `_unwritable`.
        with contextlib.suppress(NotADirectoryError, PermissionError):
            try:
                with way_to(nearest_existing(folder)):
                    pass
            except UnsafeWay as error:
                return str(error)
    return ""


def _unwritable(paths: Paths) -> Path | None:
    """The first place where a folder of the box could not be made; even root may be refused."""
    for folder in (paths.etc, paths.releases, paths.data, paths.log, paths.run, paths.boxctl.parent):
        place = nearest_existing(folder)
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            return place
    return None


def _closed_folder(paths: Paths) -> Path | None:
    """The first folder that others may not pass. An ordinary user plays all services themselves."""
    if not users.are_separated():
        return None
    for folder in (paths.etc, paths.releases, paths.data, paths.log, paths.run):
        place = nearest_existing(folder)
        for above in (place, *place.parents):
            if not above.stat().st_mode & stat.S_IXOTH and above != folder:
                return above
    return None
