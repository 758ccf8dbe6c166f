"""What must be there after a worst day, what may be, and what must not: a function of what was noted.

People note what was acknowledged and when, the day notes when the box went back to which moment. A moment is
of the history that was lived at it: what a restore undid is there again only for whoever goes back to before
that restore.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Write:
    """A row with a blob. Moments are Unix time, by the one clock of the machine."""

    number: int
    sha256: str
    begun_at: float
    ended_at: float
    is_acknowledged: bool


@dataclass(frozen=True)
class Wanted:
    """All acknowledged before `kept_until` has to be there, and nothing begun after `undone_from`."""

    kept_until: float
    undone_from: float

    @classmethod
    def moment(cls, at: float) -> Wanted:
        return cls(at, at)

    @classmethod
    def end(cls, handed_over_at: float, ended_at: float) -> Wanted:
        """The end of the time line: what came after the log was handed over may be there."""
        return cls(handed_over_at, ended_at)


@dataclass(frozen=True)
class Return:
    """The box went back, which was done between these two."""

    began_at: float
    ended_at: float
    to: Wanted


@dataclass(frozen=True)
class Lived:
    """All that happened."""

    writes: tuple[Write, ...]
    returns: tuple[Return, ...] = ()
    attempts: tuple[tuple[float, float], ...] = ()
    """When a return was tried that was taken back: what was written meanwhile is nobody's promise."""
    good_sets: frozenset[str] = frozenset()
    """The labels of those that were made to their end, of the target that the box is brought back from."""


@dataclass(frozen=True)
class Found:
    """What the box has once it is back."""

    rows: tuple[int, ...]
    """The number of each row, as often as it is there."""
    hashes: Mapping[int, str | None]
    """Of the blob of each row; None: the store does not have it."""
    offered: frozenset[str] = frozenset()
    """The labels of the sets that could be brought back from now."""


class Must(Enum):
    """What a write has to be."""

    BE = "there"
    MAY = "there or not"
    NOT = "undone"


def judge(lived: Lived, wanted: Wanted, found: Found) -> tuple[str, ...]:
    """What is wrong, in sentences; empty: all is as it has to be."""
    writes = {one.number: one for one in lived.writes}
    faults = list[str]()
    there = set(found.rows)
    faults += [f"{number} is there {found.rows.count(number)} times." for number in _twice(found.rows)]
    for number in sorted(there - writes.keys()):
        faults.append(f"Nobody has written {number}.")
    for number, one in sorted(writes.items()):
        must = fate(one, lived, wanted)
        if must is Must.BE and number not in there:
            faults.append(f"{number} was acknowledged at {one.ended_at:.1f}, and is lost.")
        if must is Must.NOT and number in there:
            faults.append(f"{number} was undone, and is there.")
        if number not in there or found.hashes.get(number) == one.sha256:
            continue
        if found.hashes.get(number) is not None:
            faults.append(f"{number} has other bytes.")
        elif must is not Must.MAY:
            # A row comes with the log, and may be there before its file has been copied.
            faults.append(f"{number} has no bytes.")
    for label in sorted(lived.good_sets - found.offered):
        faults.append(f"The set {label} was good, and is not offered any more.")
    return tuple(faults)


def fate(one: Write, lived: Lived, wanted: Wanted) -> Must:
    """What has to become of a write where the box is brought back to what is wanted."""
    if any(one.begun_at < until and since < one.ended_at for since, until in lived.attempts):
        return Must.MAY
    last = max(
        (found for found in lived.returns if found.ended_at <= wanted.undone_from),
        key=lambda found: found.ended_at,
        default=None,
    )
    if last is None or one.begun_at >= last.ended_at:
        return _of_one_history(one, wanted)
    if one.ended_at > last.began_at:
        return Must.MAY
    return fate(one, lived, last.to)


def _of_one_history(one: Write, wanted: Wanted) -> Must:
    if one.begun_at > wanted.undone_from:
        return Must.NOT
    return Must.BE if one.is_acknowledged and one.ended_at <= wanted.kept_until else Must.MAY


def _twice(rows: Iterable[int]) -> list[int]:
    seen, twice = set[int](), set[int]()
    for number in rows:
        (twice if number in seen else seen).add(number)
    return sorted(twice)
