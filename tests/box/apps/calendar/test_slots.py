from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from box.apps.calendar.slots import STEP, Stretch, Workday, merged, next_slots
from tests.box.apps.calendar.conftest import MOSCOW, TEN

HOUR = timedelta(hours=1)
DAY = Workday(lambda day: day.weekday() < 5, time(9), time(18), MOSCOW)
MORNING = TEN.replace(hour=8)


def at(day: int, hour: float) -> datetime:
    return TEN.replace(day=day, hour=0) + timedelta(hours=hour)


def starts(
    *taken: tuple[datetime, datetime], length: timedelta = HOUR, after: datetime = MORNING
) -> list[str]:
    return [f"{one:%d %H:%M}" for one, _end in next_slots(taken, length, after=after, day=DAY)]


def test_an_empty_day_is_offered_from_its_beginning() -> None:
    assert starts() == ["01 09:00", "01 10:00", "01 11:00", "01 12:00", "01 13:00"]


def test_what_is_taken_is_passed_over_to_the_next_half_hour() -> None:
    assert starts((at(1, 9), at(1, 10.25)), (at(1, 12), at(1, 17)))[:3] == [
        "01 10:30",
        "01 17:00",
        "02 09:00",
    ]


def test_a_time_may_touch_what_is_taken_and_end_with_the_day() -> None:
    assert starts((at(1, 9), at(1, 16)), length=2 * HOUR)[:2] == ["01 16:00", "02 09:00"]


def test_days_off_are_passed_over() -> None:
    assert starts(length=9 * HOUR) == ["01 09:00", "02 09:00", "03 09:00", "04 09:00", "07 09:00"]


def test_nothing_is_offered_before_the_moment_that_is_asked_for() -> None:
    assert starts(after=at(1, 16.25))[:2] == ["01 16:30", "02 09:00"]


def test_a_way_between_meetings_is_left_free() -> None:
    found = next_slots([(at(1, 11), at(1, 12))], HOUR, after=MORNING, day=DAY, margin=timedelta(minutes=30))
    assert [one.hour + one.minute / 60 for one, _end in found[:2]] == [9, 12.5]


def test_what_is_longer_than_a_day_is_never_offered() -> None:
    assert starts(length=timedelta(hours=9, minutes=1)) == []


stretches = st.lists(
    st.tuples(st.integers(0, 4 * 24 * 4), st.integers(1, 40)).map(
        lambda pair: (at(1, pair[0] / 4), at(1, (pair[0] + pair[1]) / 4))
    ),
    max_size=12,
)


@given(stretches, st.integers(1, 20))
def test_every_time_is_free_within_working_hours_and_the_first_that_is(
    taken: list[Stretch], quarters: int
) -> None:
    length = timedelta(minutes=15 * quarters)
    found = next_slots(taken, length, after=MORNING, day=DAY)

    def is_free(start: datetime) -> bool:
        end = start + length
        works = (
            DAY.is_worked(start.date())
            and time(9) <= start.time()
            and end <= start.replace(hour=18, minute=0)
        )
        return works and all(end <= begin or start >= until for begin, until in taken)

    assert all(is_free(start) for start, _end in found)
    steps = (MORNING + number * STEP for number in range(48 * 20))
    assert [one for one, _end in found[:1]] == [next(one for one in steps if is_free(one))]


@given(stretches)
def test_merged_stretches_hold_the_same_time(taken: list[Stretch]) -> None:
    found = merged(taken)
    assert all(one[1] < other[0] for one, other in pairwise(found))
    quarters = [at(1, number / 4) for number in range(4 * 24 * 6)]
    assert [any(a <= q < b for a, b in taken) for q in quarters] == [
        any(a <= q < b for a, b in found) for q in quarters
    ]
