"""What a role may not see of a record leaves by no way; what it may only read nobody changes by any."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.crm.actions.bulk import Change, add_records, change_records
from box.apps.crm.actions.conversion import Conversion, convert_lead
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment
from box.apps.crm.actions.records import NewRecord, add_record, change_record, move_record
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.duplicates import Sought, duplicates_of
from box.apps.crm.field_rights import fields_for, fields_of, give
from box.apps.crm.history import redacted
from box.apps.crm.models import Currency, Record, RecordType
from box.apps.crm.permissions import Level
from box.apps.crm.searching import RECORDS
from box.apps.crm.timeline import timeline_of
from box.core.access.actions import create_role, employees_role, grant_role, withdraw_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.fields.actions import FieldDraft, add_field, archive_field, restore_field
from box.core.files.cards import file_cards
from box.core.files.export import find
from box.core.files.models import Blob, File
from box.core.files.rest import address_of_file
from box.core.history.models import Line
from box.core.registry.company import company_day
from box.core.registry.rest import ApiRefused
from box.core.registry.settings import as_of, read_version
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from django.test import Client

    from box.core.access.models import Role
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
SECRET = "1234567"


def anew(user: User) -> User:
    """As the next request reads them."""
    again: User = User.objects.get(pk=user.pk)
    return again


def hide(name: str, slug: str = "deal", level: FieldLevel = FieldLevel.HIDDEN) -> None:
    give(employees_role(), type_of(slug), name, level, by=None)


@pytest.fixture
def deal(anna: User) -> Record:
    made = added("deal", anna, "Chairs for Rose", amount=Decimal(SECRET), currency="RUB")
    set_lines(made, [LineDraft(name="Chair", price=Decimal(SECRET))], follows=True, by=None)
    return made


@pytest.fixture
def sellers(boris: User) -> Role:
    role = create_role("Sellers", [], by=None)
    grant_role(role, f"U{boris.pk}", by=None)
    return role


def test_who_may_not_hand_a_deal_over_does_not_and_may_keep_it(anna: User, boris: User, deal: Record) -> None:
    hide("responsible", level=FieldLevel.SEE)
    me = anew(anna)
    with pytest.raises(PermissionDenied):
        change_record(deal, {"responsible": boris}, by=me)
    deal.refresh_from_db()
    assert deal.responsible == anna
    change_record(deal, {"responsible": me}, by=me)


# How far roles reach


@pytest.mark.parametrize(
    ("level", "sees", "changes"),
    [(FieldLevel.HIDDEN, False, False), (FieldLevel.SEE, True, False), (FieldLevel.CHANGE, True, True)],
)
def test_a_level_reaches_just_so_far(anna: User, level: FieldLevel, sees: bool, changes: bool) -> None:
    hide("amount", level=level)
    fields = fields_for(anew(anna), type_of("deal").pk)
    assert (fields.sees("amount"), fields.changes("amount")) == (sees, changes)
    assert (fields.sees("currency"), fields.changes("currency")) == (sees, changes)
    assert fields.sees("lines") is sees
    # Nothing else is touched: no other field, no other type.
    assert fields.changes("comment")
    assert fields_for(anew(anna), type_of("lead").pk).changes("amount")


def test_another_role_gives_back_and_takes_nothing(boris: User, anna: User, sellers: Role) -> None:
    deals = type_of("deal")
    give(sellers, deals, "amount", FieldLevel.HIDDEN, by=None)
    assert fields_for(anew(boris), deals.pk).changes("amount")
    hide("amount")
    assert not fields_for(anew(boris), deals.pk).sees("amount")
    give(sellers, deals, "amount", FieldLevel.SEE, by=None)
    assert fields_for(anew(boris), deals.pk).sees("amount")
    assert not fields_for(anew(boris), deals.pk).changes("amount")
    assert not fields_for(anew(anna), deals.pk).sees("amount")
    withdraw_role(sellers, f"U{boris.pk}", by=None)
    assert not fields_for(anew(boris), deals.pk).sees("amount")


def test_administrators_and_the_portal_itself_see_everything_and_guests_what_nobody_hides(
    olga: User, erik: User
) -> None:
    hide("amount")
    deals = type_of("deal").pk
    assert fields_for(anew(olga), deals).changes("amount")
    assert fields_for(None, deals).changes("amount")
    assert not fields_for(anew(erik), deals).sees("amount")


def test_what_names_a_record_cannot_be_hidden_but_kept_from_change(anna: User, deal: Record) -> None:
    for name in ("title", "stage", "responsible"):
        with pytest.raises(ValidationError):
            hide(name)
        hide(name, level=FieldLevel.SEE)
    me = anew(anna)
    with pytest.raises(PermissionDenied):
        change_record(deal, {"title": "Tables"}, by=me)
    with pytest.raises(PermissionDenied):
        move_record(deal, stage_of("deal", "WON"), by=me)
    with pytest.raises(PermissionDenied):
        change_record(deal, {"responsible": User.objects.get(pk=anna.pk), "title": "x"}, by=me)
    # Who may not change the title names what they add.
    assert add_record(NewRecord(type=deal.type, responsible=me, title="New"), by=me).title == "New"


def test_there_is_no_right_for_what_there_is_not(deal: Record) -> None:
    assert "born_on" not in fields_of(deal.type)
    for name in ("born_on", "nonsense", "currency"):
        with pytest.raises(ValidationError):
            hide(name)


def test_rights_by_field_cost_no_query(anna: User, deal: Record) -> None:
    hide("amount")
    me = anew(anna)
    with as_of(read_version()):
        fields_for(me, deal.type_id)
        with CaptureQueriesContext(connection) as queries:
            assert not fields_for(me, deal.type_id).sees("amount")
    assert len(queries) == 0


# Every way out


def test_a_hidden_amount_stands_on_no_page(as_person: Browser, anna: User, deal: Record) -> None:
    client = added("contact", anna, first_name="Rose")
    change_record(deal, {"contact": client}, by=None)
    change_record(deal, {"amount": Decimal("7654321")}, by=None)
    note_payment(deal, PaymentDraft(amount=Decimal(SECRET), on=company_day()), by=None)
    deliver_all()
    allow(employees_role(), deal.type.scope, Level.OWN, "export")
    sums = ("1 234 567", "1,234,567", SECRET, "7654321", "7 654 321", "7,654,321")
    pages = [
        deal.get_absolute_url(), client.get_absolute_url(), "/crm/deal/", "/crm/deal/board/",
        "/crm/deal/funnel/", "/crm/deal/?as=csv", f"/history/crm.deal/{deal.pk}/",
        f"{deal.get_absolute_url()}history/",
    ]  # fmt: skip
    for hidden in (False, True):
        if hidden:
            hide("amount")
        told = []
        for page in pages:
            answer = as_person(anew(anna)).get(page)
            text = b"".join(answer).decode() if answer.streaming else answer.content.decode()
            text = text.replace("\u00a0", " ").replace("\u202f", " ")
            told += [page for one in sums if one in text]
        assert bool(told) is not hidden, told
    browser = as_person(anew(anna))
    address = deal.get_absolute_url()
    assert browser.get(f"{address}lines/", headers=HTMX).status_code == 404
    assert 'name="amount"' not in browser.get(f"{address}facts/about/", headers=HTMX).content.decode()
    assert 'name="amount"' not in browser.get("/crm/deal/new/").content.decode()
    # Neither filtered nor sorted by, so that nobody guesses it step by step.
    assert "Chairs" not in browser.get("/crm/deal/?amount-from=1000000").content.decode()
    assert "/crm/deal/?sort=amount" not in browser.get("/crm/deal/").content.decode()


def test_a_paper_is_its_sum(as_person: Browser, anna: User, deal: Record) -> None:
    invoice = add_paper(deal, RecordType.objects.get(slug="invoice"), by=anna)
    hide("amount", "invoice")
    browser = as_person(anew(anna))
    address = invoice.get_absolute_url()
    assert "crm-paper" not in browser.get(address).content.decode()
    assert browser.post(f"{address}pdf/").status_code == 404
    assert browser.post(f"{address}links/", {"days": "3"}).status_code == 403
    with pytest.raises(PermissionDenied):
        note_payment(invoice, PaymentDraft(amount=Decimal(1), on=company_day()), by=anew(anna))


def test_programs_get_and_send_nothing_of_what_is_hidden(anna: User, deal: Record) -> None:
    hide("amount")
    hide("reached_by", "contact")
    rose = added("contact", anna, first_name="Rose", reached_by=[Reach("phone", "+79161234567")])
    program = program_of(anew(anna), "crm")
    assert "OPPORTUNITY" not in program.call("crm.deal.get", id=deal.pk)
    assert "OPPORTUNITY" not in program.call("crm.deal.fields")
    assert "opportunity" not in program.call("crm.item.get", entityTypeId=2, id=deal.pk)["item"]
    assert SECRET not in str(program.call("crm.deal.list", select=["*", "OPPORTUNITY"]))
    assert program.error("crm.deal.list", filter={">OPPORTUNITY": 1})[0] == 400
    assert program.error("crm.deal.list", order={"OPPORTUNITY": "ASC"})[0] == 400
    assert program.error("crm.deal.update", id=deal.pk, fields={"OPPORTUNITY": SECRET})[0] == 403
    assert program.error("crm.deal.productrows.get", id=deal.pk)[0] == 403
    assert "PHONE" not in program.call("crm.contact.get", id=rose.pk)
    assert program.error("crm.contact.list", filter={"PHONE": "+79161234567"})[0] == 400
    assert program.call("crm.duplicate.findbycomm", type="PHONE", values=["+79161234567"]) == []


def test_nobody_is_found_by_what_is_hidden(as_person: Browser, anna: User) -> None:
    rose = added(
        "company", anna, "Rose flowers", tax_number="7701234567", comment="Likes oak",
        reached_by=[Reach("phone", "+79161234567"), Reach("email", "rose@example.com")],
    )  # fmt: skip
    sought = Sought(phones=["+79161234567"], tax_number="7701234567")
    reader = anew(anna)
    assert len(duplicates_of(sought, types=[rose.type_id], reader=reader)) == 1
    (found,) = RECORDS.read([rose.pk])
    assert "9161234567" in found.body and "oak" in found.body
    for name in ("reached_by", "tax_number", "comment"):
        hide(name, "company")
    assert duplicates_of(sought, types=[rose.type_id], reader=anew(anna)) == []
    for text in ("+79161234567", "rose@example.com", "7701234567"):
        assert "Rose flowers" not in as_person(anew(anna)).get("/crm/company/", {"q": text}).content.decode()
    assert "Rose flowers" in as_person(anew(anna)).get("/crm/company/", {"q": "flow"}).content.decode()
    (found,) = RECORDS.read([rose.pk])
    assert found.body == str(rose.pk)


def ways_to(file: File, reader: User, as_person: Browser) -> set[str]:
    """By which this person gets a file of a deal's, or learns of it."""
    browser, program = as_person(anew(reader)), program_of(anew(reader), "crm", "disk")
    found = {
        part
        for part in ("content", "preview", "thumbnail")
        if browser.get(f"/files/{file.pk}/{part}").status_code == 302
    }
    if program.ask("disk.attachedobject.get", id=file.pk).status_code == 200:
        found.add("a program")
    with suppress(ApiRefused):
        address_of_file(anew(reader), file.pk, "portal.example.com")
        found.add("a download")
    if file.name in browser.get("/search/?q=salaries").content.decode():
        found.add("the search")
    if file_cards([file.pk], anew(reader)):
        found.add("a card")
    if list(find("salaries", anew(reader))):
        found.add("what is put back")
    return found


