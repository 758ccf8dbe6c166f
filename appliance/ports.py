"""Ports for boxes that have none of their own: given once, and held as long as they are used.

A port that is only looked for is free until the next one looks: between the look and the server's start, and
again while the server is started anew, another process takes it. So a range is written down under the name of
a path, and stays taken as long as that path is there: the folder of a box, or a process's `/proc/PID`, which
is judged only by those who see the same processes. Whoever is killed leaves nothing to be cleaned up.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket

from appliance.files import ensure_folder, locked, write_atomically

FIRST, END = 20_000, 32_000
"""Below those that the kernel gives to outgoing connections (from 32768), which would take them between two
starts of a server."""


class NoPorts(Exception):
    """There is no range that nobody has."""


def reserve(count: int, *, holder: Path, is_more: bool = False, book: Path | None = None) -> int:
    """The first of `count` ports in a row on loopback, which nobody else is given while `holder` exists.

    They come in the place of what it has held before, which may have been another box in the same folder;
    unless `is_more` says that they are more. `book` is the folder in which they are written down: one a user
    of the machine, for all boxes.
    """
    name = str(holder.resolve(strict=True))
    with _opened(book or _usual_book()) as notes:
        taken = _taken(notes, but="" if is_more else name)
        first = FIRST
        while first + count <= END:
            ports = range(first, first + count)
            if conflict := max((port for port in ports if port in taken or not _is_free(port)), default=0):
                first = conflict + 1
                continue
            # Whole or not at all: half a path would be that of a holder who is gone.
            write_atomically(notes / f"{first}-{count}", f"{name}\n{_processes()}", mode=0o600)
            return first
    raise NoPorts(
        f"There are no {count} free ports in a row between {FIRST} and {END}: remove scratch boxes that are"
        f" not needed, whose folders are named in {notes}."
    )


def _usual_book() -> Path:
    """Root's where nobody else writes; another user's is looked at before it is believed."""
    return Path("/run" if os.geteuid() == 0 else tempfile.gettempdir()) / f"korobka-ports-{os.geteuid()}"


@contextmanager
def _opened(book: Path) -> Iterator[Path]:
    with ExitStack() as held:
        try:
            ensure_folder(book, mode=0o700)
            held.enter_context(locked(book / "lock"))
        except OSError as error:
            raise NoPorts(f"{book} is not a folder of this user's own ({error}): remove it.") from None
        yield book


def _taken(book: Path, *, but: str) -> set[int]:
    """What is held by others than `but`. Notes of theirs and of holders who are gone are thrown away."""
    taken: set[int] = set()
    for note in book.glob("*-*"):
        holder, _, processes = note.read_text(encoding="utf-8").partition("\n")
        if holder == but or _is_gone(holder, processes):
            note.unlink()
            continue
        first, count = map(int, note.name.split("-"))
        taken |= set(range(first, first + count))
    return taken


def _processes() -> str:
    """Which processes are seen here: pid_namespaces(7)."""
    return str(Path("/proc/self/ns/pid").readlink())


def _is_gone(holder: str, processes: str) -> bool:
    is_process = holder.startswith("/proc/")
    return not Path(holder).exists() and (not is_process or processes == _processes())


def _is_free(port: int) -> bool:
    with closing(socket()) as probe:
        # As servers do: connections that have just ended are in nobody's way.
        probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
