"""Two versions of a text that began as the same one, as one text in which no line of either is lost.

    merged(base, theirs, mine)

By lines. What only one has changed is as they have it; what both have changed stands twice, theirs above
mine: two people who write at once rather read a line too many than miss one. What one has deleted, and the
other left alone, is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORK = 50_000_000
"""Pairs of equal lines, times the lines of the shorter text: comparing these takes half a second at most."""


@dataclass(frozen=True)
class Edit:
    """The lines of the base from `first` on and before `end` become these."""

    first: int
    end: int
    lines: tuple[str, ...]


def merged(base: str, theirs: str, mine: str) -> str:
    if theirs in (base, mine):
        return mine
    if mine == base:
        return theirs
    lines = base.split("\n")
    return "\n".join(_woven(lines, _edits(lines, theirs.split("\n")), _edits(lines, mine.split("\n"))))


def _edits(base: Sequence[str], changed: Sequence[str]) -> list[Edit]:
    """Of texts that would take too long, all between the first difference and the last is one."""
    shorter = min(len(base), len(changed))
    head = _same(base, changed, shorter)
    tail = _same(base[::-1], changed[::-1], shorter - head)
    olds, news = base[head : len(base) - tail], changed[head : len(changed) - tail]
    if _work(olds, news) > MOST_WORK:
        return [Edit(head, head + len(olds), tuple(news))]
    found = SequenceMatcher(None, olds, news, autojunk=False).get_opcodes()
    return [
        Edit(head + first, head + end, tuple(news[begin:stop]))
        for what, first, end, begin, stop in found
        if what != "equal"
    ]


def _same(one: Sequence[str], other: Sequence[str], most: int) -> int:
    """How many lines both begin with."""
    return next((at for at in range(most) if one[at] != other[at]), most)


def _work(one: Sequence[str], other: Sequence[str]) -> int:
    """What SequenceMatcher has to do at worst: it is cubic where lines come again."""
    left, right = Counter(one), Counter(other)
    return sum(count * right[line] for line, count in left.items()) * min(len(one), len(other))


def _woven(base: Sequence[str], theirs: list[Edit], mine: list[Edit]) -> list[str]:
    result: list[str] = []
    at = 0
    while theirs or mine:
        first = min(edits[0].first for edits in (theirs, mine) if edits)
        result += base[at:first]
        at, end = first, first
        taken: tuple[list[Edit], list[Edit]] = ([], [])
        # All that touch each other are one place.
        grows = True
        while grows:
            grows = False
            for edits, own in zip((theirs, mine), taken, strict=True):
                while edits and (edits[0].first < end or edits[0].first == first):
                    one = edits.pop(0)
                    own.append(one)
                    end = max(end, one.end)
                    grows = True
        versions = [_applied(base, first, end, own) for own in taken if own]
        result += versions[0]
        if len(versions) == 2 and versions[1] != versions[0]:
            known = set(versions[0])
            result += [line for line in versions[1] if line not in known]
        at = end
    return result + list(base[at:])


def _applied(base: Sequence[str], first: int, end: int, edits: Sequence[Edit]) -> list[str]:
    found: list[str] = []
    at = first
    for one in edits:
        found += [*base[at : one.first], *one.lines]
        at = one.end
    return found + list(base[at:end])
