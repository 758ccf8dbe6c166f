"""Write-ahead log as names of segments: what is missing between the first and the last.

A segment's name is 24 hexadecimal digits: time line, high and low part of its number (PostgreSQL's
documentation, "WAL Internals"). With segments of 16 MiB, which is what the box has, the low part ends at FF.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")
_PER_LOG = 0x100


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
