"""Hours that are planned, against hours that there are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.tasks.workload import loads, minutes_of_day, spread
from box.core.people.absences import Away, write_absence
from tests.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

# Of the week in which the clock stands: it is a Wednesday.
MONDAY = date(2026, 11, 16)
TODAY = MONDAY + timedelta(days=2)


def noon(day: int) -> datetime:
    return datetime(2026, 11, 16, 9, tzinfo=UTC) + timedelta(days=day)


def weekday(day: date) -> bool:
    return day.weekday() < 5


def test_what_is_left_is_shared_by_the_days_that_are_worked(give: Give) -> None:
    task = give("Build", starts_at=noon(3), ends_at=noon(8), estimate_minutes=480)
    shared = spread(task, 480, today=TODAY, works=weekday)
    assert shared == dict.fromkeys([MONDAY + timedelta(days=one) for one in (3, 4, 7, 8)], 120)


def test_what_is_overdue_is_for_today(give: Give) -> None:
    task = give("Late", starts_at=noon(-9), ends_at=noon(-8), estimate_minutes=60)
    assert spread(task, 60, today=TODAY, works=weekday) == {TODAY: 60}


def test_hours_that_there_are_leave_out_days_off_and_absences(boris: User, give: Give) -> None:
    begins, ends = TODAY + timedelta(days=5), TODAY + timedelta(days=6)
    write_absence(boris, Away("vacation", begins, ends), by=boris)
    give("Build", starts_at=noon(7), ends_at=noon(11), estimate_minutes=600)
    (load,) = loads([boris], [give("Some day")], today=TODAY)
    day = minutes_of_day()
    assert day == 8 * 60
    assert [week.able for week in load.weeks[:3]] == [5 * day, 3 * day, 5 * day]
    assert load.unplanned == 1


def test_a_week_is_over_once_more_is_planned_than_there_is(boris: User, give: Give) -> None:
    whole = 5 * minutes_of_day()
    for minutes, tone in (
        (whole, "full"),
        (whole + 5, "over"),
        (whole * 2 // 10, "free"),
        (whole // 2, "some"),
    ):
        task = give(
            "Build", starts_at=noon(7), ends_at=noon(11) + timedelta(hours=5), estimate_minutes=minutes
        )
        (load,) = loads([boris], [task], today=TODAY)
        assert load.weeks[1].tone == tone, minutes
        assert round(load.weeks[1].planned) == minutes


def test_the_page_shows_whoever_has_tasks_and_costs_the_same_for_many(
    as_person: Browser, anna: User, boris: User, give: Give
) -> None:
    give("Build", deadline_at=timezone.now() + timedelta(days=1), estimate_minutes=90)
    browser = as_person(anna)
    page = browser.get("/tasks/workload/").content.decode()
    assert boris.name in page
    assert "1:30" in page
    with CaptureQueriesContext(connection) as for_one:
        browser.get("/tasks/workload/")
    for _ in range(12):
        give("More", deadline_at=timezone.now() + timedelta(days=1), estimate_minutes=30)
    with CaptureQueriesContext(connection) as for_many:
        assert "7:30" in browser.get("/tasks/workload/").content.decode()
    assert len(for_many) == len(for_one) <= 12


def test_a_person_of_whom_one_sees_no_task_does_not_stand_there(
    as_person: Browser, boris: User, cara: User, give: Give
) -> None:
    give("Build", estimate_minutes=90)
    assert boris.name not in as_person(cara).get("/tasks/workload/").content.decode()


def test_time_that_was_worked_is_left_out(give: Give, boris: User, clock: Clock) -> None:
    task = give("Build", starts_at=noon(7), ends_at=noon(8), estimate_minutes=90)
    task.spent_seconds = 30 * 60
    (load,) = loads([boris], [task], today=TODAY)
    assert round(load.weeks[1].planned) == 60
