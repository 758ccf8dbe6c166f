"""Quotes and invoices: made of deals, numbered without gaps, printed, sent, paid, opened by clients."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import close_old_connections, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.crm.actions.conversion import Conversion, convert_lead
from box.apps.crm.actions.dictionaries import set_currency
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.merging import merge_records
from box.apps.crm.actions.papers import (
    PaymentDraft,
    add_paper,
    ask_for_pdf,
    change_paper,
    end_link,
    is_paid,
    keep_pdf,
    mark_sent,
    note_opened,
    note_payment,
    open_link,
    remove_payment,
    retire,
    save_seller,
    save_template,
)
from box.apps.crm.actions.records import change_record, delete_records, move_record
from box.apps.crm.actions.series import HIGHEST, set_series
from box.apps.crm.actions.setup import add_stage
from box.apps.crm.actions.stages import retire_stage, set_demands
from box.apps.crm.field_rights import give
from box.apps.crm.models import Link, NumberSeries, Paper, PaperTemplate, Payment, Record, RecordType, Seller
from box.apps.crm.numbering import check_pattern, next_number
from box.apps.crm.paper_document import html_of
from box.apps.crm.paper_pdf import make_pdf_of
from box.apps.crm.permissions import Level
from box.apps.crm.views.outside import MOST_OPENED
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.files.store import store
from box.core.notify.models import Reminder
from box.core.registry.company import LANGUAGE, company_day, company_zone
from box.core.registry.settings import store as store_settings
from box.lib.pdf import NotRendered
from box.lib.ranks import between
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def chairs(count: int = 2) -> LineDraft:
    return LineDraft(
        name="Oak chair", price=Decimal("1220.50"), quantity=Decimal(count), vat_percent=Decimal(22)
    )


@pytest.fixture
def sold(deal: Record, anna: User) -> Record:
    return set_lines(deal, [chairs()], follows=True, by=anna)


@pytest.fixture
def invoice(sold: Record, anna: User) -> Record:
    return add_paper(sold, type_of("invoice"), by=anna)


def told(kind: str) -> list[dict[str, Any]]:
    return [row.payload for row in Event.objects.filter(kind=f"crm.{kind}").order_by("pk")]


# Who sells, and how it is written


@pytest.mark.django_db
def test_sellers_and_templates_are_added_changed_retired_and_told_of(anna: User, olga: User) -> None:
    seller = save_seller(None, {"name": "Chairs Ltd"}, by=olga)
    changed = save_seller(seller, {"name": "Chairs & Co"}, by=olga)
    assert changed == seller
    retire(changed, True, by=olga)
    kind = type_of("invoice")
    template = save_template(None, {"name": "Plain", "type": kind, "days": 5}, by=olga)
    assert save_template(template, {"days": 7}, by=olga) == template
    retire(template, True, by=olga)
    retire(template, False, by=olga)
    assert not PaperTemplate.objects.exclude(pk=template.pk).exclude(retired_at=None).exists()
    seller.refresh_from_db()
    template.refresh_from_db()
    assert (seller.name, seller.retired_at is None) == ("Chairs & Co", False)
    assert (template.days, template.retired_at) == (7, None)
    assert [(one["name"], one["change"]) for one in told("DictionaryChanged")] == [
        ("Chairs Ltd", "added"), ("Chairs & Co", "changed"), ("Chairs & Co", "retired"),
        ("Plain", "added"), ("Plain", "changed"), ("Plain", "retired"), ("Plain", "restored"),
    ]  # fmt: skip
    with pytest.raises(PermissionDenied):
        save_seller(seller, {"name": "Mine"}, by=anna)
    with pytest.raises(PermissionDenied):
        save_template(template, {"days": 9}, by=anna)
    with pytest.raises(PermissionDenied):
        retire(seller, False, by=anna)


@pytest.mark.django_db
def test_what_a_paper_could_not_hold_is_refused_and_so_many_write_papers(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError):
        save_seller(None, {"name": "x" * 1000}, by=olga)
    with pytest.raises(ValidationError):
        save_template(None, {"name": "x" * 1000, "type": type_of("invoice")}, by=olga)
    monkeypatch.setattr("box.apps.crm.actions.papers.MOST_SELLERS", 1)
    monkeypatch.setattr("box.apps.crm.actions.papers.MOST_TEMPLATES", PaperTemplate.objects.count() + 1)
    seller = save_seller(None, {"name": "Chairs Ltd"}, by=olga)
    template = save_template(None, {"name": "Plain", "type": type_of("invoice")}, by=olga)
    with pytest.raises(ValidationError, match="at most"):
        save_seller(None, {"name": "Tables Ltd"}, by=olga)
    with pytest.raises(ValidationError, match="at most"):
        save_template(None, {"name": "Other", "type": type_of("invoice")}, by=olga)
    save_seller(seller, {"name": "Tables Ltd"}, by=olga)
    save_template(template, {"name": "Other"}, by=olga)


# Numbers


def test_a_number_is_written_by_its_pattern_and_begins_again_with_its_time() -> None:
    today = date(2026, 3, 9)
    given = next_number("INV-{year}/{month}-{number:4}", "monthly", "2026-03", 7, on=today)
    assert (given.text, given.period, given.last) == ("INV-2026/03-0008", "2026-03", 8)
    assert next_number("{year}-{number}", "yearly", "2025", 99, on=today).text == "2026-1"
    assert next_number("{number}", "never", "", 99, on=today).text == "100"


@pytest.mark.parametrize(
    ("pattern", "restart"),
    [
        ("INV", "never"), ("{year}", "yearly"), ("{number}-{day}", "never"), ("{number}", "yearly"),
        ("{year}-{number}", "monthly"), ("{number", "never"), ("{number}" + "x" * 60, "never"),
    ],
)  # fmt: skip
def test_a_pattern_that_would_give_a_number_twice_is_refused(pattern: str, restart: str) -> None:
    with pytest.raises(ValidationError):
        check_pattern(pattern, restart)


@pytest.mark.django_db
def test_papers_are_numbered_in_a_row_and_what_is_given_up_leaves_no_gap(
    sold: Record, anna: User, olga: User
) -> None:
    series = NumberSeries.objects.get(type=RecordType.Id.INVOICE)
    set_series(series, pattern="A-{number:3}", restart="never", last=7, by=olga)
    kind = type_of("invoice")
    assert add_paper(sold, kind, by=anna).paper.number == "A-008"
    with pytest.raises(RuntimeError), transaction.atomic():
        add_paper(sold, kind, by=anna)
        raise RuntimeError
    assert add_paper(sold, kind, by=anna).paper.number == "A-009"
    # Quotes have a series of their own.
    assert add_paper(sold, type_of("quote"), by=anna).paper.number == "1"
    set_series(series, pattern="A-{number:3}", restart="never", last=7, by=olga)
    with pytest.raises(ValidationError, match="set the series to a higher one"):
        add_paper(sold, kind, by=anna)


@pytest.mark.django_db
def test_a_series_that_begins_anew_each_year_goes_on_from_what_was_set(
    sold: Record, anna: User, olga: User
) -> None:
    series = NumberSeries.objects.get(type=RecordType.Id.INVOICE)
    set_series(series, pattern="{year}-{number}", restart="yearly", last=41, by=olga)
    assert add_paper(sold, type_of("invoice"), by=anna).paper.number == f"{company_day():%Y}-42"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pattern", "restart"), [("{year}-{number}", "yearly"), ("{month}.{year}/{number:3}", "monthly")]
)
def test_a_paper_of_another_time_goes_on_there_and_leaves_the_series_where_it_is(
    pattern: str, restart: str, anna: User, olga: User
) -> None:
    series = NumberSeries.objects.get(type=RecordType.Id.INVOICE)
    set_series(series, pattern=pattern, restart=restart, last=41, by=olga)
    now = company_day()
    days = [now, date(2024, 12, 31), now, date(2024, 12, 1), date(2025, 1, 9), date(2025, 1, 31), now]
    numbers = [added("invoice", anna, begins_on=day).paper.number for day in days]
    given = zip([42, 1, 43, 2, 1, 2, 44], days, strict=True)
    assert numbers == [next_number(pattern, "never", "", number - 1, on=day).text for number, day in given]


@pytest.mark.django_db
def test_a_time_that_papers_were_written_for_before_it_came_goes_on(anna: User, olga: User) -> None:
    series = NumberSeries.objects.get(type=RecordType.Id.INVOICE)
    set_series(series, pattern="{year}-{number}", restart="yearly", last=0, by=olga)
    days = [
        date(2126, 1, 1),
        date(2125, 1, 1),
        company_day(),
        date(2126, 1, 1),
        date(2125, 1, 1),
        company_day(),
    ]
    numbers = [added("invoice", anna, begins_on=day).paper.number for day in days]
    year = f"{company_day():%Y}"
    assert numbers == ["2126-1", "2125-1", f"{year}-1", "2126-2", "2125-2", f"{year}-2"]


@pytest.mark.django_db
def test_what_cannot_be_saved_is_said_in_the_form(as_person: Browser, olga: User) -> None:
    page = as_person(olga)
    incomplete = page.post("/crm/settings/papers/sellers/0/", {"name": "Chairs Ltd"})
    assert incomplete.status_code == 422
    assert "reload the page" in incomplete.content.decode()
    page.post("/crm/settings/papers/templates/", {"kind": "quote"})
    assert not Seller.objects.exists()
    saved = page.post("/crm/settings/papers/sellers/0/", {"name": "Chairs Ltd", "nonce": "a-seller"})
    assert saved.status_code == 302, saved.content.decode()
    assert Seller.objects.get().name == "Chairs Ltd"


@pytest.mark.django_db
def test_only_who_administers_the_crm_sets_a_series(anna: User) -> None:
    series = NumberSeries.objects.get(type=RecordType.Id.INVOICE)
    with pytest.raises(PermissionDenied):
        set_series(series, pattern="{number}", restart="never", last=1, by=anna)


@pytest.mark.django_db
def test_a_series_begins_at_nothing_and_ends_where_numbers_do(sold: Record, anna: User, olga: User) -> None:
    series = NumberSeries.objects.get(type=RecordType.Id.INVOICE)
    for last in (-1, HIGHEST + 1):
        with pytest.raises(ValidationError, match="Between 0 and"):
            set_series(series, pattern="{number}", restart="never", last=last, by=olga)
    set_series(series, pattern="{number}", restart="never", last=HIGHEST, by=olga)
    set_series(series, pattern=" {number} ", restart="never", last=0, by=olga)
    assert [(one["name"], one["by_id"]) for one in told("DictionaryChanged")] == [("{number}", olga.pk)] * 2
    assert add_paper(sold, type_of("invoice"), by=anna).paper.number == "1"


@pytest.mark.django_db
def test_a_paper_is_written_in_the_portals_language_as_its_oldest_seller_and_template_have_it(
    sold: Record, anna: User, olga: User
) -> None:
    kind = type_of("invoice")
    PaperTemplate.objects.filter(type=kind).delete()
    assert add_paper(sold, kind, by=anna).paper.template is None
    english, russian, other = (
        save_template(None, {"name": language, "type": kind, "language": language}, by=olga)
        for language in ("en", "ru", "ru")
    )
    first, second = (save_seller(None, {"name": name}, by=olga) for name in ("One", "Two"))
    for language, template in (("ru", russian), ("en", english)):
        store_settings({LANGUAGE.key: language})
        paper = add_paper(sold, kind, by=anna).paper
        assert (paper.template, paper.seller) == (template, first)
    retire(english, True, by=olga)
    retire(russian, True, by=olga)
    retire(first, True, by=olga)
    paper = add_paper(sold, kind, by=anna).paper
    assert (paper.template, paper.seller) == (other, second)


@pytest.mark.django_db(transaction=True)
def test_papers_written_at_once_get_each_their_number(anna: User) -> None:
    kind = type_of("invoice")
    deals = [added("deal", anna, f"Deal {n}") for n in range(6)]
    problems: list[Exception] = []

    def write(deal: Record) -> None:
        try:
            add_paper(deal, kind, by=anna)
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[deal]) for deal in deals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()
    assert problems == []
    numbers = sorted(int(one) for one in Paper.objects.filter(type=kind).values_list("number", flat=True))
    assert numbers == list(range(numbers[0], numbers[0] + 6))


# Made of a deal


@pytest.mark.django_db
def test_an_invoice_has_the_lines_the_client_and_the_days_of_its_deal(anna: User) -> None:
    rose = added("contact", anna, first_name="Rose")
    deal = added("deal", anna, "Chairs", contacts=[rose])
    set_lines(deal, [chairs()], follows=True, by=anna)
    made = add_paper(deal, type_of("invoice"), by=anna)
    made.refresh_from_db()
    assert [(one.name, one.quantity) for one in made.lines.all()] == [("Oak chair", Decimal(2))]
    assert (made.amount, made.has_own_amount, made.title) == (Decimal(2441), False, "Chairs")
    assert made.contact == rose
    assert made.begins_on == company_day()
    assert made.expected_on == company_day() + timedelta(days=10)
    # What is agreed later does not touch what was written.
    set_lines(deal, [chairs(5)], follows=True, by=anna)
    assert made.lines.get().quantity == 2


@pytest.mark.django_db
def test_an_invoice_of_a_quote_belongs_to_the_quotes_deal(sold: Record, anna: User) -> None:
    quote = add_paper(sold, type_of("quote"), by=anna)
    made = add_paper(quote, type_of("invoice"), by=anna)
    assert made.paper.deal == sold
    assert made.lines.count() == 1


@pytest.mark.django_db
def test_an_invoice_is_called_like_its_deal_and_remembers_what_it_was_made_of(
    sold: Record, anna: User, olga: User
) -> None:
    quote = add_paper(sold, type_of("quote"), by=anna)
    change_record(quote, {"title": "An offer"}, by=anna)
    loose = added("quote", anna, "Of no deal")
    for source, title, deal in ((quote, sold.title, sold), (loose, "Of no deal", None)):
        made = add_paper(source, type_of("invoice"), by=olga)
        assert (made.title, made.paper.deal) == (title, deal)
        assert made.links.get(role=Link.Role.ORIGIN).to == source


@pytest.mark.django_db
def test_a_paper_lists_contacts_in_the_order_of_its_deal(anna: User) -> None:
    rose, lily, paul = (added("contact", anna, first_name=name) for name in ("Rose", "Lily", "Paul"))
    deal = added("deal", anna, "Chairs", contacts=[rose, lily, paul])
    first, second, _third = deal.links.order_by("rank").values_list("rank", flat=True)
    deal.links.filter(to=paul).update(rank=between(first, second))
    made = add_paper(deal, type_of("invoice"), by=anna)
    assert [one.to for one in made.links.filter(role=Link.Role.CONTACT).order_by("rank")] == [
        rose, paul, lily
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_paper_holds_as_long_as_its_template_says_and_else_ten_days(
    sold: Record, anna: User, olga: User
) -> None:
    kind = type_of("invoice")
    templates = list(PaperTemplate.objects.filter(type=kind))
    for days in (5, 10):
        for template in templates:
            save_template(template, {"days": 5}, by=olga)
            retire(template, days == 10, by=olga)
        made = add_paper(sold, kind, by=anna)
        assert made.expected_on == company_day() + timedelta(days=days)


@pytest.mark.django_db
def test_who_may_not_write_sums_into_invoices_makes_one_of_a_deal_with_its_sum(
    sold: Record, anna: User
) -> None:
    give(employees_role(), type_of("invoice"), "amount", FieldLevel.SEE, by=None)
    assert add_paper(sold, type_of("invoice"), by=User.objects.get(pk=anna.pk)).amount == 2441


@pytest.mark.django_db
def test_an_invoice_names_the_people_of_its_deal_and_not_the_lead_that_it_came_of(
    lead: Record, anna: User
) -> None:
    became = convert_lead(lead, Conversion(), by=anna)
    assert became.deal is not None and became.contact is not None
    paper = add_paper(became.deal, type_of("invoice"), by=anna)
    assert [one.to for one in paper.links.filter(role=Link.Role.CONTACT)] == [became.contact]


@pytest.mark.django_db
def test_no_paper_is_written_for_a_lead_or_a_contact(lead: Record, anna: User) -> None:
    for source in (lead, added("contact", anna, first_name="Rose")):
        with pytest.raises(ValidationError):
            add_paper(source, type_of("invoice"), by=anna)


@pytest.mark.django_db
def test_of_a_deal_papers_are_made_and_nothing_else(deal: Record, anna: User) -> None:
    with pytest.raises(ValidationError, match="no such papers"):
        add_paper(deal, type_of("deal"), by=anna)
    assert list(Record.objects.all()) == [deal]


@pytest.mark.django_db
def test_who_sees_and_changes_a_deal_sees_and_changes_its_papers_and_nobody_else(
    as_person: Browser, anna: User, boris: User, cara: User, invoice: Record, sold: Record
) -> None:
    address = invoice.get_absolute_url()
    assert as_person(boris).get(address).status_code == 404
    # In what is their own scope papers of deals are not looked for.
    allow(employees_role(), f"p{invoice.pipeline_id}", Level.ALL)
    assert as_person(boris).get(address).status_code == 404
    change_record(sold, {"observers": [cara]}, by=anna)
    assert as_person(cara).get(address).status_code == 200
    assert as_person(cara).post(f"{address}sent/", headers=HTMX).status_code == 403
    change_record(sold, {"observers": []}, by=anna)
    assert as_person(cara).get(address).status_code == 404
    change_record(sold, {"responsible": boris}, by=None)
    assert as_person(boris).get(address).status_code == 200
    assert as_person(boris).post(f"{address}sent/", headers=HTMX).status_code == 200
    assert as_person(anna).get(address).status_code == 404


@pytest.mark.django_db
def test_a_paper_keeps_its_deals_audience_however_it_is_written_itself(
    anna: User, boris: User, invoice: Record, sold: Record
) -> None:
    change_record(invoice, {"responsible": boris}, by=None)
    move_record(invoice, stage_of("invoice", "SENT"), by=anna)
    move_record(sold, stage_of("deal", "EXECUTING"), by=anna)
    sold.refresh_from_db()
    invoice.refresh_from_db()
    assert invoice.audience == sold.audience


@pytest.mark.django_db
def test_who_may_only_read_a_deal_writes_no_paper_for_it(
    as_person: Browser, boris: User, sold: Record
) -> None:
    allow(employees_role(), sold.scope, Level.DEPARTMENT, "read")
    answer = as_person(boris).post(f"{sold.get_absolute_url()}papers/", {"kind": "invoice"})
    assert answer.status_code == 403
    assert not Paper.objects.exists()


@pytest.mark.django_db
def test_a_paper_is_written_from_the_card_once(as_person: Browser, anna: User, sold: Record) -> None:
    browser, nonce = as_person(anna), str(uuid4())
    for _again in range(2):
        answer = browser.post(f"{sold.get_absolute_url()}papers/", {"kind": "quote", "nonce": nonce})
        assert answer.status_code == 302
    made = Paper.objects.get()
    assert answer.headers["Location"] == f"/crm/quote/{made.pk}/"
    page = browser.get(sold.get_absolute_url()).content.decode()
    assert "Quote No. 1" in page
    assert browser.post(f"{sold.get_absolute_url()}papers/", {"kind": "deal"}).status_code == 404


@pytest.mark.django_db
def test_papers_are_not_merged(sold: Record, anna: User) -> None:
    one, other = (add_paper(sold, type_of("quote"), by=anna) for _n in range(2))
    with pytest.raises(ValidationError, match="Papers have numbers"):
        merge_records(one, [other], by=None)


@pytest.mark.django_db
def test_a_list_of_invoices_asks_as_often_for_five_as_for_one(
    as_person: Browser, anna: User, sold: Record
) -> None:
    browser, counts = as_person(anna), []
    for _n in range(2):
        add_paper(sold, type_of("invoice"), by=anna)
        browser.get("/crm/invoice/")
        with CaptureQueriesContext(connection) as queries:
            assert "Oak" not in browser.get("/crm/invoice/").content.decode()
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Sent and paid


@pytest.mark.django_db
def test_what_is_sent_moves_on_and_what_is_not_after_all_stays_there(invoice: Record, anna: User) -> None:
    mark_sent(invoice, True, by=anna)
    invoice.refresh_from_db()
    assert (invoice.stage, invoice.paper.sent_by) == (stage_of("invoice", "SENT"), anna)
    mark_sent(invoice, False, by=anna)
    assert Paper.objects.get(pk=invoice.pk).sent_at is None


@pytest.mark.django_db
def test_that_the_client_has_it_is_told_once_and_keeps_its_moment(
    invoice: Record, anna: User, olga: User
) -> None:
    mark_sent(invoice, True, by=anna)
    sent_at = Paper.objects.get(pk=invoice.pk).sent_at
    mark_sent(invoice, True, by=olga)
    paper = Paper.objects.get(pk=invoice.pk)
    assert (paper.sent_at, paper.sent_by) == (sent_at, anna)
    mark_sent(invoice, False, by=anna)
    paper = Paper.objects.get(pk=invoice.pk)
    assert (paper.sent_at, paper.sent_by) == (None, None)
    assert told("PaperSent") == [{"record_id": invoice.pk, "by_id": anna.pk}]


@pytest.mark.django_db
def test_only_what_is_new_goes_on_when_it_is_sent(sold: Record, anna: User, olga: User) -> None:
    talks = add_stage(stage_of("invoice", "NEW").pipeline, "Talks", by=olga)
    held, new, asked = (add_paper(sold, type_of("invoice"), by=anna) for _number in range(3))
    move_record(held, talks, by=anna)
    for paper in (held, new):
        mark_sent(paper, True, by=anna)
    # Where a field is missing that the stage asks for, it stays and is sent all the same.
    set_demands(stage_of("invoice", "SENT"), ["comment"], by=olga)
    mark_sent(asked, True, by=anna)
    stages = [Record.objects.get(pk=one.pk).stage for one in (held, new, asked)]
    assert stages == [talks, stage_of("invoice", "SENT"), stage_of("invoice", "NEW")]
    assert Paper.objects.get(pk=asked.pk).sent_at is not None


@pytest.mark.django_db
def test_where_there_is_no_stage_of_what_was_sent_a_paper_is_sent_all_the_same(
    invoice: Record, anna: User, olga: User
) -> None:
    retire_stage(stage_of("invoice", "SENT"), by=olga)
    mark_sent(invoice, True, by=anna)
    invoice.refresh_from_db()
    assert invoice.stage == stage_of("invoice", "NEW")
    assert Paper.objects.get(pk=invoice.pk).sent_by == anna


def paid(amount: str, **more: Any) -> PaymentDraft:
    return PaymentDraft(amount=Decimal(amount), **{"on": company_day(), **more})


@pytest.mark.django_db
def test_an_invoice_that_is_paid_whole_is_won(as_person: Browser, invoice: Record, anna: User) -> None:
    note_payment(invoice, paid("2440.99"), by=anna)
    invoice.refresh_from_db()
    assert invoice.is_open
    assert not is_paid(invoice)
    assert "paid in part" in as_person(anna).get(invoice.get_absolute_url()).content.decode()
    note_payment(invoice, paid("5", direction="out"), by=anna)
    assert not is_paid(invoice)
    note_payment(invoice, paid("0.01"), by=anna)
    invoice.refresh_from_db()
    assert invoice.stage == stage_of("invoice", "PAID")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": Decimal(0)}, {"amount": Decimal(-1)}, {"on": date(1999, 12, 31)}, {"direction": "up"},
        {"note": "x" * 256}, {"amount": Decimal(10) ** 17}, {"amount": Decimal("0.004")},
    ],
)  # fmt: skip
def test_a_payment_that_cannot_be_is_refused(invoice: Record, anna: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        note_payment(invoice, PaymentDraft(**{"amount": Decimal(1), "on": company_day(), **wrong}), by=anna)
    with pytest.raises(ValidationError):
        note_payment(invoice, paid("1", on=company_day() + timedelta(days=1)), by=anna)
    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_a_payment_that_is_too_large_in_the_companys_currency_is_refused(
    deal: Record, anna: User, olga: User
) -> None:
    set_currency("KWD", Decimal(5000), by=olga)
    change_record(deal, {"currency": "KWD"}, by=anna)
    with pytest.raises(ValidationError, match="more than can be kept"):
        note_payment(deal, paid("2000000000000"), by=anna)
    note_payment(deal, paid("1999999999999"), by=anna)


@pytest.mark.django_db
def test_what_has_payments_keeps_its_currency(deal: Record, anna: User, olga: User) -> None:
    set_currency("EUR", Decimal(100), by=olga)
    payment = note_payment(deal, paid("1000"), by=anna)
    with pytest.raises(ValidationError, match="take them back first"):
        change_record(deal, {"currency": "EUR"}, by=anna)
    change_record(deal, {"currency": "RUB", "amount": Decimal(1000)}, by=anna)
    remove_payment(payment, by=anna)
    assert change_record(deal, {"currency": "EUR"}, by=anna).currency == "EUR"


@pytest.mark.django_db
@pytest.mark.parametrize("has_lines", [True, False])
def test_what_is_sold_and_paid_goes_into_nothing_of_another_currency(
    deal: Record, anna: User, olga: User, has_lines: bool
) -> None:
    set_currency("EUR", Decimal(100), by=olga)
    other = added("deal", anna, "Chairs", currency="EUR")
    if has_lines:
        set_lines(other, [chairs()], follows=True, by=anna)
    else:
        note_payment(other, paid("10"), by=anna)
    with pytest.raises(ValidationError, match="payments in EUR"):
        merge_records(deal, [other], by=olga)
    merge_records(other, [deal], by=olga)
    assert other.payments.count() + other.lines.count() == 1


@pytest.mark.django_db
def test_a_payment_is_counted_over_and_told_with_its_currency(deal: Record, anna: User, olga: User) -> None:
    set_currency("EUR", Decimal("98.7654"), by=olga)
    change_record(deal, {"currency": "EUR"}, by=anna)
    payment = note_payment(deal, paid("10.01", on=date(2000, 1, 1), note=" In \n cash "), by=anna)
    payment.refresh_from_db()
    assert (payment.amount, payment.base_amount) == (Decimal("10.01"), Decimal("988.64"))
    assert (payment.note, payment.created_by) == ("In cash", anna)
    assert told("PaymentNoted") == [
        {
            "record_id": deal.pk, "by_id": anna.pk, "amount": "10.01 EUR", "direction": "in",
            "is_removed": False,
        }
    ]  # fmt: skip


@pytest.mark.django_db
def test_what_has_no_amount_is_paid_by_nothing(sold: Record, anna: User) -> None:
    with pytest.raises(ValidationError, match="have no amount"):
        note_payment(added("contact", anna, first_name="Rose"), paid("1"), by=anna)
    free = set_lines(add_paper(sold, type_of("invoice"), by=anna), [], follows=True, by=anna)
    assert free.amount == 0
    assert not is_paid(free)
    note_payment(sold, paid("2441"), by=anna)
    sold.refresh_from_db()
    assert sold.is_open, "of a deal others than its payments say that it is won"


@pytest.mark.django_db
def test_the_smallest_payment_counts_and_the_last_that_there_may_be(
    invoice: Record, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.papers.MOST_PAYMENTS", 2)
    note_payment(invoice, paid("0.01"), by=anna)
    note_payment(invoice, paid("0.02"), by=anna)
    with pytest.raises(ValidationError, match="at most"):
        note_payment(invoice, paid("0.03"), by=anna)
    assert invoice.payments.count() == 2


@pytest.mark.django_db
def test_payments_are_written_down_and_taken_back_on_the_card(
    as_person: Browser, anna: User, boris: User, deal: Record
) -> None:
    address, browser = f"{deal.get_absolute_url()}payments/", as_person(anna)
    form = {"amount": "1 200,50", "on": f"{company_day()}", "direction": "in", "nonce": str(uuid4())}
    assert browser.post(address, form, headers=HTMX).status_code == 200
    assert (
        browser.post(address, {**form, "amount": "much", "nonce": str(uuid4())}, headers=HTMX).status_code
        == 409
    )
    payment = Payment.objects.get()
    assert payment.amount == Decimal("1200.50")
    deliver_all()
    assert (
        "wrote down a payment: 1,200.50\xa0RUB received"
        in browser.get(deal.get_absolute_url()).content.decode()
    )
    assert as_person(boris).delete(f"{address}{payment.pk}/").status_code == 404
    browser.delete(f"{address}{payment.pk}/", headers=HTMX)
    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_a_payment_of_another_record_is_not_taken_back_here(
    as_person: Browser, anna: User, deal: Record, invoice: Record
) -> None:
    payment = note_payment(invoice, paid("1"), by=anna)
    assert as_person(anna).delete(f"{deal.get_absolute_url()}payments/{payment.pk}/").status_code == 404
    remove_payment(payment, by=anna)
    remove_payment(payment, by=anna)


@pytest.mark.django_db
def test_whoever_looks_after_an_open_paper_is_reminded_on_its_last_day(invoice: Record, anna: User) -> None:
    deliver_all()
    last = datetime.combine(company_day() + timedelta(days=10), time(9), tzinfo=company_zone())
    assert [(one.user, one.due_at) for one in Reminder.objects.all()] == [(anna, last)]
    change_record(invoice, {"expected_on": company_day() + timedelta(days=3)}, by=anna)
    deliver_all()
    assert Reminder.objects.get().due_at == last - timedelta(days=7)
    move_record(invoice, stage_of("invoice", "PAID"), by=anna)
    deliver_all()
    assert not Reminder.objects.exists()


@pytest.mark.django_db
def test_a_paper_in_the_trash_reminds_nobody(invoice: Record) -> None:
    delete_records([invoice], by=None)
    deliver_all()
    assert not Reminder.objects.exists()


# Printed


@pytest.mark.django_db
def test_a_paper_says_sums_in_words_and_vat_in_the_language_of_its_template(
    invoice: Record, anna: User, olga: User
) -> None:
    seller = save_seller(None, {"name": "ООО «Стул»", "tax_number": "7701", "account": "40702"}, by=olga)
    russian = PaperTemplate.objects.get(type=RecordType.Id.INVOICE, language="ru")
    change_paper(invoice, seller=seller, template=russian, by=anna)
    page = html_of(Paper.objects.get(pk=invoice.pk))
    assert "Счёт № 1 от" in page
    assert "Две тысячи четыреста сорок один рубль 00 копеек" in page
    assert "440,18" in page
    assert "ООО «Стул»" in page
    assert "40702" in page
    english = PaperTemplate.objects.get(type=RecordType.Id.INVOICE, language="en")
    change_paper(invoice, seller=None, template=english, by=anna)
    page = html_of(Paper.objects.get(pk=invoice.pk))
    assert "Invoice No. 1 of" in page
    assert "Two thousand, four hundred and forty-one roubles and 00 kopeks" in page


@pytest.mark.django_db
def test_what_clients_are_called_is_no_markup_on_a_paper(anna: User) -> None:
    deal = added("deal", anna, "x", company=added("company", anna, "<b>Rose</b>{{ 7 * 7 }}"))
    page = html_of(add_paper(deal, type_of("quote"), by=anna).paper)
    assert "&lt;b&gt;Rose&lt;/b&gt;{{ 7 * 7 }}" in page


@pytest.mark.django_db
def test_a_pdf_is_made_once_and_anew_when_the_paper_says_something_else(
    as_person: Browser, invoice: Record, anna: User
) -> None:
    browser = as_person(anna)
    assert browser.get(f"{invoice.get_absolute_url()}pdf/").status_code == 404
    ask_for_pdf(invoice, by=anna)
    assert "being made" in browser.get(invoice.get_absolute_url()).content.decode()
    make_pdf_of(invoice.pk)
    first = Paper.objects.get(pk=invoice.pk)
    assert first.pdf is not None
    assert first.pdf_wanted_at is None
    assert b"".join(store().read(first.pdf.key)).startswith(b"%PDF-")
    answer = browser.get(f"{invoice.get_absolute_url()}pdf/")
    assert answer.status_code == 302
    ask_for_pdf(invoice, by=anna)
    make_pdf_of(invoice.pk)
    assert Paper.objects.get(pk=invoice.pk).pdf_id == first.pdf_id
    set_lines(invoice, [chairs(3)], follows=True, by=anna)
    deliver_all()
    make_pdf_of(invoice.pk)
    assert Paper.objects.get(pk=invoice.pk).pdf_id != first.pdf_id


@pytest.mark.django_db
def test_another_seller_is_printed_anew_where_there_is_a_print(
    invoice: Record, anna: User, olga: User
) -> None:
    seller = save_seller(None, {"name": "Chairs Ltd"}, by=olga)
    template = Paper.objects.get(pk=invoice.pk).template

    def is_wanted() -> bool:
        return Paper.objects.get(pk=invoice.pk).pdf_wanted_at is not None

    with pytest.raises(ValidationError, match="no such choice"):
        change_paper(invoice, seller=seller, template=PaperTemplate.objects.filter(type=7).first(), by=anna)
    change_paper(invoice, seller=seller, template=template, by=anna)
    assert (Paper.objects.get(pk=invoice.pk).seller, is_wanted()) == (seller, False)
    ask_for_pdf(invoice, by=anna)
    make_pdf_of(invoice.pk)
    change_paper(invoice, seller=seller, template=template, by=anna)
    assert not is_wanted()
    change_paper(invoice, seller=None, template=template, by=anna)
    assert is_wanted()


@pytest.mark.django_db
def test_a_paper_needs_neither_a_seller_nor_a_template_of_the_companys(invoice: Record, anna: User) -> None:
    change_paper(invoice, seller=None, template=None, by=anna)
    paper = Paper.objects.get(pk=invoice.pk)
    assert (paper.seller, paper.template) == (None, None)


@pytest.mark.django_db
def test_a_pdf_is_wanted_of_one_paper_by_somebody_and_kept_with_its_digest(
    invoice: Record, sold: Record, anna: User
) -> None:
    other = add_paper(sold, type_of("invoice"), by=anna)
    ask_for_pdf(invoice, by=anna)
    assert told("PaperPdfWanted") == [{"record_id": invoice.pk, "by_id": anna.pk}]
    assert Paper.objects.get(pk=other.pk).pdf_wanted_at is None
    # Both since the same moment: each is made by itself.
    moment = timezone.now()
    Paper.objects.update(pdf_wanted_at=moment)
    keep_pdf(Paper.objects.get(pk=invoice.pk), b"%PDF-1", digest="1", wanted_at=moment)
    made, waiting = (Paper.objects.get(pk=one.pk) for one in (invoice, other))
    assert (made.pdf_wanted_at, waiting.pdf_wanted_at) == (None, moment)
    assert made.pdf is not None
    assert made.pdf.sha256 == sha256(b"%PDF-1").hexdigest()


@pytest.mark.django_db
def test_what_was_wanted_while_a_pdf_was_made_is_still_to_be_made(
    invoice: Record, sold: Record, anna: User
) -> None:
    other = add_paper(sold, type_of("invoice"), by=anna)
    for one in (invoice, other):
        ask_for_pdf(one, by=anna)
    paper = Paper.objects.get(pk=invoice.pk)
    begun_at = paper.pdf_wanted_at
    assert begun_at is not None
    ask_for_pdf(invoice, by=anna)
    keep_pdf(paper, b"%PDF-1", digest="1", wanted_at=begun_at)
    paper.refresh_from_db()
    assert (paper.pdf_digest, paper.pdf_wanted_at is None) == ("1", False)
    wanted_at = paper.pdf_wanted_at
    assert wanted_at is not None
    keep_pdf(paper, b"%PDF-2", digest="2", wanted_at=wanted_at)
    paper.refresh_from_db()
    assert paper.pdf is not None
    assert (paper.pdf_digest, paper.pdf_wanted_at, paper.pdf.size) == ("2", None, 6)
    untouched = Paper.objects.get(pk=other.pk)
    assert (untouched.pdf, untouched.pdf_wanted_at is None) == (None, False)


@pytest.mark.django_db
def test_a_pdf_that_cannot_be_made_is_tried_three_times_and_said(
    as_person: Browser, invoice: Record, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def refuse(html: str) -> bytes:
        tries.append(html)
        raise NotRendered("too much")

    monkeypatch.setattr("box.apps.crm.paper_pdf.pdf_of", refuse)
    ask_for_pdf(invoice, by=anna)
    for _n in range(5):
        make_pdf_of(invoice.pk)
    assert len(tries) == Paper.MOST_ATTEMPTS
    assert "could not be made" in as_person(anna).get(invoice.get_absolute_url()).content.decode()


@pytest.mark.django_db
def test_who_does_not_see_a_paper_gets_no_pdf(as_person: Browser, invoice: Record, boris: User) -> None:
    added("deal", boris, "Something that he sees")
    with pytest.raises(PermissionDenied):
        ask_for_pdf(invoice, by=boris)
    assert as_person(boris).get(f"{invoice.get_absolute_url()}pdf/").status_code == 404


# Opened by the client


@pytest.mark.django_db
def test_a_client_opens_the_paper_until_the_link_is_withdrawn(
    client: Client, invoice: Record, anna: User
) -> None:
    link = open_link(invoice, days=30, by=anna)
    make_pdf_of(invoice.pk)
    answer = client.get(link.get_absolute_url())
    assert answer.status_code == 200
    assert "Oak chair" in answer.content.decode()
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in answer.headers["Cache-Control"]
    assert client.get(f"{link.get_absolute_url()}pdf/").status_code == 302
    link.refresh_from_db()
    assert link.opened_count == 1
    end_link(link, by=anna)
    assert client.get(link.get_absolute_url()).status_code == 404
    assert client.get(f"{link.get_absolute_url()}pdf/").status_code == 404


@pytest.mark.django_db
def test_a_link_ends_with_its_days_with_its_paper_and_is_not_guessed(
    client: Client, invoice: Record, anna: User
) -> None:
    link = open_link(invoice, days=1, by=anna)
    token = link.token
    assert client.get(f"/papers/{token[:-1]}{'a' if token[-1] != 'a' else 'b'}/").status_code == 404
    assert client.get(f"/papers/{link.pk}/").status_code == 404
    type(link).objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link.get_absolute_url()).status_code == 404
    other = open_link(invoice, days=None, by=anna)
    assert client.get(other.get_absolute_url()).status_code == 200
    delete_records([invoice], by=None)
    assert client.get(other.get_absolute_url()).status_code == 404
    with pytest.raises(ValidationError):
        open_link(added("quote", anna, "x"), days=366, by=anna)


@pytest.mark.django_db
def test_a_link_lives_a_day_to_a_year_and_so_many_are_open_at_once(
    invoice: Record, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.papers.MOST_LINKS", 2)
    for days in (0, 366):
        with pytest.raises(ValidationError, match="Between a day and a year"):
            open_link(invoice, days=days, by=anna)
    before = timezone.now()
    first = open_link(invoice, days=365, by=anna)
    assert first.expires_at is not None
    assert timedelta(days=365) <= first.expires_at - before < timedelta(days=366)
    open_link(invoice, days=1, by=anna)
    with pytest.raises(ValidationError, match="at most"):
        open_link(invoice, days=1, by=anna)
    end_link(first, by=anna)
    open_link(invoice, days=1, by=anna)


@pytest.mark.django_db
def test_of_two_links_the_one_that_was_said_is_withdrawn_and_once(invoice: Record, anna: User) -> None:
    first, second = (open_link(invoice, days=None, by=anna) for _number in range(2))
    end_link(first, by=anna)
    first.refresh_from_db()
    ended_at = first.ended_at
    end_link(first, by=anna)
    first.refresh_from_db()
    second.refresh_from_db()
    assert ended_at is not None
    assert (first.ended_at, second.ended_at) == (ended_at, None)


@pytest.mark.django_db
def test_who_may_not_change_a_paper_withdraws_no_link_to_it(invoice: Record, anna: User, boris: User) -> None:
    link = open_link(invoice, days=None, by=anna)
    with pytest.raises(PermissionDenied):
        end_link(link, by=boris)
    link.refresh_from_db()
    assert link.ended_at is None


@pytest.mark.django_db
def test_that_one_link_was_opened_is_noted_with_it_alone(invoice: Record, anna: User) -> None:
    first, second = (open_link(invoice, days=None, by=anna) for _number in range(2))
    moments = [timezone.now() + timedelta(minutes=minute) for minute in range(2)]
    for moment in moments:
        note_opened(first, moment)
    for link in (first, second):
        link.refresh_from_db()
    assert (first.opened_count, first.opened_at) == (2, moments[1])
    assert (second.opened_count, second.opened_at) == (0, None)


@pytest.mark.django_db
def test_who_sees_no_amounts_makes_no_link_to_a_paper_and_sends_none(invoice: Record, anna: User) -> None:
    payment = note_payment(invoice, paid("1"), by=anna)
    give(employees_role(), type_of("invoice"), "amount", FieldLevel.HIDDEN, by=None)
    me = User.objects.get(pk=anna.pk)
    for refused in (
        lambda: open_link(invoice, days=1, by=me),
        lambda: mark_sent(invoice, True, by=me),
        lambda: note_payment(invoice, paid("1"), by=me),
        lambda: remove_payment(payment, by=me),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    assert list(invoice.payments.all()) == [payment]


@pytest.mark.django_db
def test_a_payment_is_taken_back_once_and_told_of_as_one_that_never_was(invoice: Record, anna: User) -> None:
    first, second = (note_payment(invoice, paid(amount), by=anna) for amount in ("5", "7"))
    Event.objects.all().delete()
    for _twice in range(2):
        remove_payment(first, by=anna)
    assert list(invoice.payments.all()) == [second]
    (removed,) = told("PaymentNoted")
    assert (removed["is_removed"], removed["amount"], removed["by_id"]) == (True, "5.00 RUB", anna.pk)


@pytest.mark.django_db
def test_whoever_opens_papers_too_often_waits(client: Client, invoice: Record, anna: User) -> None:
    link = open_link(invoice, days=1, by=anna)
    from box.core.accounts.throttle import Quota

    quota = Quota("crm.paper", "127.0.0.1", MOST_OPENED)
    for _n in range(MOST_OPENED - 1):
        assert quota.take(timezone.now())
    assert client.get(link.get_absolute_url()).status_code == 200
    assert client.get(link.get_absolute_url()).status_code == 429