EVERY_WAY = {
    *("content", "preview", "thumbnail", "a program", "a download", "the search", "a card"),
    "what is put back",
}


def test_a_file_in_a_hidden_field_leaves_by_no_way(
    as_person: Browser, anna: User, boris: User, olga: User, sellers: Role, deal: Record
) -> None:
    allow(employees_role(), deal.scope, Level.ALL)
    field = add_field(SETS[2], FieldDraft("Scan", kind="file"), by=olga)
    picture = Blob.objects.create(key=f"2026/01/{'b' * 32}", size=3)
    blob = Blob.objects.create(key=f"2026/01/{'a' * 32}", size=3, preview=picture, thumbnail=picture)
    # Whoever has put it there sees it no longer than they see the field.
    file = File.objects.create(owner=anna, name="salaries.pdf", blob=blob, audience=[f"U{anna.pk}"])
    set_values(deal, {field: (file.pk,)}, by=anna)
    deliver_all()
    assert ways_to(file, anna, as_person) == ways_to(file, boris, as_person) == EVERY_WAY
    hide(field.key)
    give(sellers, type_of("deal"), field.key, FieldLevel.SEE, by=None)
    deliver_all()
    assert ways_to(file, anna, as_person) == set()
    # The index has one audience for all: what is hidden from somebody nobody finds.
    assert ways_to(file, boris, as_person) == ways_to(file, olga, as_person) == EVERY_WAY - {"the search"}
    withdraw_role(sellers, f"U{boris.pk}", by=None)
    assert ways_to(file, boris, as_person) == set()
    # Out of sight for everybody it is no less hidden.
    archive_field(field, by=olga)
    deliver_all()
    assert ways_to(file, anna, as_person) == set()
    restore_field(field, by=olga)
    give(employees_role(), type_of("deal"), field.key, None, by=None)
    deliver_all()
    assert ways_to(file, anna, as_person) == EVERY_WAY


