"""Counting working days, against counting them one by one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.workdays import DayKind, Exceptional, WorkCalendar, russian_days

DAYS = st.dates(date(2024, 1, 1), date(2029, 12, 31))
CALENDARS = st.builds(
    WorkCalendar,
    weekdays=st.frozensets(st.integers(0, 6)),
    exceptions=st.dictionaries(DAYS, st.builds(Exceptional, st.sampled_from(DayKind)), max_size=60),
)
RUSSIAN = WorkCalendar(exceptions=russian_days(range(2024, 2028)))


@given(CALENDARS, DAYS, DAYS)
def test_counting_at_once_is_counting_one_by_one(calendar: WorkCalendar, first: date, last: date) -> None:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    assert calendar.working_days_between(first, last) == sum(map(calendar.is_working_day, days))


@given(CALENDARS, DAYS, DAYS, DAYS)
def test_a_stretch_is_the_sum_of_its_parts(calendar: WorkCalendar, a: date, b: date, c: date) -> None:
    first, middle, last = sorted((a, b, c))
    whole = calendar.working_days_between(first, last)
    parts = calendar.working_days_between(first, middle) + calendar.working_days_between(
        middle + timedelta(days=1), last
    )
    assert whole == parts


@given(CALENDARS, DAYS)
def test_a_short_day_is_worked(calendar: WorkCalendar, day: date) -> None:
    assert not calendar.is_short_day(day) or calendar.is_working_day(day)


# The sums of the official production calendars.
@pytest.mark.parametrize(("year", "working"), [(2024, 248), (2025, 247), (2026, 247), (2027, 247)])
def test_the_russian_years_have_their_working_days(year: int, working: int) -> None:
    assert RUSSIAN.working_days_between(date(year, 1, 1), date(year, 12, 31)) == working


def test_moved_days_and_eves_are_known() -> None:
    assert not RUSSIAN.is_working_day(date(2026, 1, 9)), "moved from the 3rd"
    assert not RUSSIAN.is_working_day(date(2026, 12, 31)), "moved from the 4th of January"
    assert not RUSSIAN.is_working_day(date(2026, 5, 11)), "the 9th is a Saturday"
    assert RUSSIAN.is_working_day(date(2027, 2, 20)), "a Saturday, for the Monday before the 23rd"
    assert RUSSIAN.is_short_day(date(2027, 2, 20)), "it is the eve that was moved"
    assert not RUSSIAN.is_working_day(date(2027, 2, 22))
    short = [day for day in russian_days([2026]) if RUSSIAN.is_short_day(day)]
    assert short == [date(2026, 4, 30), date(2026, 5, 8), date(2026, 6, 11), date(2026, 11, 3)]
    assert "День Победы" in RUSSIAN.exceptions[date(2026, 5, 9)].name
    assert "Victory Day" in russian_days([2026], language="en")[date(2026, 5, 9)].name
