"""What is expected of a working day, and how a day compares. Pure, like the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum


@dataclass(frozen=True)
class Hours:
    """So long a person works on a working day; with `starts` and `ends` at these hours, else at any.

    `ends` before `starts` is on the next day.
    """

    length: timedelta
    starts: time | None = None
    ends: time | None = None

    @property
    def is_fixed(self) -> bool:
        return self.starts is not None

    def span(self, day: date, zone: tzinfo) -> tuple[datetime, datetime] | None:
        """The moments between which the person is expected; None where the hours are theirs to choose."""
        if self.starts is None or self.ends is None:
            return None
        last = day + timedelta(days=1) if self.ends <= self.starts else day
        return (
            datetime.combine(day, self.starts, tzinfo=zone).astimezone(UTC),
            datetime.combine(last, self.ends, tzinfo=zone).astimezone(UTC),
        )


class Remark(StrEnum):
    """What strikes one about a day."""

    FORGOTTEN = "forgotten"
    LATE = "late"
    EARLY = "early"
    SHORT = "short"
    ABSENT = "absent"


@dataclass(frozen=True)
class Facts:
    """What is known of a day that somebody worked on."""

    started_at: datetime
    finished_at: datetime | None
    worked: timedelta
    is_forgotten: bool = False


def remarks(
    facts: Facts | None, hours: Hours | None, *, on: date, today: date, zone: tzinfo, grace: timedelta
) -> tuple[Remark, ...]:
    """How the day compares. `hours` is None on a day off, when nothing is expected.

    Only a day that is over is called too short or absent.
    """
    if facts is None:
        return (Remark.ABSENT,) if hours is not None and on < today else ()
    found = [Remark.FORGOTTEN] if facts.is_forgotten else []
    if hours is None:
        return tuple(found)
    if expected := hours.span(on, zone):
        if facts.started_at > expected[0] + grace:
            found.append(Remark.LATE)
        if facts.finished_at is not None and facts.finished_at < expected[1] - grace:
            found.append(Remark.EARLY)
    elif facts.finished_at is not None and on < today and facts.worked < hours.length - grace:
        found.append(Remark.SHORT)
    return tuple(found)