def test_a_file_that_comes_into_a_hidden_field_is_not_found(
    as_person: Browser, anna: User, olga: User, deal: Record
) -> None:
    field = add_field(SETS[2], FieldDraft("Scan", kind="file", is_several=True), by=olga)
    hide(field.key)
    blob = Blob.objects.create(key=f"2026/01/{'a' * 32}", size=3)
    costs = []
    for count in (1, 5):
        files = [
            File.objects.create(owner=olga, name="salaries.pdf", blob=blob, audience=[f"U{olga.pk}"])
            for _ in range(count)
        ]
        set_values(deal, {field: tuple(one.pk for one in files)}, by=olga)
        deliver_all()
        assert all(ways_to(one, anna, as_person) == set() for one in files)
        with as_of(read_version()):
            file_cards([one.pk for one in files], me := anew(anna))
            with CaptureQueriesContext(connection) as asked:
                assert file_cards([one.pk for one in files], me) == {}
        costs.append(len(asked))
    assert costs == [1, 1]


def told_to(reader: User, *lines: tuple[str, dict[str, Any]]) -> list[Any]:
    return redacted([Line(kind=kind, details=details) for kind, details in lines], reader, type_of("deal").pk)


def test_history_tells_changes_of_a_field_to_those_who_see_it(anna: User) -> None:
    hide("amount")
    both = {"changes": [["amount", "1", "2"], ["comment", "a", "b"]]}
    assert told_to(
        anew(anna),
        ("crm.changed", both),
        ("crm.changed", {"changes": [["currency", "RUB", "EUR"]]}),
        ("crm.payment", {"amount": "1 RUB"}),
        ("crm.added", {}),
    ) == [{"changes": [("comment", "a", "b")]}, None, None, {}]


