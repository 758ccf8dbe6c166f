"""Lists of records: found by numbers and words, changed in a cell, many at once, taken along as a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.papers import add_paper
from box.apps.crm.actions.stages import set_demands
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.field_rights import give
from box.apps.crm.models import Record
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from box.core.fields.actions import FieldDraft, add_field
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def names(page: Any) -> list[str]:
    found = page.content.decode().partition('id="list"')[2].partition("</section>")[0]
    return re.findall(r'class="list-first"><a\s+href="[^"]+">([^<]+)</a>', found)


@pytest.mark.parametrize(
    "query",
    [
        {"q": "8 (916) 123-45-67"},
        {"q": "123-45-67"},
        {"q": "Rose@Example.com"},
        {"q": "7701234567"},
        {"q": "osE fl"},
        {"phone": "+7 916 1234567"},
        {"email": "rose@"},
        {"tax": "770123"},
        {"responsible": "me"},
    ],
)
def test_a_client_is_found_by_numbers_addresses_and_words(
    as_person: Browser, anna: User, query: dict[str, str]
) -> None:
    reached = [Reach("phone", "+7 916 123-45-67"), Reach("email", "rose@example.com")]
    added("company", anna, "Rose flowers", reached_by=reached, tax_number="7701234567")
    added("company", anna, "Another") if "responsible" not in query else None
    assert names(as_person(anna).get("/crm/company/", query)) == ["Rose flowers"]


@pytest.mark.parametrize("text", ["8 (916) 123-45-67", "Rose@Example.com", "7701234567"])
def test_a_deal_is_found_by_what_its_client_is_reached_by(
    as_person: Browser, anna: User, boris: User, text: str
) -> None:
    reached = [Reach("phone", "+7 916 123-45-67"), Reach("email", "rose@example.com")]
    rose = added("company", anna, "Rose", reached_by=reached, tax_number="7701234567")
    added("deal", anna, "Chairs", company=rose)
    added("deal", anna, "Tables")
    assert names(as_person(anna).get("/crm/deal/", {"q": text})) == ["Chairs"]
    # Nobody learns of a client whom they do not see whose number this is.
    added("deal", boris, "Sofas", company=rose)
    assert names(as_person(boris).get("/crm/deal/", {"q": text})) == []


def test_a_deal_is_not_found_by_what_is_hidden_of_its_client(as_person: Browser, anna: User) -> None:
    rose = added("company", anna, "Rose", reached_by=[Reach("phone", "+79161234567")])
    added("deal", anna, "Chairs", company=rose)
    give(employees_role(), type_of("company"), "reached_by", FieldLevel.HIDDEN, by=None)
    assert names(as_person(User.objects.get(pk=anna.pk)).get("/crm/deal/", {"q": "+79161234567"})) == []


def test_a_paper_is_found_by_its_number_and_leads_to_its_deal(as_person: Browser, anna: User) -> None:
    deal = added("deal", anna, "Chairs for Rose")
    made = [add_paper(deal, type_of("invoice"), by=anna) for _ in range(2)]
    browser = as_person(anna)
    page = browser.get("/crm/invoice/", {"q": f"№ {made[0].paper.number}"}).content.decode()
    assert made[0].get_absolute_url() in page and made[1].get_absolute_url() not in page
    assert len(names(browser.get("/crm/invoice/", {"q": "rose"}))) == 2
    paper = browser.get(made[0].get_absolute_url()).content.decode()
    assert re.search(rf'<dt>Deal</dt><dd><a\s+href="{deal.get_absolute_url()}">Chairs for Rose</a>', paper)


def test_work_without_a_next_step_is_found(as_person: Browser, anna: User) -> None:
    lying, late, planned = (added("deal", anna, name) for name in ("Lying", "Late", "Planned"))
    added("deal", anna, "Won", stage=stage_of("deal", "WON"))
    now = timezone.now()
    for record, hours in ((late, -1), (planned, 24 * 20)):
        step = NewActivity(
            kind="call", subject="Call", responsible=anna, deadline=now + timedelta(hours=hours)
        )
        add_activity(step, [record], by=anna)
    browser = as_person(anna)
    assert names(browser.get("/crm/deal/?step=none")) == [lying.title]
    assert names(browser.get("/crm/deal/?step=overdue")) == [late.title]
    assert names(browser.get("/crm/deal/?step=none&step=overdue")) == [late.title, lying.title]
    assert names(browser.get("/crm/deal/?state=won")) == ["Won"]


def test_a_cell_is_changed_where_it_stands(as_person: Browser, anna: User, deal: Record) -> None:
    address = f"/crm/deal/?edit=amount&row={deal.pk}"
    browser = as_person(anna)
    asked = browser.get(address, headers=HTMX).content.decode()
    assert 'name="amount"' in asked
    assert "<html" not in asked
    row = browser.post(address, {"amount": "1 200,5"}, headers=HTMX)
    assert f'data-row="{deal.pk}"' in row.content.decode()
    deal.refresh_from_db()
    assert deal.amount == Decimal("1200.5")
    wrong = browser.post(address, {"amount": "-"}, headers=HTMX)
    assert (wrong.status_code, wrong.headers["HX-Retarget"]) == (422, "closest td")
    assert "Write a number" in wrong.content.decode()


def test_a_cell_is_not_changed_by_who_may_only_read(as_person: Browser, boris: User, deal: Record) -> None:
    address = f"/crm/deal/?edit=amount&row={deal.pk}"
    assert as_person(boris).post(address, {"amount": "1"}).status_code == 404
    allow(employees_role(), deal.scope, Level.DEPARTMENT, "read")
    assert as_person(boris).post(address, {"amount": "1"}).status_code == 403
    assert "?edit=amount" not in as_person(boris).get("/crm/deal/").content.decode()
    assert as_person(boris).get(f"/crm/deal/?edit=title&row={deal.pk}").status_code == 404


def test_many_are_handed_over_and_that_is_taken_back(
    as_person: Browser, anna: User, olga: User, boris: User
) -> None:
    deals = [added("deal", anna, name) for name in ("One", "Two")]
    browser = as_person(olga)
    chosen = {"do": "bulk:responsible", "row": [deal.pk for deal in deals], "responsible": f"U{boris.pk}"}
    page = browser.post("/crm/deal/", chosen).content.decode()
    assert {deal.responsible for deal in Record.objects.all()} == {boris}
    note = re.search(r'name="note" value="([^"]+)"', page)
    assert note is not None
    browser.post("/crm/deal/", {"do": "undo:responsible", "note": note[1]})
    assert {deal.responsible for deal in Record.objects.all()} == {anna}
    nobody = browser.post("/crm/deal/", {**chosen, "responsible": ""})
    assert (nobody.status_code, Record.objects.filter(responsible=boris).exists()) == (422, False)


def test_what_a_stage_demands_is_said_where_many_are_moved(
    as_person: Browser, olga: User, anna: User
) -> None:
    stage = stage_of("deal", "EXECUTING")
    set_demands(stage, ["comment"], by=None)
    ready = added("deal", anna, "Ready", comment="Rose street")
    added("deal", anna, "Unready")
    sent = {"do": "bulk:stage", "row": [row.pk for row in Record.objects.all()], "stage": stage.pk}
    page = as_person(olga).post("/crm/deal/", sent).content.decode()
    assert "Unready: " in page
    assert "asks for this first: Comment" in page
    assert list(Record.objects.filter(stage=stage)) == [ready]


def test_who_may_not_delete_is_not_offered_it_and_refused(
    as_person: Browser, anna: User, olga: User, deal: Record
) -> None:
    sent = {"do": "bulk:delete", "row": deal.pk}
    assert as_person(anna).post("/crm/deal/", sent).status_code == 403
    as_person(olga).post("/crm/deal/", sent)
    deal.refresh_from_db()
    assert deal.deleted_at is not None


def test_a_file_holds_only_what_one_may_export(as_person: Browser, anna: User, boris: User) -> None:
    mine, his = added("deal", anna, "Mine"), added("deal", boris, "His")
    browser = as_person(anna)
    assert browser.get("/crm/deal/?as=csv").status_code == 403
    allow(employees_role(), mine.scope, Level.ALL, "read")
    allow(employees_role(), mine.scope, Level.OWN, "export")
    assert his.title in browser.get("/crm/deal/").content.decode()
    table = b"".join(browser.get("/crm/deal/?as=csv")).decode()
    assert "Mine" in table
    assert "His" not in table


def test_the_list_costs_the_same_for_many_as_for_few(as_person: Browser, anna: User) -> None:
    company = added("company", anna, "Rose")
    browser = as_person(anna)
    added("lead", anna, "The first", company=company, reached_by=[Reach("phone", "+7 916 123-45-67")])
    browser.get("/crm/lead/")
    with CaptureQueriesContext(connection) as for_one:
        browser.get("/crm/lead/")
    for number in range(20):
        reached = [Reach("email", f"n{number}@example.com")]
        added("lead", anna, f"Number {number}", company=company, reached_by=reached)
    with CaptureQueriesContext(connection) as for_many:
        browser.get("/crm/lead/")
    assert len(for_many) == len(for_one) <= 8


def test_a_new_record_is_made_once_with_all_that_was_given(as_person: Browser, anna: User) -> None:
    sent = {
        "last_name": "Rose",
        "first_name": "Anna",
        "point-kind": ["phone", "email"],
        "point-use": ["mobile", "work"],
        "point-value": ["8 916 123-45-67", "rose@example.com"],
        "responsible": f"U{anna.pk}",
        "nonce": str(uuid4()),
    }
    browser = as_person(anna)
    for _ in range(2):
        answer = browser.post("/crm/contact/new/", sent)
    made = Record.objects.get()
    assert answer.headers["Location"] == made.get_absolute_url()
    assert made.title == "Anna Rose"
    points = made.contact_points.order_by("kind").values_list("kind", "normal", "use")
    assert list(points) == [("email", "rose@example.com", "work"), ("phone", "+79161234567", "mobile")]


def test_a_new_record_without_a_name_is_asked_for_it_and_keeps_the_rest(
    as_person: Browser, anna: User
) -> None:
    sent = {"title": " ", "address": "Rose street", "amount": "x", "responsible": f"U{anna.pk}"}
    more = {"comment": "Hurry", "nonce": str(uuid4())}
    answer = as_person(anna).post("/crm/deal/new/", {**sent, **more})
    assert answer.status_code == 422
    assert "Write a number" in answer.content.decode()
    assert "Hurry" in answer.content.decode()
    assert not Record.objects.exists()


def test_what_is_there_already_is_said_while_one_writes(as_person: Browser, anna: User, boris: User) -> None:
    added("contact", anna, "Anna Rose", first_name="Anna", last_name="Rose",
          reached_by=[Reach("phone", "+7 916 123-45-67")])  # fmt: skip
    query = {"point-kind": "phone", "point-value": "8 916 1234567"}
    assert "Anna Rose" in as_person(anna).get("/crm/lead/alike/", query).content.decode()
    assert "same telephone" in as_person(anna).get("/crm/lead/alike/", query).content.decode()
    assert "Anna Rose" not in as_person(boris).get("/crm/lead/alike/", query).content.decode()


def test_a_companys_own_field_is_a_column_a_filter_an_order_and_in_files(
    as_person: Browser, anna: User, olga: User
) -> None:
    margin = add_field(SETS[2], FieldDraft(name="Margin", kind="number"), by=olga)
    for title, value in (("Low", 5), ("High", 40), ("Middle", 20)):
        set_values(added("deal", anna, title), {margin: (Decimal(value),)}, by=None)
    added("deal", anna, "Without")
    allow(employees_role(), "t2", Level.OWN, "export")
    browser = as_person(anna)
    assert names(browser.get(f"/crm/deal/?sort={margin.key}"))[:3] == ["Low", "Middle", "High"]
    assert names(browser.get(f"/crm/deal/?{margin.key}.from=20&sort=-{margin.key}")) == ["High", "Middle"]
    assert names(browser.get(f"/crm/deal/?{margin.key}.is=empty")) == ["Without"]
    browser.post("/crm/deal/", {"do": "columns", "column": ["title", margin.key]})
    assert "Margin" in browser.get("/crm/deal/").content.decode()
    table = b"".join(browser.get(f"/crm/deal/?as=csv&{margin.key}.from=40")).decode()
    assert "Margin" in table and "40" in table
    assert "High" in browser.get(f"/crm/deal/board/?{margin.key}.from=40").content.decode()


def test_own_fields_cost_one_query_whatever_the_list_holds(
    as_person: Browser, anna: User, olga: User
) -> None:
    margin = add_field(SETS[2], FieldDraft(name="Margin", kind="number"), by=olga)
    browser, counts = as_person(anna), []
    for _more in range(2):
        for number in range(5):
            set_values(added("deal", anna, f"D{number}"), {margin: (Decimal(number),)}, by=None)
        browser.get("/crm/deal/")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/crm/deal/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_where_no_amount_was_named_no_zero_stands(as_person: Browser, anna: User) -> None:
    added("deal", anna, "With", amount=Decimal(5), currency="RUB")
    added("deal", anna, "Without", currency="RUB")
    page = as_person(anna).get("/crm/deal/").content.decode()
    assert re.findall(r'<span class="number">(\d[^<]*)</span>', page) == ["5\xa0RUB"]
