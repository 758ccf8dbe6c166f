"""Revenue and expenses by period, person and source, beside the plan; each figure opens its payments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from box.apps.crm.actions.plans import set_plan
from box.apps.crm.actions.records import delete_records
from box.apps.crm.field_rights import give
from box.apps.crm.models import Payment, Plan, Source
from box.apps.crm.payments import payment_list, visible_payments
from box.apps.crm.permissions import Level, Operation
from box.apps.crm.reports import By, Report, last_of, report_of, visible_plans
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.lists.filters import Context
from box.core.lists.query import Query
from tests.box.apps.crm.conftest import added, allow, type_of

if TYPE_CHECKING:
    from django.test import Client

    from box.apps.crm.models import Record

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

TODAY = date(2026, 11, 27)


def paid(record: Record, amount: int, on: date, direction: str = "in") -> None:
    Payment.objects.create(record=record, amount=amount, base_amount=amount, on=on, direction=direction)


@pytest.fixture
def payments(anna: User, cara: User) -> None:
    """Anna's in two months, of the web one; Cara's in the second."""
    web = added("deal", anna, "Web", source=Source.objects.get(code="WEB"))
    plain, caras = added("deal", anna, "Plain"), added("deal", cara, "Cara's")
    paid(web, 100, date(2026, 9, 30))
    paid(web, 200, date(2026, 10, 1))
    paid(plain, 50, date(2026, 10, 31), "out")
    paid(caras, 400, date(2026, 10, 15))


def told(reader: User, by: By, address: str = "") -> Report:
    again = User.objects.get(pk=reader.pk)
    listed = payment_list(again)
    query = Query.read(QueryDict(address), listed.filters, Context(again, TODAY))
    assert not query.problems
    return report_of(query.apply(listed.rows), query, by, "/crm/payments/")


def lines(report: Report) -> list[tuple[str, int, int]]:
    return [(row.label, int(row.received.amount), int(row.spent.amount)) for row in report.rows]


@pytest.mark.usefixtures("payments")
def test_sums_are_put_together_by_period_person_and_source(olga: User) -> None:
    assert lines(told(olga, By.MONTH)) == [("September 2026", 100, 0), ("October 2026", 600, 50)]
    assert [row[1:] for row in lines(told(olga, By.QUARTER))] == [(100, 0), (600, 50)]
    assert lines(told(olga, By.YEAR)) == [("2026", 700, 50)]
    assert len(told(olga, By.DAY).rows) == 4
    assert [row[1:] for row in lines(told(olga, By.PERSON))] == [(400, 0), (300, 50)]
    assert sorted(row[1:] for row in lines(told(olga, By.SOURCE))) == [(300, 0), (400, 50)]
    total = told(olga, By.MONTH).total
    assert (int(total.received.amount), int(total.spent.amount), total.count) == (700, 50, 4)


@pytest.mark.usefixtures("payments")
@pytest.mark.parametrize("by", list(By))
def test_every_figure_opens_just_the_payments_that_it_adds_up(olga: User, by: By) -> None:
    report = told(olga, by, "on.from=2026-09-15&on.to=2026-10-20")
    assert report.rows
    for row in [*report.rows, report.total]:
        for figure, direction in ((row.received, "in"), (row.spent, "out")):
            listed = payment_list(olga)
            given = QueryDict(urlsplit(figure.url).query)
            query = Query.read(given, listed.filters, Context(olga, TODAY))
            assert not query.problems, figure.url
            found = list(query.apply(listed.rows))
            assert sum((one.base_amount for one in found), Decimal(0)) == figure.amount
            assert {one.direction for one in found} <= {direction}


@pytest.mark.usefixtures("payments")
def test_only_what_one_sees_is_added_up(anna: User, cara: User, olga: User) -> None:
    allow(employees_role(), "t2", Level.OWN, "read")
    assert lines(told(anna, By.YEAR)) == [("2026", 300, 50)]
    assert lines(told(cara, By.YEAR)) == [("2026", 400, 0)]
    delete_records([one.record for one in Payment.objects.filter(amount=400)], by=None)
    assert lines(told(olga, By.YEAR)) == [("2026", 300, 50)]
    # What one may only read one does not take along.
    assert not visible_payments(User.objects.get(pk=anna.pk), Operation.EXPORT).exists()
    give(employees_role(), type_of("deal"), "amount", FieldLevel.HIDDEN, by=None)
    assert not visible_payments(User.objects.get(pk=anna.pk)).exists()


@pytest.mark.usefixtures("payments")
def test_a_plan_stands_beside_what_came(olga: User, anna: User, cara: User) -> None:
    set_plan(anna, 2026, {10: Decimal(400), 11: Decimal(100)}, by=olga)
    set_plan(cara, 2026, {10: Decimal(100)}, by=olga)
    months = told(olga, By.MONTH, "on.from=2026-10-01&on.to=2026-11-30")
    assert [(row.label, int(row.plan or 0), row.percent) for row in months.rows] == [
        ("October 2026", 500, 120), ("November 2026", 100, 0)
    ]  # fmt: skip
    assert months.total.percent == 100
    people = told(olga, By.PERSON, "on=this-year")
    assert {row.label: row.plan for row in people.rows} == {anna.name: 500, cara.name: 100}
    # Half a month, or a choice that plans know nothing of: there is nothing to compare with.
    assert not told(olga, By.MONTH, "on.from=2026-10-02&on.to=2026-11-30").has_plan
    assert not told(olga, By.MONTH, "on=this-year&source.is=empty").has_plan
    assert told(olga, By.PERSON, f"on=this-year&responsible=U{cara.pk}").total.plan == 100


def test_plans_are_for_those_who_see_the_work_and_are_set_by_administrators(
    olga: User, anna: User, cara: User
) -> None:
    allow(employees_role(), "t2", Level.OWN)
    added("deal", cara)
    for person in (anna, cara):
        set_plan(person, 2026, {1: Decimal(5)}, by=olga)
    assert list(visible_plans(anna).values_list("user", flat=True)) == [anna.pk]
    assert visible_plans(olga).count() == 2
    with pytest.raises(PermissionDenied):
        set_plan(anna, 2026, {1: Decimal(1)}, by=anna)
    for year, amounts in ((1999, {1: 1}), (2026, {13: 1}), (2026, {1: -1}), (2026, {1: 10**17})):
        with pytest.raises(ValidationError):
            set_plan(anna, year, {month: Decimal(one) for month, one in amounts.items()}, by=olga)
    assert not set_plan(anna, 2026, {1: Decimal(5)}, by=olga)
    assert set_plan(anna, 2026, {}, by=olga)
    assert list(Plan.objects.values_list("user", flat=True)) == [cara.pk]


def test_who_does_not_work_here_has_no_plan(olga: User, erik: User) -> None:
    with pytest.raises(ValidationError, match="colleague who works here"):
        set_plan(erik, 2026, {1: Decimal(5)}, by=olga)
    assert not Plan.objects.exists()


def test_a_plan_is_of_whole_years_month_by_month_and_told_once(olga: User, anna: User, cara: User) -> None:
    year = {month: Decimal(month) for month in range(1, 13)}
    assert set_plan(anna, 2000, year, by=olga)
    assert set_plan(anna, 2100, year, by=olga)
    assert set_plan(cara, 2000, {1: Decimal(5)}, by=olga)
    assert not set_plan(anna, 2000, year, by=olga)
    # Of a month without an amount nothing is expected, and other years and people stay.
    assert set_plan(anna, 2000, {2: Decimal(7), 3: Decimal(0)}, by=olga)
    rows = Plan.objects.order_by("user", "month").values_list("user", "month__year", "amount")
    assert [row for row in rows if row[0] == anna.pk and row[1] == 2000] == [(anna.pk, 2000, Decimal(7))]
    assert len(rows) == 14
    told = Event.objects.filter(kind="crm.DictionaryChanged").order_by("pk")
    assert [one.payload["name"] for one in told] == [
        f"{anna.name}, 2000", f"{anna.name}, 2100", f"{cara.name}, 2000", f"{anna.name}, 2000"
    ]  # fmt: skip


@pytest.mark.parametrize(("by", "last"), [("week", 4), ("month", 30), ("quarter", 31), ("year", 31)])
def test_a_period_ends_with_its_last_day(by: str, last: int) -> None:
    first = {"week": date(2026, 9, 28), "month": date(2026, 9, 1), "quarter": date(2026, 10, 1),
             "year": date(2026, 1, 1)}[by]  # fmt: skip
    assert last_of(first, By(by)).day == last


@pytest.mark.usefixtures("payments")
def test_the_pages_are_read_set_and_refused(as_person: Browser, olga: User, anna: User) -> None:
    browser = as_person(olga)
    first = browser.get("/crm/report/month/")
    assert dict(parse_qsl(urlsplit(first.headers["Location"]).query)) == {"on": "this-year"}
    page = browser.get("/crm/report/person/?on.from=2026-01-01").content.decode()
    assert "Anna" in page and "700" in page
    assert browser.get("/crm/report/nonsense/").status_code == 404
    assert "Web" in browser.get("/crm/payments/").content.decode()
    address = "/crm/plans/2026/"
    given: dict[str, Any] = {"person": str(anna.pk), f"plan-{anna.pk}-3": "1 500,50"}
    assert browser.post(address, given).status_code == 302
    assert Plan.objects.get().amount == Decimal("1500.50")
    assert browser.post(address, {**given, f"plan-{anna.pk}-3": "much"}).status_code == 422
    assert as_person(anna).get(address).status_code == 404


@pytest.mark.usefixtures("payments")
def test_a_report_costs_as_many_queries_whatever_it_adds_up(
    as_person: Browser, olga: User, anna: User
) -> None:
    browser = as_person(olga)
    counts = []
    for _more in range(2):
        browser.get("/crm/report/person/?on=this-year")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/crm/report/person/?on=this-year")
        counts.append(len(queries))
        for number in range(5):
            paid(added("deal", anna, f"More {number}"), 10, date(2026, 10, number + 1))
    assert counts[0] == counts[1]