def test_what_own_fields_point_at_is_named_in_history_to_those_who_see_it(
    as_person: Browser, anna: User, boris: User, olga: User, deal: Record, sales: Department
) -> None:
    allow(employees_role(), deal.scope, Level.ALL)
    allow(employees_role(), "t4", Level.OWN)
    works = added("company", anna, "Steel works")
    fields = [
        add_field(SETS[2], FieldDraft(name=name, kind=kind, is_several=True, target=target), by=olga)
        for name, kind, target in (
            ("Lawyer", "person", ""),
            ("Yard", "department", ""),
            ("Shipper", "reference", "crm.company"),
            ("Code", "text", ""),
        )
    ]
    told = ((anna.pk, boris.pk), (sales.pk,), (works.pk,), ("#1",))
    set_values(deal, dict(zip(fields, told, strict=True)), by=anna)
    deliver_all()
    pages = (f"/history/crm.deal/{deal.pk}/", f"{deal.get_absolute_url()}history/")
    for page in pages:
        hers, his = (as_person(anew(one)).get(page).content.decode() for one in (anna, boris))
        for shown in (hers, his):
            assert f"Lawyer: … → {anna.name}, {boris.name}" in shown
            assert "Yard: … → Sales" in shown
            # What somebody has written stays as it is.
            assert "Code: … → #1" in shown
        assert "Shipper: … → Steel works" in hers
        assert "Shipper: … → hidden" in his
        assert "Steel works" not in his
    costs = []
    for _turn in range(2):
        reader = anew(anna)
        with as_of(read_version()), CaptureQueriesContext(connection) as asked:
            timeline_of(deal, reader)
        costs.append(len(asked))
        for others in ((boris.pk,), (anna.pk,)):
            set_values(deal, {fields[0]: others}, by=anna)
        deliver_all()
    assert costs[0] == costs[1]


