"""What follows what: bars of time, links between them, what moves when one is moved, and which leave no room.

Pure: moments in, moments out.

    moved = push(bars, links, {7: Bar(start, end)})

A link is one of four kinds, of which the first is what people mean by "after":

    finish to start    b begins once a is over
    start to start     b begins once a has begun
    finish to finish   b ends once a is over
    start to finish    b ends once a has begun

each with a lag, which is later where it is positive. Nothing is ever pulled earlier: who has planned a gap
keeps it as room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

# Less than this is no room: planned moments are whole minutes.
NO_ROOM = timedelta(minutes=1)


class LinkKind(StrEnum):
    FINISH_START = "fs"
    START_START = "ss"
    FINISH_FINISH = "ff"
    START_FINISH = "sf"

    @property
    def is_from_start(self) -> bool:
        return self in (LinkKind.START_START, LinkKind.START_FINISH)

    @property
    def is_to_start(self) -> bool:
        return self in (LinkKind.FINISH_START, LinkKind.START_START)


@dataclass(frozen=True)
class Bar:
    starts: datetime
    ends: datetime

    def shifted(self, by: timedelta) -> Bar:
        return Bar(self.starts + by, self.ends + by)


@dataclass(frozen=True)
class Link:
    before: int
    after: int
    kind: LinkKind = LinkKind.FINISH_START
    lag: timedelta = timedelta()

    def room(self, before: Bar, after: Bar) -> timedelta:
        """How much later the first could be without moving the second; negative where it is too late now."""
        anchor = before.starts if self.kind.is_from_start else before.ends
        held = after.starts if self.kind.is_to_start else after.ends
        return held - anchor - self.lag


def push(bars: Mapping[int, Bar], links: Iterable[Link], moved: Mapping[int, Bar]) -> dict[int, Bar]:
    """Where everything is that moves once these have: themselves, and what they push later, each keeping its
    length. What has no bar is pushed by nothing and pushes nothing."""
    now = {**bars, **moved}
    below = _by_before(link for link in links if link.before in now and link.after in now)
    found = dict(moved)
    for one in _in_order(below):
        if one not in found:
            continue
        for link in below[one]:
            room = link.room(now[one], now[link.after])
            if room < timedelta() and link.after not in moved:
                now[link.after] = found[link.after] = now[link.after].shifted(-room)
    return {pk: bar for pk, bar in found.items() if bar != bars.get(pk)}


def critical(bars: Mapping[int, Bar], links: Collection[Link]) -> set[int]:
    """What leaves no room: were it later, the end of all would be. Only chains count: what stands alone is
    critical to nobody but itself."""
    if not bars:
        return set()
    known = [link for link in links if link.before in bars and link.after in bars]
    below, linked = _by_before(known), {pk for link in known for pk in (link.before, link.after)}
    end = max((bars[pk].ends for pk in linked), default=None)
    if end is None:
        return set()
    room: dict[int, timedelta] = {}
    for one in reversed(_in_order(below)):
        later = [link.room(bars[one], bars[link.after]) + room[link.after] for link in below[one]]
        room[one] = min([end - bars[one].ends, *later])
    return {pk for pk in linked if room.get(pk, NO_ROOM) < NO_ROOM}


def would_circle(links: Iterable[Link], before: int, after: int) -> bool:
    """Whether the second leads to the first already, by whatever way."""
    below = _by_before(links)
    seen, waiting = {after}, [after]
    while waiting:
        one = waiting.pop()
        if one == before:
            return True
        fresh = {link.after for link in below[one]} - seen
        seen |= fresh
        waiting += fresh
    return False


def _by_before(links: Iterable[Link]) -> dict[int, list[Link]]:
    found: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        found[link.before].append(link)
    return found


def _in_order(below: Mapping[int, list[Link]]) -> list[int]:
    """What pushes comes before what it pushes. Raises ValueError for a circle: no write lets one be."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for one, links in list(below.items()):
        sorter.add(one)
        for link in links:
            sorter.add(link.after, one)
    try:
        return list(sorter.static_order())
    except CycleError as circle:
        raise ValueError(f"Tasks that wait for each other: {circle.args[1]}") from None
