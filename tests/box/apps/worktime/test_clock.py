"""The clock is an algebra: whatever is pressed, time is neither lost, doubled nor negative."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.apps.worktime.clock import (
    LONGEST,
    Mark,
    NotNow,
    State,
    Step,
    corrected,
    followed,
    forgotten_at,
    local_day,
    spans,
    state_of,
    stepped,
    tally,
)
from box.apps.worktime.hours import Facts, Hours, Remark, remarks

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

# What people press, and how many seconds pass before; clocks of several machines go back at times.
PRESSED = st.lists(
    st.tuples(st.sampled_from(Step), st.integers(min_value=-30, max_value=20_000)), max_size=30
)


def pressed(presses: list[tuple[Step, int]]) -> tuple[tuple[Mark, ...], datetime]:
    marks: tuple[Mark, ...] = ()
    now = NINE
    for step, seconds in presses:
        now += timedelta(seconds=seconds)
        try:
            marks = stepped(marks, step, at=now)
        except NotNow:
            continue
    return marks, now


@given(PRESSED)
def test_work_and_breaks_are_all_the_time_there_was(presses: list[tuple[Step, int]]) -> None:
    marks, now = pressed(presses)
    day = tally(marks, now=now)
    assert day.worked >= timedelta()
    assert day.paused >= timedelta()
    if marks:
        until = marks[-1].at if day.state is State.FINISHED else max(now, marks[-1].at)
        assert day.worked + day.paused == until - marks[0].at
        assert (day.finished_at is not None) == (day.state is State.FINISHED)
    else:
        assert day.worked + day.paused == timedelta()


@given(PRESSED)
def test_stretches_of_work_are_in_order_and_never_overlap(presses: list[tuple[Step, int]]) -> None:
    marks, _now = pressed(presses)
    found = list(spans(marks))
    assert all(one.ends is None or one.starts <= one.ends for one in found)
    assert all(one.ends is not None and one.ends <= two.starts for one, two in pairwise(found))
    assert (bool(found) and found[-1].ends is None) == (state_of(marks) is State.WORKING)


@given(PRESSED, st.sampled_from(Step))
def test_pressing_twice_is_pressing_once(presses: list[tuple[Step, int]], step: Step) -> None:
    marks, now = pressed(presses)
    try:
        once = stepped(marks, step, at=now)
    except NotNow:
        return
    assert stepped(once, step, at=now + timedelta(seconds=1)) == once


@given(PRESSED, st.sampled_from(Step))
def test_a_step_that_does_not_follow_says_where_the_day_is(
    presses: list[tuple[Step, int]], step: Step
) -> None:
    marks, now = pressed(presses)
    try:
        after = stepped(marks, step, at=now)
    except NotNow as refusal:
        assert refusal.state is state_of(marks)
    else:
        assert after[: len(marks)] == marks
        assert len(after) <= len(marks) + 1


@given(PRESSED, st.integers(0, 100_000), st.integers(0, 100_000))
def test_the_clock_never_runs_backwards(presses: list[tuple[Step, int]], one: int, two: int) -> None:
    marks, now = pressed(presses)
    sooner, later = sorted((one, two))
    before = tally(marks, now=now + timedelta(seconds=sooner))
    after = tally(marks, now=now + timedelta(seconds=later))
    assert before.worked <= after.worked


@given(st.integers(1, 86_400), st.data())
def test_a_correction_counts_what_it_says(length: int, data: st.DataObject) -> None:
    pause = timedelta(seconds=data.draw(st.integers(0, length - 1)))
    day = tally(corrected(NINE, NINE + timedelta(seconds=length), pause), now=NINE)
    assert day.state is State.FINISHED
    assert (day.worked, day.paused) == (timedelta(seconds=length) - pause, pause)


def test_what_was_pressed_by_then_was_spoken_of_and_what_came_later_follows() -> None:
    hour = timedelta(hours=1)
    marks = corrected(NINE, NINE + hour, timedelta())
    pressed = [
        Mark(step, NINE + hours * hour)
        for step, hours in ((Step.START, 2), (Step.PAUSE, 3), (Step.RESUME, 4), (Step.FINISH, 5))
    ]
    since = NINE + 2 * hour
    assert followed(marks, pressed, since=since) == (*marks, *pressed[2:])
    begun_again = Mark(Step.RESUME, since)
    earlier = since - timedelta(seconds=1)
    assert followed(marks, pressed, since=earlier) == (*marks, begun_again, *pressed[1:])


def test_the_pause_of_a_correction_lies_in_the_middle_and_none_is_no_pause() -> None:
    hour = timedelta(hours=1)
    assert corrected(NINE, NINE + 9 * hour, hour) == (
        Mark(Step.START, NINE), Mark(Step.PAUSE, NINE + 4 * hour), Mark(Step.RESUME, NINE + 5 * hour),
        Mark(Step.FINISH, NINE + 9 * hour),
    )  # fmt: skip
    assert corrected(NINE, NINE + hour, timedelta()) == (
        Mark(Step.START, NINE), Mark(Step.FINISH, NINE + hour)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "step"),
    [((), Step.PAUSE), ((), Step.FINISH), ((), Step.RESUME), ((Step.START, Step.FINISH), Step.PAUSE)],
)
def test_nobody_pauses_or_ends_what_has_not_begun(steps: tuple[Step, ...], step: Step) -> None:
    marks, _now = pressed([(one, 60) for one in steps])
    with pytest.raises(NotNow, match=f"{step} is no step from {state_of(marks)}"):
        stepped(marks, step, at=NINE)


@given(st.integers(0, 2 * 365 * 24 * 60), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_a_day_is_forgotten_the_next_morning_and_never_in_its_first_sixteen_hours(
    minutes: int, zone: str
) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    forgotten = forgotten_at(began, ZoneInfo(zone))
    assert forgotten >= began + LONGEST
    assert local_day(forgotten, ZoneInfo(zone)) > local_day(began, ZoneInfo(zone))


def test_an_office_day_is_forgotten_in_the_morning_and_a_night_shift_after_it() -> None:
    nine, ten = (datetime(2026, 11, 24, hour, tzinfo=BERLIN) for hour in (9, 22))
    assert forgotten_at(nine, BERLIN) == datetime(2026, 11, 25, 5, tzinfo=BERLIN)
    assert forgotten_at(ten, BERLIN) == datetime(2026, 11, 25, 14, tzinfo=BERLIN)


def test_a_night_in_which_the_clocks_change_has_as_many_hours_as_passed() -> None:
    """On 25 October 2026 an hour comes twice, on 29 March one is left out."""
    for day, hours in ((date(2026, 10, 24), 9), (date(2026, 3, 28), 7), (date(2026, 6, 1), 8)):
        starts = datetime.combine(day, time(22), tzinfo=BERLIN).astimezone(UTC)
        ends = datetime.combine(day + timedelta(days=1), time(6), tzinfo=BERLIN).astimezone(UTC)
        assert tally(corrected(starts, ends, timedelta()), now=ends).worked == timedelta(hours=hours)


OFFICE = Hours(timedelta(hours=8), time(9), time(18))
NIGHT = Hours(timedelta(hours=8), time(22), time(6))
FREE = Hours(timedelta(hours=8))
ON = date(2026, 10, 23)
AFTER = ON + timedelta(days=1)


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    return datetime(2026, 10, 23 + days, hour, minute, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("facts", "hours", "expected"),
    [
        (Facts(at(9, 10), at(17, 50), timedelta(hours=8)), OFFICE, ()),
        (Facts(at(9, 11), at(18), timedelta(hours=8)), OFFICE, (Remark.LATE,)),
        (Facts(at(9), at(17, 49), timedelta(hours=8)), OFFICE, (Remark.EARLY,)),
        (Facts(at(9), None, timedelta(), is_forgotten=True), OFFICE, (Remark.FORGOTTEN,)),
        (Facts(at(22), at(6, days=1), timedelta(hours=8)), NIGHT, ()),
        (Facts(at(22), at(5, days=1), timedelta(hours=7)), NIGHT, (Remark.EARLY,)),
        (Facts(at(13), at(21), timedelta(hours=8)), FREE, ()),
        (Facts(at(13), at(20), timedelta(hours=7)), FREE, (Remark.SHORT,)),
        (Facts(at(13), at(14), timedelta(hours=1)), None, ()),
        (None, OFFICE, (Remark.ABSENT,)),
        (None, None, ()),
    ],
)
def test_a_day_is_compared_with_what_was_expected(
    facts: Facts | None, hours: Hours | None, expected: tuple[Remark, ...]
) -> None:
    grace = timedelta(minutes=10)
    assert remarks(facts, hours, on=ON, today=AFTER, zone=BERLIN, grace=grace) == expected


def test_today_nobody_is_absent_or_short_yet() -> None:
    grace = timedelta()
    assert remarks(None, OFFICE, on=ON, today=ON, zone=BERLIN, grace=grace) == ()
    short = Facts(at(9), at(10), timedelta(hours=1))
    assert remarks(short, FREE, on=ON, today=ON, zone=BERLIN, grace=grace) == ()
