"""Looks at processes through /proc: whose they are and what memory they use."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PREFIX_MARK, SERVICE_MARK = "KOROBKA_PREFIX", "KOROBKA_SERVICE"
"""Variables that a process of the box carries, so that it is known even when its supervisor is gone."""


type Children = Mapping[int, Sequence[int]]
"""Processes by the one that they hang on."""


def all_children() -> Children:
    """Of the whole machine, as it is now."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            found.setdefault(parent, []).append(int(entry.name))
    return found


def children_of(pid: int, known: Children | None = None) -> set[int]:
    """The process and everything that it started and that still hangs on it."""
    known = all_children() if known is None else known
    found, new = {pid}, [pid]
    while new:
        new = [child for parent in new for child in known.get(parent, ()) if child not in found]
        found |= set(new)
    return found


def with_argument(word: str) -> set[int]:
    """Processes that were started with exactly this among their arguments."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if word.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
    return found


def memory_mb(pids: Iterable[int]) -> int | None:
    """Proportional set size of these processes in MiB; None where the kernel does not let us see it."""
    total, seen = 0, False
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        seen = True
    return round(total / 1024) if seen else None


def cpu_seconds(pid: int) -> float | None:
    """What a process and its threads have had of processors since it began; None where it is not there.
    Source: proc_pid_stat(5), utime and stime."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def marked(prefix: Path, *, only: frozenset[str] | None = None) -> dict[int, str]:
    """Processes of the box at `prefix` (whose environment we may read) with the instance they belong to."""
    found = {}
    wanted = f"{PREFIX_MARK}={prefix}"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        instance = next((e.partition("=")[2] for e in environment if e.startswith(f"{SERVICE_MARK}=")), None)
        if wanted in environment and instance and (only is None or instance in only):
            found[int(entry.name)] = instance
    return found


def end(pids: Iterable[int], *, seconds: float) -> None:
    """End processes that nobody supervises any more: asked first, killed after `seconds`."""
    left = set(pids)
    for pid in left:
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while (left := {pid for pid in left if is_alive(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        _send(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not merely waiting to be noticed as dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
