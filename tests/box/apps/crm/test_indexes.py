"""The plans of what people look at all day: an index finds it, however many deals and payments there are."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.crm.card_parts import parts_of
from box.apps.crm.catalog import catalog
from box.apps.crm.lists import record_list
from box.apps.crm.models import Activity, ContactPoint, Link, Payment, Record
from box.apps.crm.payments import payment_list
from box.apps.crm.permissions import Level, audience_in
from box.core.access.actions import employees_role
from box.core.access.principals import memberships_of
from box.core.discussion.actions import open_threads
from box.core.lists.filters import Context
from box.core.lists.keyset import Keyset
from box.core.lists.query import Query
from box.core.registry.company import company_day
from box.core.registry.filtering import ExternalId, condition_of
from box.lib.bulk import analyze
from tests.box.apps.crm.conftest import allow, stage_of, type_of

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet

    from box.core.accounts.models import User
    from box.core.lists.definition import List

COUNT = 2000
PAGE = 51


@pytest.fixture
def many(anna: User, cara: User) -> None:
    """Of which anna has one in a hundred and cara the rest; each with a step, a payment, a telephone, and the
    one after it as a client."""
    kind, stage, now = type_of("deal"), stage_of("deal", "NEW"), timezone.now()
    threads = open_threads([kind.kind] * COUNT)
    audiences = {one.pk: audience_in(stage.scope, memberships_of(one)) for one in (anna, cara)}
    records = Record.objects.bulk_create(
        Record(
            type=kind, stage=stage, pipeline=stage.pipeline, thread_id=thread, title=f"Deal {number}",
            amount=number, base_amount=number, currency="RUB", rank=f"i{number:05}", responsible=who,
            audience=audiences[who.pk], next_step_at=now + timedelta(minutes=number),
        )
        for number, thread in enumerate(threads)
        for who in [anna if number % 100 == 0 else cara]
    )  # fmt: skip
    today = company_day()
    Payment.objects.bulk_create(
        Payment(record=one, amount=Decimal(1), base_amount=Decimal(1), on=today - timedelta(days=number))
        for number, one in enumerate(records)
    )
    Activity.objects.bulk_create(
        Activity(kind="call", subject="Call", responsible=one.responsible, deadline=one.next_step_at)
        for one in records
    )
    ContactPoint.objects.bulk_create(
        ContactPoint(record=one, kind="phone", value=number, normal=number, rank="i")
        for place, one in enumerate(records)
        for number in [f"+7916{place:07}"]
    )
    Link.objects.bulk_create(
        Link(record=one, to=other, role=Link.Role.CONTACT, rank="i")
        for one, other in itertools.pairwise(records)
    )
    for model in (Record, Payment, Activity, ContactPoint, Link):
        analyze(model)
    allow(employees_role(), "t2", Level.OWN)


def plan(listed: List[Any, Any], reader: User, sort: str = "", address: str = "") -> str:
    query = Query.read(QueryDict(address), listed.filters, Context(reader, company_day()))
    assert not query.problems
    rows: QuerySet[Any, Any] = query.apply(listed.rows)
    order: Keyset = listed.keyset(sort or listed.order)
    return order.ordered(rows)[:PAGE].explain()


ORDERS = {
    "-added": "crm_record_newest", "title": "crm_record_by_title", "-changed": "crm_record_by_change",
    "-amount": "crm_record_by_amount",
}  # fmt: skip


# One test: thousands of rows are made once.
@pytest.mark.django_db
@pytest.mark.usefixtures("many")
def test_lists_boards_steps_and_payments_are_found_by_their_indexes(olga: User, anna: User) -> None:
    deals = catalog().by_slug["deal"]
    for sort, index in ORDERS.items():
        said = plan(record_list(olga, deals), olga, sort)
        assert index in said or (sort == "-added" and "crm_record_pkey" in said)
        assert "Sort" not in said
        assert "Seq Scan on crm_record" not in said
    # What one sees is gathered first; a column of the board is read in its order.
    assert "Seq Scan on crm_record" not in plan(record_list(anna, deals), anna)
    column = Record.objects.visible_to(olga).there().filter(stage=stage_of("deal", "NEW")).on_board()
    assert "crm_record_on_board" in column[:PAGE].explain()
    steps = Activity.objects.open().filter(responsible=anna, deadline__lt=timezone.now()).by_deadline()
    assert "Seq Scan on crm_activity" not in steps[:PAGE].explain()
    assert "crm_payment_newest" in plan(payment_list(olga), olga)
    # A number and what a card shows are looked up, and not all records and numbers held against them.
    reached = (
        Record.objects.there().of_type(deals.pk).matching("+79160000123", clients=Record.objects.there())
    )
    said = reached.newest_first()[:PAGE].explain()
    assert "SubPlan" not in said
    assert "Seq Scan on crm_record" not in said
    with CaptureQueriesContext(connection) as asked:
        parts_of(Record.objects.order_by("id")[0], now=timezone.now())
    (sql,) = [one["sql"] for one in asked if "crm_contactpoint" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (GENERIC_PLAN) {sql}")
        said = "\n".join(line for (line,) in cursor.fetchall())
    assert "crm_contactpoint" in said
    assert "Seq Scan on crm_contactpoint" not in said
    month = plan(payment_list(olga), olga, address="on=last-30-days")
    assert "Seq Scan on crm_payment" not in month
    known = Record.objects.filter(
        condition_of({"ORIGIN_ID": "{0d-17}"}, {"ORIGIN_ID": ExternalId("external_id")})
    )
    assert "crm_record_external_id" in known.order_by("id")[:PAGE].explain()
