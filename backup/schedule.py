"""When the next backup is due and of which kind. The clock is passed in; it may have been set back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Literal

from backup.retention import Candidate, Reason, Rule, kept

type Kind = Literal["full", "incr"]


@dataclass(frozen=True)
class Schedule:
    """`at` is the time of day of the first backup (in the company's zone), repeated every `every_hours`."""

    at: time = time(2, 0)
    every_hours: int = 24
    full_every_days: int = 7

    def __str__(self) -> str:
        often = "every day" if self.every_hours == 24 else f"every {self.every_hours} hours, counted"
        start = "at" if self.every_hours == 24 else "from"
        return f"{often.capitalize()} {start} {self.at:%H:%M}; a full one every {self.full_every_days} days."


def runs(schedule: Schedule, *, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The moments after `after` at which a backup begins, in UTC and without end.

    An hour that the change to summer time skips is made up for right after it; one that comes twice counts
    once.
    """
    day = after.astimezone(zone).date() - timedelta(days=1)
    latest = after.astimezone(UTC)
    while True:
        for hours in range(0, 24, schedule.every_hours):
            wall = datetime.combine(day, schedule.at) + timedelta(hours=hours)
            if wall.date() != day and schedule.every_hours == 24:
                continue
            moment = wall.replace(tzinfo=zone).astimezone(UTC)
            if moment > latest:
                latest = moment
                yield moment
        day += timedelta(days=1)


def next_run(schedule: Schedule, *, after: datetime, zone: tzinfo) -> datetime:
    return next(runs(schedule, after=after, zone=zone))


def is_due(schedule: Schedule, *, last: datetime | None, now: datetime, zone: tzinfo) -> bool:
    """Whether a backup should begin. Without any yet: at once.

    A last one that lies in the future was made before the clock was set back: it counts as made now.
    """
    return last is None or next_run(schedule, after=min(last, now), zone=zone) <= now


def is_late(schedule: Schedule, *, last: datetime | None, now: datetime, zone: tzinfo) -> bool:
    """Whether a whole turn was missed: time to warn."""
    if last is None:
        return False
    coming = runs(schedule, after=min(last, now), zone=zone)
    next(coming)
    return next(coming) <= now


def kind_of_next(schedule: Schedule, *, last_full: datetime | None, now: datetime, zone: tzinfo) -> Kind:
    """Full when there is none yet, or when the last one is as many days old as the schedule says."""
    if last_full is None:
        return "full"
    age = now.astimezone(zone).date() - last_full.astimezone(zone).date()
    return "full" if age.days >= schedule.full_every_days else "incr"


def calendar(
    schedule: Schedule, rule: Rule, *, now: datetime, zone: tzinfo, days: int = 400, locked_days: int = 0
) -> list[tuple[datetime, frozenset[Reason]]]:
    """What there will be after `days` of this schedule under this rule, oldest first: shown before saving."""

    def staying_at(moment: datetime) -> dict[str, frozenset[Reason]]:
        since = moment - timedelta(days=locked_days) if locked_days else None
        return kept(sets, rule, zone, locked_since=since)

    sets: list[Candidate] = []
    last_full: datetime | None = None
    chain: str | None = None
    for number, moment in enumerate(runs(schedule, after=now, zone=zone)):
        if moment > now + timedelta(days=days):
            break
        kind = kind_of_next(schedule, last_full=last_full, now=moment, zone=zone)
        label = f"{number:06}"
        if kind == "full":
            last_full, chain = moment, None
        sets.append(Candidate(label, moment, chain))
        chain = label
        staying = staying_at(moment)
        sets = [one for one in sets if one.label in staying]
    staying = staying_at(now + timedelta(days=days))
    return [(one.ended_at, staying[one.label]) for one in sets]
