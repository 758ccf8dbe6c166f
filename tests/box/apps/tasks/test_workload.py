"""Hours that are planned, against hours that there are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.tasks.models import bar_of
from box.apps.tasks.workload import Planned, days_of, loads, minutes_of_day
from box.core.people.absences import Away, write_absence
from box.core.portal.calendar import work_calendar
from tests.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.apps.tasks.models import Task
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

# Of the week in which the clock stands: it is a Wednesday.
MONDAY = date(2026, 11, 16)
TODAY = MONDAY + timedelta(days=2)


def noon(day: int) -> datetime:
    return datetime(2026, 11, 16, 9, tzinfo=UTC) + timedelta(days=day)


WORKED = [day for place in range(400) if (day := TODAY + timedelta(days=place)).weekday() < 5]


def read(*tasks: Task) -> list[Planned]:
    return [Planned(*(getattr(task, name) for name in Planned._fields)) for task in tasks]


def days(task: Task) -> list[date]:
    bar = bar_of(task)
    assert bar is not None
    return list(days_of(bar, WORKED, today=TODAY))


def test_what_is_left_is_shared_by_the_days_that_are_worked(give: Give) -> None:
    task = give("Build", starts_at=noon(3), ends_at=noon(8), estimate_minutes=480)
    assert days(task) == [MONDAY + timedelta(days=one) for one in (3, 4, 7, 8)]


def test_what_has_begun_is_shared_from_today_on(give: Give) -> None:
    task = give("Build", starts_at=noon(-3), ends_at=noon(3), estimate_minutes=480)
    assert days(task) == [TODAY, TODAY + timedelta(days=1)]


def test_what_is_overdue_is_for_today(give: Give) -> None:
    task = give("Late", starts_at=noon(-9), ends_at=noon(-8), estimate_minutes=60)
    assert days(task) == [TODAY]


def test_what_lies_on_a_day_off_is_for_that_day(give: Give) -> None:
    task = give("Odd", starts_at=noon(5), ends_at=noon(5) + timedelta(hours=2), estimate_minutes=60)
    assert days(task) == [MONDAY + timedelta(days=5)]


def test_hours_that_there_are_leave_out_days_off_and_absences(boris: User, give: Give) -> None:
    begins, ends = TODAY + timedelta(days=5), TODAY + timedelta(days=6)
    write_absence(boris, Away("vacation", begins, ends), by=boris)
    give("Build", starts_at=noon(7), ends_at=noon(11), estimate_minutes=600)
    (load,) = loads([boris], read(give("Some day")), today=TODAY)
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
        (load,) = loads([boris], read(task), today=TODAY)
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
    (load,) = loads([boris], read(task), today=TODAY)
    assert round(load.weeks[1].planned) == 60


def test_a_part_of_a_long_task_lies_in_each_of_its_weeks(give: Give, boris: User) -> None:
    task = give("Long", starts_at=noon(7), ends_at=noon(7 + 10 * 7 - 1), estimate_minutes=50 * 60)
    beyond = give("Later", starts_at=noon(300), ends_at=noon(700), estimate_minutes=60)
    (load,) = loads([boris], read(task, beyond), today=TODAY)
    calendar = work_calendar()
    begins = [MONDAY + timedelta(days=one) for one in range(7, 77)]
    worked = [day for day in begins if calendar.is_working_day(day)]
    for week in load.weeks:
        share = sum(week.begins <= day <= week.ends for day in worked) / len(worked)
        assert round(week.planned) == round(50 * 60 * share)
