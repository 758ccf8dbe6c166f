"""Write-ahead log as names of segments: what is missing between the first and the last, and which time line
is the one that was lived.

A segment's name is 24 hexadecimal digits: time line, high and low part of its number (PostgreSQL's
documentation, "WAL Internals"). With segments of 16 MiB, which is what the box has, the low part ends at FF.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")
_PER_LOG = 0x100
_SEGMENT_BYTES = 16 << 20


@dataclass(frozen=True, order=True)
class Segment:
    """One file of 16 MiB."""

    timeline: int
    number: int

    @classmethod
    def parse(cls, name: str) -> Segment | None:
        """None for what is not a segment: a history file, a label, half a segment."""
        match = _NAME.match(name)
        if match is None or name[24:25] == "." or len(name) < 24:
            return None
        timeline, log, low = (int(part, 16) for part in match.groups())
        return cls(timeline, log * _PER_LOG + low)

    def through(self, last: Segment) -> Iterator[Segment]:
        """One of each folder of the log (256 segments) from this one to a later one of its time line."""
        yield self
        for number in range(self.number // _PER_LOG + 1, last.number // _PER_LOG + 1):
            yield Segment(self.timeline, number * _PER_LOG)

    def __str__(self) -> str:
        return f"{self.timeline:08X}{self.number // _PER_LOG:08X}{self.number % _PER_LOG:08X}"


@dataclass(frozen=True)
class Gap:
    """Segments that are not there, from `first` to `last`."""

    first: Segment
    last: Segment

    def __str__(self) -> str:
        count = self.last.number - self.first.number + 1
        return f"{self.first} is missing" if count == 1 else f"{count} segments from {self.first} are missing"


def gaps(found: Iterable[Segment], *, since: Segment | None = None) -> tuple[Gap, ...]:
    """What is missing between neighbours of the same time line, from `since` on, which must be there."""
    everything = sorted(set(found))
    if since is not None:
        everything = [one for one in everything if one.timeline == since.timeline and one >= since]
        if not everything or everything[0] != since:
            last = everything[0].number - 1 if everything else since.number
            return (Gap(since, Segment(since.timeline, last)), *gaps(everything))
    return tuple(
        Gap(Segment(one.timeline, one.number + 1), Segment(one.timeline, after.number - 1))
        for one, after in itertools.pairwise(everything)
        if one.timeline == after.timeline and after.number > one.number + 1
    )


@dataclass(frozen=True)
class Ancestor:
    """A time line that another one came out of, and the position in the log at which it was left."""

    number: int
    left_at: int
    """Bytes from the beginning of the log (an LSN)."""

    @property
    def last(self) -> Segment:
        """The segment in which it was left."""
        return Segment(self.number, self.left_at // _SEGMENT_BYTES)


@dataclass(frozen=True)
class Timeline:
    """A time line with all that it came out of, the oldest first."""

    number: int
    ancestors: tuple[Ancestor, ...] = ()
    is_begun: bool = True
    """Whether a segment of its own has been archived: else nothing is known of it but where it begins."""

    def holds(self, last: Segment) -> bool:
        """Whether a set whose log ends with this segment lies on it, or on what it came out of.

        A backup's end begins a new segment, so what comes after a set is never in the set's own last one.
        """
        return last.timeline == self.number or any(
            one.number == last.timeline and last < one.last for one in self.ancestors
        )


@dataclass(frozen=True)
class Archived:
    """What is known of when a time line was lived."""

    number: int
    born_at: datetime
    """The first one, which has no history, was always there."""
    last_at: datetime
    """When the latest of it was archived, by the repository's clock."""
    is_begun: bool
    has_set: bool


def archived(
    files: Iterable[tuple[str, datetime]], backed_up: Mapping[int, datetime]
) -> tuple[Archived, ...]:
    """The time lines of a repository by the names of its files and when each came there, and by when the
    first backup of each began: that holds also where the files were copied, and lost when they came."""
    born, last, begun = dict[int, datetime](), dict[int, datetime](), set[int]()
    for name, at in files:
        if history := _HISTORY.fullmatch(name):
            number = int(history[1], 16)
            born[number] = min(at, backed_up.get(number, at))
        elif segment := Segment.parse(name):
            number = segment.timeline
            begun.add(number)
        else:
            continue
        last[number] = max(at, last.get(number, at))
    always = datetime.min.replace(tzinfo=UTC)
    return tuple(
        Archived(number, born.get(number, always), last[number], number in begun, number in backed_up)
        for number in sorted(last)
    )


def lived(there: Sequence[Archived], moment: datetime | None) -> Archived | None:
    """The time line on which the database lived at a moment, or lives; None where the repository has no log.

    Each restore and each failover begins one, with the number after the highest. It was given up, and nobody
    lives on it, where something of an older one was archived after all of it: the restore was taken back. (A
    backup is made only where a restore has come to its end.)
    """
    kept = [
        one
        for one in there
        if one.has_set
        or not any(other.number < one.number and other.last_at > one.last_at for other in there)
    ]
    born = [one for one in kept if moment is None or one.born_at <= moment]
    return max(born, key=lambda one: one.number, default=None)


def from_history(number: int, history: str, *, is_begun: bool = True) -> Timeline:
    """A time line by PostgreSQL's own file about it (`timeline.c`): a line for each that it came out of, with
    its number, the position at which it was left, and why. Raises `ValueError`."""
    ancestors = []
    for line in history.splitlines():
        if line.strip() and not line.startswith("#"):
            parent, position, *_ = line.split("\t")
            high, low = (int(part, 16) for part in position.split("/"))
            ancestors.append(Ancestor(int(parent), (high << 32) + low))
    return Timeline(number, tuple(ancestors), is_begun)
