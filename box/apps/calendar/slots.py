"""The next times at which all can come: what is taken goes in, free times come out, nothing is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
