"""Keeps a full disk from hurting: the portal stops writing while PostgreSQL can still finish what it began.

A ballast file holds space back. When the disk is nearly full the ballast is freed, so that every engine can
end its work in order, and the portal is told to take no writes. When there is space again, both are undone;
the distance between the two marks keeps the box from switching to and fro.
"""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from appliance.files import ensure_folder, write_atomically
from appliance.paths import Paths

log = logging.getLogger(__name__)

MIB = 1024 * 1024


@dataclass(frozen=True)
class State:
    """What is in force now."""

    has_ballast: bool
    is_read_only: bool


@dataclass(frozen=True)
class Space:
    """A file system's room in bytes; `free` is what an ordinary user may still write."""

    free: int
    total: int


@dataclass(frozen=True)
class Decision:
    """The state wanted, and why. Printed, it is the sentence that goes to the log."""

    has_ballast: bool
    is_read_only: bool
    reason: str

    def __str__(self) -> str:
        ballast = "ballast in place" if self.has_ballast else "ballast given up"
        return f"{'read-only' if self.is_read_only else 'writable'}, {ballast}: {self.reason}"


def ballast_size(total: int) -> int:
    """Bytes held back: 2 % of the file system, at most 256 MiB."""
    return min(256 * MIB, total * 2 // 100)


def decide(free: int, total: int, state: State) -> Decision:
    """What should be in force with `free` of `total` bytes, coming from `state`.

    Writing ends when less than one ballast's worth is free. It begins again when, with the ballast back in
    its place, twice as much would be free.
    """
    ballast = ballast_size(total)
    low, high = ballast, 2 * ballast
    sizes = f"{free // MIB} of {total // MIB} MiB are free"
    if free < low:
        return Decision(
            has_ballast=False,
            is_read_only=True,
            reason=f"The disk is full: {sizes}. Free some space, or give the box a larger disk.",
        )
    if state.is_read_only:
        after = free if state.has_ballast else free - ballast
        if after < high:
            needed = high + (0 if state.has_ballast else ballast)
            return Decision(
                has_ballast=state.has_ballast,
                is_read_only=True,
                reason=f"The disk is nearly full: {sizes}. Writing begins again with {needed // MIB} MiB.",
            )
        return Decision(has_ballast=True, is_read_only=False, reason=f"There is space again: {sizes}.")
    # Ballast that is missing without need (a new box, a file removed by hand) is made where it does not hurt.
    has_ballast = state.has_ballast or free - ballast >= high
    return Decision(has_ballast=has_ballast, is_read_only=False, reason=f"{sizes}.")


class Guard:
    """Watches the file systems of the box's data and performs what `decide` says."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self.ballast = paths.data / "ballast"
        self.flag = paths.run / "state/read-only"

    def state(self) -> State:
        return State(has_ballast=self.ballast.exists(), is_read_only=self.flag.exists())

    def reason(self) -> str:
        """Why the portal takes no writes; empty when it does."""
        try:
            return self.flag.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def space(self) -> Space:
        """The tightest file system: a service's data may lie on a disk of its own."""
        folders = [self._paths.data, *(path for path in self._paths.data.iterdir() if path.is_dir())]
        spaces = []
        for folder in folders:
            with contextlib.suppress(FileNotFoundError):
                found = os.statvfs(folder)
                spaces.append(Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize))
        return min(spaces, key=lambda space: space.free / max(1, ballast_size(space.total)))

    def tick(self) -> Decision:
        """Look once, and do what is needed."""
        space, before = self.space(), self.state()
        decision = decide(space.free, space.total, before)
        if (decision.has_ballast, decision.is_read_only) != (before.has_ballast, before.is_read_only):
            log.warning("%s", decision)
            self.perform(decision, ballast_size(space.total))
        return decision

    def perform(self, decision: Decision, size: int) -> None:
        """Make it so. Freeing comes first: on a full disk even the flag cannot be written before."""
        if not decision.has_ballast:
            self.ballast.unlink(missing_ok=True)
        if decision.is_read_only:
            ensure_folder(self.flag.parent, mode=0o755)
            write_atomically(self.flag, decision.reason + "\n", mode=0o644)
        if decision.has_ballast and not self.ballast.exists():
            _reserve(self.ballast, size)
        if not decision.is_read_only:
            self.flag.unlink(missing_ok=True)


def _reserve(target: Path, size: int) -> None:
    """Take `size` bytes of real space; a file of zeros written with holes would hold nothing back."""
    temporary = target.with_name(f".{target.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
        temporary.replace(target)
    except OSError:
        log.exception("The ballast cannot be made now; it will be tried again.")
        temporary.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
