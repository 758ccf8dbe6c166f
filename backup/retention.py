"""Which sets stay and which go: pure functions, so that what they promise can be tested as properties.

Whatever the rule says: the newest whole set stays, so does every set that a kept one builds on, and no blob
goes that a kept set names. Damage takes no set away before its time, unless one that is whole covers it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import IntEnum, StrEnum


class Reason(StrEnum):
    """Why a set stays."""

    LAST = "one of the last"
    DAY = "the last of its day"
    WEEK = "the last of its week"
    MONTH = "the last of its month"
    NEWEST = "the newest good one"
    CHAIN = "others build on it"
    NO_OTHER = "there is no good one yet"
    LOCKED = "the target locks it"


class Condition(IntEnum):
    """What a verification found, the best first."""

    WHOLE = 0
    FILES_DAMAGED = 1
    """Some files of it cannot be read; all else comes back."""
    DAMAGED = 2
    """Its database cannot be relied on, or what it lists is not known."""
    UNFINISHED = 3
    """No set: left of a backup that was interrupted."""


@dataclass(frozen=True)
class Rule:
    """How many sets stay: the last so many, and the last one of each of so many days, weeks and months.

    Only days on which a set was made count. So a box that was off for a month loses nothing by it.
    """

    last: int = 3
    days: int = 7
    weeks: int = 4
    months: int = 6

    def __str__(self) -> str:
        return (
            f"The last {self.last}, and one for each of {self.days} days, {self.weeks} weeks and "
            f"{self.months} months."
        )


@dataclass(frozen=True)
class Candidate:
    """A set as the rule sees it. `parent` is the label of the set that it holds the differences from."""

    label: str
    ended_at: datetime
    parent: str | None = None
    condition: Condition = Condition.WHOLE
    line: Hashable = 0
    """The same for sets between which the log has no gap: the earlier one reaches all that the later does."""
    is_extra: bool = False
    """Made because of a restore or a gap, not by schedule or wish: it is none of the last so many."""

    @property
    def is_whole(self) -> bool:
        return self.condition is Condition.WHOLE


def kept(
    sets: Collection[Candidate], rule: Rule, zone: tzinfo, *, locked_since: datetime | None = None
) -> dict[str, frozenset[Reason]]:
    """The labels of the sets that stay, each with its reasons. Days are those of `zone`.

    A set that ended after `locked_since` stays: its target would keep it anyway, and only hide it.
    """
    newest_first = sorted(
        (one for one in sets if one.condition is not Condition.UNFINISHED),
        key=lambda one: (one.ended_at, one.label),
        reverse=True,
    )
    whole = [one for one in newest_first if one.is_whole]
    if not whole:
        return {one.label: frozenset({Reason.NO_OTHER}) for one in sets}
    reasons: dict[str, set[Reason]] = {}

    def keep(ones: Iterable[Candidate], reason: Reason) -> None:
        for one in ones:
            reasons.setdefault(one.label, set()).add(reason)

    keep(_standing_for(newest_first), Reason.NEWEST)
    # Damaged ones are counted as if they were whole, which takes none away, and are not counted, which takes
    # no whole one away for them.
    for counted in (newest_first, whole):
        keep(_last(counted, rule.last), Reason.LAST)
    keep((one for one in newest_first if locked_since and one.ended_at > locked_since), Reason.LOCKED)
    for reason, count, period in _periods(rule, zone):
        for counted in (newest_first, whole):
            for group in _newest_groups(counted, period, count):
                keep(_standing_for(group), reason)
    by_label = {one.label: one for one in sets}
    for label in list(reasons):
        parent = by_label[label].parent
        while parent is not None and parent in by_label:
            reasons.setdefault(parent, set()).add(Reason.CHAIN)
            parent = by_label[parent].parent
    return {label: frozenset(found) for label, found in reasons.items()}


def superfluous(
    sets: Collection[Candidate], rule: Rule, zone: tzinfo, *, locked_since: datetime | None = None
) -> tuple[str, ...]:
    """The labels of the sets that may go, newest first: a set goes before the one that it builds on."""
    staying = kept(sets, rule, zone, locked_since=locked_since)
    going = sorted((one for one in sets if one.label not in staying), key=lambda one: one.label, reverse=True)
    by_label = {one.label: one for one in sets}
    return tuple(sorted((one.label for one in going), key=lambda label: -_depth(label, by_label)))


def removable_blobs(
    copied: Mapping[str, datetime],
    *,
    named_by_kept: Iterable[Collection[str]],
    live: Collection[str],
    oldest_kept_at: datetime,
) -> set[str]:
    """The keys that may leave the repository, of those `copied` into it at these moments.

    A blob goes when no kept set names it, the portal does not know it any more, and it was there before the
    oldest kept set began: a later one may be needed at a moment between two sets.
    """
    going = {key for key, at in copied.items() if at < oldest_kept_at} - set(live)
    for names in named_by_kept:
        going.difference_update(names)
    return going


def _periods(rule: Rule, zone: tzinfo) -> tuple[tuple[Reason, int, Callable[[Candidate], object]], ...]:
    def day(one: Candidate) -> date:
        return one.ended_at.astimezone(zone).date()

    return (
        (Reason.DAY, rule.days, day),
        (Reason.WEEK, rule.weeks, lambda one: day(one).isocalendar()[:2]),
        (Reason.MONTH, rule.months, lambda one: (day(one).year, day(one).month)),
    )


def _last(newest_first: Sequence[Candidate], count: int) -> list[Candidate]:
    """The last so many, with the extra ones among them."""
    found: list[Candidate] = []
    for one in newest_first:
        if count == 0:
            break
        found.append(one)
        count -= not one.is_extra
    return found


def _newest_groups(
    newest_first: Iterable[Candidate], period: Callable[[Candidate], object], count: int
) -> list[list[Candidate]]:
    """The sets of each of the newest `count` periods."""
    found: dict[object, list[Candidate]] = {}
    for one in newest_first:
        if period(one) not in found and len(found) == count:
            break
        found.setdefault(period(one), []).append(one)
    return list(found.values())


def _standing_for(newest_first: Iterable[Candidate]) -> list[Candidate]:
    """Those that stay for all of these: the newest, and for as long as it is damaged the next better one.

    Where that is whole, and no gap of the log lies between, it alone reaches whatever the others do.
    """
    found: list[Candidate] = []
    for one in newest_first:
        if not found or one.condition < found[-1].condition:
            found.append(one)
        if one.is_whole:
            return [*(other for other in found[:-1] if other.line != one.line), one]
    return found


def _depth(label: str, by_label: Mapping[str, Candidate]) -> int:
    """How many sets it builds on."""
    depth, parent = 0, by_label[label].parent
    while parent is not None and parent in by_label:
        depth, parent = depth + 1, by_label[parent].parent
    return depth