# Every way in


def test_what_is_only_read_is_changed_by_no_way(as_person: Browser, anna: User, deal: Record) -> None:
    hide("amount", level=FieldLevel.SEE)
    hide("lines", level=FieldLevel.SEE)
    me = anew(anna)
    Currency.objects.get_or_create(code="EUR", defaults={"rate": Decimal(90)})
    acts: tuple[Callable[[], object], ...] = (
        lambda: change_record(deal, {"amount": Decimal(1)}, by=me),
        lambda: change_record(deal, {"currency": "EUR"}, by=me),
        lambda: set_lines(deal, [LineDraft(name="x", price=Decimal(1))], follows=True, by=me),
        lambda: add_record(NewRecord(type=deal.type, responsible=me, title="x", amount=Decimal(1)), by=me),
    )
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    # What stays as it is changes nothing, and other fields are not touched.
    deal.refresh_from_db()
    change_record(deal, {"amount": deal.amount, "comment": "Oak"}, by=me)
    outcome = change_records({deal.pk: Change({"amount": Decimal(1)})}, by=me)
    assert isinstance(outcome[deal.pk], ValidationError)
    (refused,) = add_records(
        [NewRecord(type=deal.type, stage=deal.stage, responsible=me, title="x", amount=Decimal(1))], by=me
    )
    assert isinstance(refused, ValidationError)
    deal.refresh_from_db()
    assert (deal.amount, deal.comment) == (Decimal(SECRET), "Oak")
    browser = as_person(me)
    assert browser.get(f"/crm/deal/?edit=amount&row={deal.pk}").status_code in (403, 404)


def test_who_may_not_fill_a_field_in_adds_and_changes_all_others(anna: User, boris: User) -> None:
    """A currency without an amount is none."""
    rose, kind = added("contact", anna, first_name="Rose"), type_of("lead")
    values: dict[str, Any] = {
        "amount": Decimal(1), "contacts": [rose], "observers": [boris],
        "reached_by": [Reach("phone", "+79161234567")],
    }  # fmt: skip
    for name, value in values.items():
        others = {one: given for one, given in values.items() if one != name}
        hide(name, "lead", level=FieldLevel.SEE)
        me = anew(anna)
        with pytest.raises(PermissionDenied):
            add_record(NewRecord(type=kind, responsible=me, title="Chairs", **values), by=me)
        lead = add_record(
            NewRecord(type=kind, responsible=me, title="Chairs", currency="RUB", comment="Oak", **others),
            by=me,
        )
        with pytest.raises(PermissionDenied):
            change_record(lead, {name: value}, by=me)
        empty = added("lead", anna)
        change_record(empty, {"comment": "Ash", **others}, by=me)
        for one in (lead, empty):
            one.refresh_from_db()
            held = [one.amount, one.links.count(), one.observers.count(), one.contact_points.count()]
            assert held == [int(field != name) for field in values]
        give(employees_role(), kind, name, None, by=None)


