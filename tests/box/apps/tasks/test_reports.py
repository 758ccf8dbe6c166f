"""What was in work, given, completed and late; and that each figure is an address of the tasks it counts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.tasks.lists import FILTERS
from box.apps.tasks.models import Task
from box.apps.tasks.reports import By, Figures, report_of
from box.apps.tasks.states import State
from box.core.groups.actions import NewGroup, create_group
from box.core.lists.filters import Context
from box.core.lists.query import Query
from box.core.structure.actions import add_member, create_department

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.apps.tasks.reports import Report
    from box.core.accounts.models import User
    from box.core.groups.models import Group
    from box.core.structure.models import Department
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

# The clock stands on Wednesday, 18 November.
FIRST, LAST = date(2026, 11, 9), date(2026, 11, 15)
DAYS = f"during.from={FIRST}&during.to={LAST}"


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def was(task: Task, given: datetime, *, due: datetime | None = None, over: datetime | None = None) -> Task:
    state, by = (State.COMPLETED, task.responsible) if over else (State.WAITING, None)
    Task.objects.filter(pk=task.pk).update(
        created_at=given, deadline_at=due, closed_at=over, closed_by=by, state=state
    )
    return task


def told(
    reader: User, by: By = By.PERSON, address: str = "during.from=2026-11-09&during.to=2026-11-15"
) -> Report:
    query = Query.read(QueryDict(address), FILTERS, Context(reader, timezone.localdate()))
    rows = query.apply(Task.objects.there().visible_to(reader))
    return report_of(rows, query, by, "/tasks/", now=timezone.now())


def test_what_counts_in_some_days_and_what_does_not(anna: User, boris: User, give: Give) -> None:
    was(give("Before"), at(1), over=at(8, 20))
    was(give("Open all the while"), at(1))
    was(give("Begun and done in time"), at(9), due=at(12), over=at(11))
    was(give("Done late"), at(9), due=at(10), over=at(14))
    was(give("Late and open"), at(1), due=at(5))
    was(give("Late only after these days"), at(10), due=at(16, 9))
    was(give("Late before, and over before"), at(1), due=at(2), over=at(3))
    was(give("After"), at(16))
    (row,) = told(anna).rows
    assert (row.label, row.figures) == (boris.name, Figures(worked=5, given=3, done=2, late=2))
    assert row.figures.effectiveness == 60
    assert told(anna).total.figures == row.figures


def test_the_last_day_belongs_to_it_and_the_next_does_not(anna: User, give: Give) -> None:
    was(give("In the last minute"), datetime(2026, 11, 15, 20, 59, tzinfo=UTC))
    was(give("A minute later"), datetime(2026, 11, 15, 21, 0, tzinfo=UTC))
    assert told(anna).total.figures.given == 1


def test_what_is_not_seen_is_not_counted(anna: User, cara: User, give: Give) -> None:
    was(give(), at(10))
    assert told(anna).total.figures.worked == 1
    assert told(cara).total.figures == Figures()
    assert told(cara).total.figures.effectiveness is None


def test_by_project_and_by_department(
    anna: User, boris: User, give: Give, project: Group, sales: Department, factory: Department
) -> None:
    was(give(project=project), at(10), due=at(11))
    was(give(), at(10))
    by_project = [(row.label, row.figures.worked, row.figures.late) for row in told(anna, By.PROJECT).rows]
    assert by_project == [(project.name, 1, 1), ("no project", 1, 0)]
    add_member(factory, boris, by=None)
    rows = {row.label: row.figures.worked for row in told(anna, By.DEPARTMENT).rows}
    # Who works in two counts in both, and once in all.
    assert rows == {sales.name: 2, factory.name: 2}
    assert told(anna, By.DEPARTMENT).total.figures.worked == 2


def test_of_who_is_in_no_department_there_is_a_row_that_leads_nowhere(
    anna: User, cara: User, give: Give
) -> None:
    was(give(to=cara), at(10))
    (row,) = told(anna, By.DEPARTMENT).rows
    assert (row.label, row.figures.worked, row.urls) == ("no department", 1, {})


def test_by_period_a_quarter_falls_into_weeks_and_a_year_into_months(anna: User, give: Give) -> None:
    was(give(), at(10), due=at(12))
    by_week = told(anna, By.PERIOD, "during.from=2026-11-02&during.to=2026-11-18").rows
    assert [row.figures for row in by_week] == [
        Figures(),
        Figures(worked=1, given=1, late=1),
        Figures(worked=1, late=1),
    ]
    by_month = told(anna, By.PERIOD, "during=this-year").rows
    assert (len(by_month), by_month[10].figures.given) == (12, 1)


def test_how_much_was_left_at_the_end_of_each_day(anna: User, give: Give) -> None:
    was(give(), at(1), over=at(11))
    was(give(), at(1))
    was(give(), at(10), over=at(10, 12))
    was(give(), at(14))
    left = told(anna).burndown
    assert [count for _day, count in left.left] == [2, 2, 1, 1, 1, 2, 2]
    assert (left.left[0][0], left.left[-1][0], left.days) == (FIRST, LAST, 7)
    assert left.line(600, 100).split()[2] == "200.0,50.0"
    assert left.ideal(600, 100) == "0,0.0 600,100"


def test_days_that_are_to_come_have_no_figure_yet(anna: User, give: Give) -> None:
    give()
    left = told(anna, address="during=this-month").burndown
    assert (left.left[-1][0], len(left.left), left.days) == (date(2026, 11, 18), 18, 30)


@pytest.fixture
def project(anna: User) -> Group:
    return create_group(NewGroup("Warehouse"), by=anna)


@pytest.fixture
def factory(sales: Department) -> Department:
    return create_department("Factory", parent=sales.parent, by=None)


def test_every_figure_opens_the_tasks_that_it_counts(
    anna: User, give: Give, as_person: Browser, project: Group
) -> None:
    was(give("Done late", project=project), at(9), due=at(10), over=at(14))
    was(give("Open", project=project), at(9))
    was(give("Long ago"), at(1), over=at(2))
    client = as_person(anna)
    for by in By:
        page = client.get(
            f"/tasks/report/{by}/?role=all&during.from={FIRST}&during.to={LAST}"
        ).content.decode()
        links = re.findall(r'<td class="number"\s+data-label="[^"]+"><a\s+href="([^"]+)">(\d+)</a>', page)
        assert len(links) >= 4
        for address, count in links:
            opened = client.get(unescape(address)).content.decode()
            assert len(set(re.findall(r'href="/tasks/(\d+)/"', opened))) == int(count), address


def test_without_a_choice_it_is_of_all_that_one_sees_in_this_month(anna: User, as_person: Browser) -> None:
    answer = as_person(anna).get("/tasks/report/person/")
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"role": ["all"], "during": ["this-month"]}
    assert as_person(anna).get("/tasks/report/weather/").status_code == 404


def test_the_queries_do_not_grow(anna: User, boris: User, cara: User, give: Give, as_person: Browser) -> None:
    client = as_person(anna)

    def asked(by: By) -> int:
        address = f"/tasks/report/{by}/?role=all&{DAYS}"
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    was(give(), at(9))
    before = {by: asked(by) for by in By}
    for person in (anna, boris, cara):
        for day in (9, 10, 11):
            was(give(to=person), at(day), due=at(day) + timedelta(days=1))
    assert {by: asked(by) for by in By} == before
    assert max(before.values()) <= 20
