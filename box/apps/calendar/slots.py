"""Times at which people can come: what is taken goes in, free times come out, nothing is asked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import islice

from box.lib.recurrence import local_moment

type Stretch = tuple[datetime, datetime]

# Times that people say: on the half hour.
STEP = timedelta(minutes=30)
FARTHEST_DAYS = 60


@dataclass(frozen=True)
class Workday:
    """When meetings may be: on which days, and between which hours of a place."""

    is_worked: Callable[[date], bool]
    begins: time
    ends: time
    zone: tzinfo


def next_slots(
    taken: Iterable[Stretch], length: timedelta, *, after: datetime, day: Workday, most: int = 5,
    margin: timedelta = timedelta(0),
) -> list[Stretch]:  # fmt: skip
    """The first free times of this length, in order, none of which overlaps another. `margin` is what
    all need before and after what is taken, such as a way."""
    busy = merged((start - margin, end + margin) for start, end in taken)
    return list(islice(_free(busy, length, after, day), most))


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time in stretches that neither overlap nor touch, in order."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _free(busy: list[Stretch], length: timedelta, after: datetime, day: Workday) -> Iterator[Stretch]:
    first = after.astimezone(day.zone).date()
    for number in range(FARTHEST_DAYS):
        on = first + timedelta(days=number)
        if not day.is_worked(on):
            continue
        start = local_moment(on, day.begins, day.zone)
        evening = local_moment(on, day.ends, day.zone)
        while start + length <= evening:
            clash = next((end for begin, end in busy if begin < start + length and end > start), None)
            if start < after:
                start += STEP
            elif clash is not None:
                start = _on_step(max(clash, start + STEP), start)
            else:
                yield start, start + length
                start = _on_step(start + length, start)


def _on_step(moment: datetime, since: datetime) -> datetime:
    """The first moment from this one on that is whole steps after the other."""
    steps = -((since - moment) // STEP)
    return since + steps * STEP


# For people outside


@dataclass(frozen=True)
class Offer:
    """Which times somebody offers: of which length, how often one begins, what stays free before and after,
    on which weekdays (Monday is 0) and between which hours of a place; on days that `is_off` nobody works."""

    length: timedelta
    step: timedelta
    before: timedelta
    after: timedelta
    weekdays: Collection[int]
    begins: time
    ends: time
    zone: tzinfo
    is_off: Callable[[date], bool] = lambda day: False

    def times(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """When one begins by these rules, whatever is taken: from `since` on, and before `until`."""
        day, last = since.astimezone(self.zone).date(), until.astimezone(self.zone).date()
        while day <= last:
            if day.weekday() in self.weekdays and not self.is_off(day):
                start = local_moment(day, self.begins, self.zone)
                evening = local_moment(day, self.ends, self.zone)
                while start + self.length <= evening:
                    if since <= start < until:
                        yield start
                    start += self.step
            day += timedelta(days=1)

    def has(self, moment: datetime) -> bool:
        """Whether one begins then by these rules."""
        return next(self.times(moment, moment + timedelta(microseconds=1)), None) is not None

    def held(self, start: datetime) -> Stretch:
        """All that a time takes which begins then."""
        return start - self.before, start + self.length + self.after


def is_free(busy: Sequence[Stretch], wanted: Stretch) -> bool:
    """`busy` is merged."""
    at = bisect_left(busy, wanted[1], key=lambda one: one[0])
    return at == 0 or busy[at - 1][1] <= wanted[0]