def test_numbers_that_one_may_not_change_come_with_no_table(anna: User) -> None:
    number = Reach("phone", "+79161234567")
    rose = added("contact", anna, first_name="Rose", reached_by=[number])
    hide("reached_by", "contact", level=FieldLevel.SEE)
    me = anew(anna)
    refused = change_records({rose.pk: Change({}, [Reach("phone", "+79161234568")])}, by=me)
    assert isinstance(refused[rose.pk], ValidationError)
    # What is there already does not come.
    change_records({rose.pk: Change({"comment": "Oak"}, [number])}, by=me)
    rose.refresh_from_db()
    assert (rose.comment, rose.contact_points.count()) == ("Oak", 1)


def test_a_hidden_field_of_the_companys_own_is_not_tried_out(anna: User, olga: User, deal: Record) -> None:
    margin = add_field(SETS[2], FieldDraft("Margin"), by=olga)
    set_values(deal, {margin: ("forty",)}, by=None)
    hide(margin.key)
    with pytest.raises(PermissionDenied):
        set_values(deal, {margin: ("forty",)}, by=anew(anna))


def test_a_hidden_field_is_not_tried_out(anna: User, deal: Record) -> None:
    """That a value changes nothing would say that it is the one."""
    hide("amount")
    deal.refresh_from_db()
    with pytest.raises(PermissionDenied):
        change_record(deal, {"amount": deal.amount}, by=anew(anna))


def test_what_goes_along_by_itself_asks_no_right(anna: User) -> None:
    hide("amount", "lead")
    hide("amount", "deal")
    lead = added("lead", anna, amount=Decimal(SECRET), currency="RUB")
    deal = convert_lead(lead, Conversion(), by=anew(anna)).deal
    assert deal is not None
    assert deal.amount == Decimal(SECRET)


def test_clients_that_come_of_a_lead_hold_what_it_held_whoever_may_write_it(anna: User) -> None:
    hide("tax_number", "company", level=FieldLevel.SEE)
    hide("position", "contact", level=FieldLevel.SEE)
    lead = added("lead", anna, tax_number="7707083893", position="Buyer")
    made = convert_lead(lead, Conversion(makes_company=True), by=anew(anna))
    assert made.company is not None
    assert made.contact is not None
    assert (made.company.tax_number, made.contact.position) == ("7707083893", "Buyer")


def test_a_companys_own_field_is_guarded_alike(as_person: Browser, anna: User, olga: User) -> None:
    deal = added("deal", anna, "Chairs")
    field = add_field(SETS[2], FieldDraft(name="Margin"), by=olga)
    set_values(deal, {field: ("forty",)}, by=None)
    deliver_all()
    for level in (FieldLevel.SEE, FieldLevel.HIDDEN):
        hide(field.key, level=level)
        me = anew(anna)
        page = as_person(me).get(deal.get_absolute_url()).content.decode()
        assert ("forty" in page) is (level == FieldLevel.SEE)
        with pytest.raises(PermissionDenied):
            set_values(deal, {field: ("fifty",)}, by=me)
        program = program_of(me, "crm")
        assert (field.code in program.call("crm.deal.get", id=deal.pk)) is (level == FieldLevel.SEE)
        assert as_person(me).get(f"{deal.get_absolute_url()}facts/own/", headers=HTMX).status_code == 404


# The page


def test_an_administrator_gives_and_takes_on_a_page(as_person: Browser, olga: User, anna: User) -> None:
    address = "/crm/settings/permissions/employees/fields/deal/"
    browser = as_person(olga)
    assert 'name="amount"' in browser.get(address).content.decode()
    assert browser.post(address, {"amount": "0", "comment": "1", "source": ""}).status_code == 302
    fields = fields_for(anew(anna), type_of("deal").pk)
    assert (fields.sees("amount"), fields.sees("comment"), fields.changes("comment")) == (False, True, False)
    assert browser.post(address, {"title": "0"}).status_code == 404
    assert browser.post(address, {"amount": "7"}).status_code == 404
    assert as_person(anew(anna)).get(address).status_code == 404
    assert browser.post(address, {"amount": ""}).status_code == 302
    assert fields_for(anew(anna), type_of("deal").pk).changes("amount")
