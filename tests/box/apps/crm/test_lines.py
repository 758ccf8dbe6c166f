"""Lines of products: what they come to, how they are changed on a card, and the amount that follows them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from box.apps.crm.actions.conversion import Conversion, convert_lead
from box.apps.crm.actions.dictionaries import ProductDraft, retire_product, save_product, set_currency
from box.apps.crm.actions.lines import MOST_LINES, LineDraft, set_lines
from box.apps.crm.actions.papers import PaymentDraft, note_payment
from box.apps.crm.actions.records import change_record
from box.apps.crm.field_rights import give
from box.apps.crm.inputs import read_all
from box.apps.crm.lines import found_products, line_of, lines_of, vat_choices
from box.apps.crm.models import Product, Record, Unit, VatRate
from box.apps.crm.paper_document import amount as paper_amount
from box.apps.crm.permissions import Level
from box.apps.crm.presenters import money
from box.apps.crm.pricing import Sums, sums_of, totals_of
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.registry.company import company_day
from tests.box.apps.crm.conftest import added, allow, type_of
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from django.test import Client

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def line(price: str, **more: Any) -> LineDraft:
    return LineDraft(name="Chair", price=Decimal(price), **more)


def product(name: str, **prices: str) -> Product:
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)
    priced = {code: Decimal(amount) for code, amount in prices.items()}
    return save_product(None, ProductDraft(name=name, unit=unit, vat=vat, prices=priced), by=None)


def test_vat_is_taken_out_of_a_price_that_has_it_and_added_to_one_that_has_not() -> None:
    inside = sums_of(line("122", vat_percent=Decimal(22)))
    assert inside == Sums(net=Decimal(100), vat=Decimal(22), gross=Decimal(122))
    on_top = sums_of(line("100", vat_percent=Decimal(22), is_vat_included=False))
    assert on_top == inside
    without = sums_of(line("100"))
    assert without == Sums(net=Decimal(100), gross=Decimal(100))


def test_a_line_is_rounded_once_half_up_after_its_discount() -> None:
    sums = sums_of(line("0.05", quantity=Decimal("2.5"), discount_percent=Decimal(10)))
    # 0.125 before it, 0.1125 after it.
    assert (sums.gross, sums.discount) == (Decimal("0.11"), Decimal("0.02"))
    assert sums_of(line("0.05", quantity=Decimal("0.5"))).gross == Decimal("0.03")


def test_what_comes_to_parts_of_a_coin_is_rounded_to_whole_ones() -> None:
    """Of yen there are no hundredths, nor of its VAT."""
    yen = line("333", quantity=Decimal(3), discount_percent=Decimal("0.05"), vat_percent=Decimal(10))
    assert sums_of(yen, "JPY") == Sums(net=Decimal(908), vat=Decimal(91), gross=Decimal(999))
    assert sums_of(line("0.5"), "JPY").gross == 1
    assert totals_of([yen, line("0.5")], "JPY").sums.gross == 1000
    assert sums_of(yen, "KWD") == sums_of(yen)


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("1234", "JPY", "1,234\N{NO-BREAK SPACE}¥"), ("1234.5", "RUB", "1,234.50\N{NO-BREAK SPACE}RUB"),
        ("12.5", "KWD", "12.500\N{NO-BREAK SPACE}KWD"),
        # What is kept is not hidden, whatever it should be.
        ("0.67", "JPY", "0.67\N{NO-BREAK SPACE}¥"),
    ],
)  # fmt: skip
def test_amounts_have_the_digits_of_their_currency(amount: str, currency: str, said: str) -> None:
    with translation.override("en"):
        assert money(Decimal(amount), currency) == said
        on_paper = said.partition("\N{NO-BREAK SPACE}")[0]
        assert paper_amount(Decimal(amount), currency) == on_paper


@pytest.mark.django_db
def test_the_amount_of_a_deal_in_a_currency_without_coins_is_whole(
    deal: Record, anna: User, olga: User
) -> None:
    set_currency("JPY", Decimal("0.615"), by=olga)
    change_record(deal, {"currency": "JPY"}, by=anna)
    lines = [line("333", quantity=Decimal(3), discount_percent=Decimal(10))]
    assert set_lines(deal, lines, follows=True, by=anna).amount == 899
    change_record(deal, {"amount": Decimal(5)}, by=anna)
    changed = change_record(deal, {"has_own_amount": False}, by=anna)
    # 552.885, half up.
    assert (changed.amount, changed.base_amount) == (Decimal(899), Decimal("552.89"))
    assert lines_of(changed).gross.startswith("899\N{NO-BREAK SPACE}")


@pytest.mark.django_db
def test_what_somebody_writes_is_refused_where_it_would_be_kept_as_another_sum(
    deal: Record, anna: User, olga: User
) -> None:
    def read(amount: str, currency: str) -> Any:
        given = QueryDict(mutable=True)
        given.update({"amount": amount, "currency": currency})
        return read_all(given, ["amount"], anna)["amount"]

    assert read("1,234,567.50", "RUB") == Decimal("1234567.50")
    assert (read("1,234,567", "JPY"), read("12.50", "KWD")) == (1234567, Decimal("12.5"))
    for amount, currency, said in (("12.5", "JPY", "whole number"), ("12.505", "KWD", "thousandths")):
        with pytest.raises(ValidationError, match=said):
            read(amount, currency)
        set_currency(currency, Decimal(250), by=olga)
        change_record(deal, {"currency": currency}, by=anna)
        with pytest.raises(ValidationError, match=said):
            note_payment(deal, PaymentDraft(amount=Decimal(amount), on=company_day()), by=anna)
    assert not deal.payments.exists()


priced = st.builds(
    LineDraft,
    name=st.just("x"),
    price=st.decimals(0, 10_000_000, places=2),
    quantity=st.decimals("0.0001", 10_000, places=4),
    discount_percent=st.decimals(0, 100, places=2),
    vat_percent=st.none() | st.sampled_from([Decimal(0), Decimal(10), Decimal(22), Decimal("16.67")]),
    is_vat_included=st.booleans(),
)


@given(st.lists(priced, max_size=8))
def test_totals_are_what_the_lines_of_a_paper_add_up_to(lines: list[LineDraft]) -> None:
    totals = totals_of(lines)
    assert totals.sums.gross == sum((sums_of(one).gross for one in lines), Decimal(0))
    assert totals.sums.net + totals.sums.vat == totals.sums.gross
    assert sum((amount for _rate, amount in totals.by_rate), Decimal(0)) == totals.sums.vat
    assert totals.has_vat == any(one.vat_percent is not None for one in lines)


@pytest.mark.django_db
def test_the_amount_follows_the_lines_until_somebody_writes_another(deal: Record, anna: User) -> None:
    set_lines(deal, [line("100", quantity=Decimal(3)), line("50")], follows=True, by=anna)
    deal.refresh_from_db()
    assert (deal.amount, deal.base_amount, deal.has_own_amount) == (Decimal(350), Decimal(350), False)
    change_record(deal, {"title": "Other", "amount": Decimal(350)}, by=anna)
    deal.refresh_from_db()
    assert not deal.has_own_amount
    change_record(deal, {"amount": Decimal(300)}, by=anna)
    set_lines(deal, [line("10")], follows=False, by=anna)
    deal.refresh_from_db()
    assert (deal.amount, deal.has_own_amount) == (Decimal(300), True)


@pytest.mark.django_db
def test_an_amount_that_followed_goes_with_its_lines_and_one_by_hand_stays(deal: Record, anna: User) -> None:
    set_lines(deal, [line("100")], follows=True, by=anna)
    set_lines(deal, [], follows=True, by=anna)
    deal.refresh_from_db()
    assert (deal.amount, deal.has_own_amount) == (Decimal(0), True)
    change_record(deal, {"amount": Decimal(70)}, by=anna)
    set_lines(deal, [], follows=True, by=anna)
    deal.refresh_from_db()
    assert deal.amount == 70


@pytest.mark.django_db
def test_of_lines_what_they_come_to_is_told_where_that_is_something_else(
    deal: Record, anna: User, olga: User
) -> None:
    def told() -> list[list[list[str]]]:
        rows = Event.objects.filter(kind="crm.RecordChanged").order_by("pk")
        found = [row.payload["changes"] for row in rows]
        rows.delete()
        return found

    set_lines(deal, [line("100", unit=" pcs ")], follows=True, by=anna)
    assert told() == [[["lines", "0", "100.00"], ["amount", "0.00", "100.00"]]]
    set_lines(deal, [line("100", unit="pcs")], follows=True, by=olga)
    assert told() == []
    deal.refresh_from_db()
    assert deal.changed_by == olga
    # Another product at the same price is another line, and the same amount.
    set_lines(deal, [LineDraft(name="Table", price=Decimal(100))], follows=True, by=anna)
    assert told() == [[["lines", "100.00", "100.00"]]]
    set_lines(deal, [line("7")], follows=False, by=anna)
    assert told() == [[["lines", "100.00", "7.00"]]]
    deal.refresh_from_db()
    assert (deal.amount, deal.has_own_amount) == (Decimal(100), True)


@pytest.mark.django_db
def test_a_line_that_cannot_be_is_named_and_nothing_is_written(deal: Record, anna: User) -> None:
    for wrong, said in (
        (line("1", quantity=Decimal(0)), "Line 2: The quantity is more than nothing."),
        (line("-1"), "Line 2: A price is not negative."),
        (line("1", discount_percent=Decimal("100.01")), "Line 2: Between 0 and 100 per cent."),
        (line("1", vat_percent=Decimal(-1)), "Line 2: Between 0 and 100 per cent."),
        (line("1", vat_percent=Decimal("100.01")), "Line 2: Between 0 and 100 per cent."),
        (LineDraft(name=" ", price=Decimal(1)), "Line 2: This field cannot be blank."),
    ):
        with pytest.raises(ValidationError) as refused:
            set_lines(deal, [line("1"), wrong], follows=True, by=anna)
        assert refused.value.messages == [said]
    with pytest.raises(ValidationError):
        set_lines(deal, [line("1")] * (MOST_LINES + 1), follows=True, by=anna)
    assert not deal.lines.exists()
    assert len(set_lines(deal, [line("1")] * MOST_LINES, follows=True, by=anna).lines.all()) == MOST_LINES


@pytest.mark.django_db
def test_a_line_may_cost_nothing_and_be_given_away_whole(deal: Record, anna: User) -> None:
    free = line("0"), line("1", discount_percent=Decimal(100)), line("0.50", vat_percent=Decimal(100))
    set_lines(deal, free, follows=True, by=anna)
    deal.refresh_from_db()
    assert (deal.lines.count(), deal.amount) == (3, Decimal("0.50"))


@pytest.mark.django_db
def test_who_may_only_read_writes_no_lines_and_a_contact_has_none(
    deal: Record, anna: User, boris: User
) -> None:
    allow(employees_role(), deal.scope, Level.DEPARTMENT, "read")
    with pytest.raises(PermissionDenied):
        set_lines(deal, [line("1")], follows=True, by=boris)
    with pytest.raises(ValidationError):
        set_lines(added("contact", anna, first_name="Rose"), [line("1")], follows=True, by=anna)


@pytest.mark.django_db
def test_who_may_not_change_an_amount_writes_lines_that_it_does_not_follow(deal: Record, anna: User) -> None:
    role, kind = employees_role(), type_of("deal")
    give(role, kind, "lines", FieldLevel.SEE, by=None)
    for follows in (True, False):
        with pytest.raises(PermissionDenied, match="Products"):
            set_lines(deal, [line("1")], follows=follows, by=User.objects.get(pk=anna.pk))
    give(role, kind, "lines", None, by=None)
    give(role, kind, "amount", FieldLevel.SEE, by=None)
    with pytest.raises(PermissionDenied, match="Amount"):
        set_lines(deal, [line("1")], follows=True, by=User.objects.get(pk=anna.pk))
    assert not deal.lines.exists()
    set_lines(deal, [line("1")], follows=False, by=User.objects.get(pk=anna.pk))
    assert deal.lines.count() == 1


@pytest.mark.django_db
def test_lines_change_the_record_now_and_by_whoever_wrote_them(deal: Record, anna: User) -> None:
    before = timezone.now()
    Record.objects.filter(pk=deal.pk).update(changed_at=before - timedelta(days=9))
    set_lines(deal, [line("1")], follows=True, by=anna)
    deal.refresh_from_db()
    assert deal.changed_at >= before
    assert Event.objects.get(kind="crm.RecordChanged").payload["by_id"] == anna.pk


@pytest.mark.django_db
def test_a_lead_that_is_converted_takes_its_lines_along_and_the_deal_follows_them(
    lead: Record, anna: User
) -> None:
    set_lines(lead, [line("100")], follows=True, by=anna)
    deal = convert_lead(lead, Conversion(makes_deal=True), by=anna).deal
    assert deal is not None
    assert [(one.name, one.price) for one in deal.lines.all()] == [("Chair", Decimal(100))]
    deal.refresh_from_db()
    assert (deal.amount, deal.has_own_amount) == (Decimal(100), False)


# On the card


def sent(*rows: tuple[str, str, str, str], **more: str) -> dict[str, Any]:
    """Of lines a name, a quantity, a price and a rate of VAT."""
    names, quantities, prices, vats = (list(column) for column in zip(*rows, strict=True))
    blank = [""] * len(rows)
    return {
        "line-product": blank, "line-name": names, "line-quantity": quantities, "line-unit": blank,
        "line-price": prices, "line-discount": blank, "line-vat": vats, **more,
    }  # fmt: skip


@pytest.mark.django_db
def test_lines_are_written_on_the_card_and_history_tells_of_the_sum(
    as_person: Browser, anna: User, deal: Record
) -> None:
    browser, address = as_person(anna), f"{deal.get_absolute_url()}lines/"
    assert 'name="line-name"' in browser.get(address, headers=HTMX).content.decode()
    form = sent(("Oak chair", "2", "1 220,50", "22i"), ("Carriage", "1", "500", "22a"), follows="1")
    answer = browser.post(address, form, headers=HTMX)
    assert answer.headers["HX-Reswap"] == "none"
    deal.refresh_from_db()
    assert deal.amount == Decimal("3051.00")
    deliver_all()
    page = browser.get(deal.get_absolute_url()).content.decode()
    assert "Oak chair" in page
    assert "products: 0 → 3051.00" in page
    assert "VAT 22%" in page


@pytest.mark.django_db
def test_what_a_form_comes_to_is_said_and_not_kept(as_person: Browser, anna: User, deal: Record) -> None:
    address = f"{deal.get_absolute_url()}lines/sums/"
    page = as_person(anna).post(address, sent(("Chair", "3", "10,10", "")), headers=HTMX).content.decode()
    assert "30.30" in page
    assert not deal.lines.exists()
    wrong = as_person(anna).post(address, sent(("Chair", "many", "1", "")), headers=HTMX).content.decode()
    assert "Line 1: “many” is no number." in wrong


@pytest.mark.django_db
def test_a_form_that_is_wrong_is_shown_again_as_it_was_sent(
    as_person: Browser, anna: User, deal: Record
) -> None:
    address = f"{deal.get_absolute_url()}lines/"
    answer = as_person(anna).post(address, sent(("Chair", "0", "10", "22i")), headers=HTMX)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Line 1: The quantity is more than nothing." in page
    assert 'value="Chair"' in page
    cut = {**sent(("Chair", "1", "1", "")), "line-name": []}
    assert as_person(anna).post(address, cut, headers=HTMX).status_code == 422


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row",
    [
        ("Chair", "999999999999999", "999999999999999", "22a"),
        ("Chair", "1", "999999999999999", "999999999999999a"),
        ("Chair", "1", "1", "-100i"),
    ],
)
def test_what_comes_to_more_than_there_is_is_said_in_the_form(
    as_person: Browser, anna: User, deal: Record, row: tuple[str, str, str, str]
) -> None:
    browser, address = as_person(anna), f"{deal.get_absolute_url()}lines/"
    answer = browser.post(address, sent(("Chair", "1", "1", ""), row), headers=HTMX)
    assert answer.status_code == 422
    assert "Line 2: that is more than can be kept." in answer.content.decode()
    sums = browser.post(f"{address}sums/", sent(row), headers=HTMX)
    assert "Line 1: that is more than can be kept." in sums.content.decode()
    assert not deal.lines.exists()


@pytest.mark.django_db
def test_products_are_found_by_name_and_article_and_become_lines_at_their_price(
    as_person: Browser, anna: User, deal: Record
) -> None:
    chair = product("Oak chair", RUB="1200")
    gone = product("Old chair", RUB="1")
    retire_product(gone, True, by=None)
    page = as_person(anna).get(f"{deal.get_absolute_url()}lines/products/?text=chair", headers=HTMX)
    text = page.content.decode()
    assert "Oak chair" in text
    assert "Old chair" not in text
    row = as_person(anna).get(f"{deal.get_absolute_url()}lines/products/{chair.pk}/", headers=HTMX)
    assert 'value="1200.00"' in row.content.decode()
    assert as_person(anna).get(f"{deal.get_absolute_url()}lines/products/{gone.pk}/").status_code == 404
    assert found_products("  ") == []


@pytest.mark.django_db
def test_a_product_without_a_price_in_the_deals_currency_is_counted_over(anna: User) -> None:
    set_currency("EUR", Decimal(100), by=None)
    assert line_of(product("Chair", RUB="1250"), "EUR").price == Decimal("12.50")
    assert line_of(product("Table", RUB="1250", EUR="11"), "EUR").price == 11
    assert line_of(product("Gift"), "EUR").price == 0
    # 0.125, half up.
    assert line_of(product("Pin", RUB="12.50"), "EUR").price == Decimal("0.13")


@pytest.mark.django_db
def test_a_rate_that_is_no_more_is_still_offered_for_a_line_that_has_it() -> None:
    keys = dict(vat_choices([line("1", vat_percent=Decimal(18))]))
    assert keys["18i"] == "VAT 18%"
    assert keys["18a"] == "VAT 18% on top"
    assert "18i" not in dict(vat_choices())


@pytest.mark.django_db
def test_a_card_asks_as_often_for_twenty_lines_as_for_one(
    as_person: Browser, anna: User, deal: Record
) -> None:
    browser, counts = as_person(anna), []
    for count in (1, 20):
        set_lines(deal, [line("1")] * count, follows=True, by=anna)
        browser.get(deal.get_absolute_url())
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(deal.get_absolute_url())
        counts.append(len(queries))
    assert counts[0] == counts[1]


# For programs


@pytest.mark.django_db
def test_programs_set_and_read_the_lines_of_a_deal(anna: User, deal: Record) -> None:
    program, chair = program_of(anna, "crm"), product("Oak chair", RUB="1220")
    rows = [
        {"PRODUCT_ID": chair.pk, "PRICE": 1220, "QUANTITY": 2, "TAX_RATE": 22, "TAX_INCLUDED": "Y"},
        {"PRODUCT_NAME": "Carriage", "PRICE": 549, "TAX_RATE": 22, "TAX_INCLUDED": "N", "DISCOUNT_RATE": 10},
    ]
    assert program.call("crm.deal.productrows.set", id=deal.pk, rows=rows) is True
    first, second = program.call("crm.deal.productrows.get", id=deal.pk)
    assert (first["PRODUCT_NAME"], first["PRICE"], first["PRICE_EXCLUSIVE"]) == ("Oak chair", 1220, 1000)
    assert (second["PRICE"], second["PRICE_EXCLUSIVE"], second["PRICE_NETTO"]) == (549, 450, 500)
    deal.refresh_from_db()
    assert (deal.amount, deal.has_own_amount) == (Decimal(2989), False)
    items = program.call("crm.item.productrow.list", filter={"=ownerType": "D", "=ownerId": deal.pk})
    assert [one["productName"] for one in items["productRows"]] == ["Oak chair", "Carriage"]
    sent = [{"productName": "Table", "price": 10}]
    program.call("crm.item.productrow.set", ownerType="D", ownerId=deal.pk, productRows=sent)
    status, _error = program.error("crm.item.productrow.set", ownerType="D", ownerId=deal.pk)
    assert status == 400
    assert [one.name for one in deal.lines.all()] == ["Table"]
    program.call("crm.item.productrow.set", ownerType="D", ownerId=deal.pk, productRows=[])
    assert deal.lines.count() == 0


TABLES = [{"PRODUCT_NAME": "Table", "PRICE": 10, "QUANTITY": 3}]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "amount", "flag"),
    [
        ({}, 30, "N"),
        ({"IS_MANUAL_OPPORTUNITY": "N"}, 30, "N"),
        ({"IS_MANUAL_OPPORTUNITY": "Y"}, 100, "Y"),
        # An amount of nothing is none that somebody would have written.
        ({"IS_MANUAL_OPPORTUNITY": "Y", "OPPORTUNITY": 0}, 30, "N"),
    ],
)
def test_lines_set_the_amount_of_what_a_program_adds_unless_it_is_its_own(
    sent: dict[str, Any], amount: int, flag: str, anna: User
) -> None:
    program = program_of(anna, "crm")
    pk = program.call("crm.deal.add", fields={"TITLE": "Chairs", "OPPORTUNITY": 100, **sent})
    program.call("crm.deal.productrows.set", id=pk, rows=TABLES)
    found = program.call("crm.deal.get", id=pk)
    assert (float(found["OPPORTUNITY"]), found["IS_MANUAL_OPPORTUNITY"]) == (amount, flag)
    item = program.call("crm.item.get", entityTypeId=2, id=pk)["item"]
    assert (item["opportunity"], item["isManualOpportunity"]) == (amount, flag)
    manual = program.call("crm.deal.list", filter={"IS_MANUAL_OPPORTUNITY": "Y"}, select=["ID"])
    assert [int(one["ID"]) for one in manual] == ([int(pk)] if flag == "Y" else [])


@pytest.mark.django_db
def test_a_program_says_whether_an_amount_follows_its_lines(anna: User) -> None:
    program = program_of(anna, "crm")
    pk = program.call("crm.deal.add", fields={"TITLE": "Chairs"})
    deal = Record.objects.get(pk=pk)

    def update(**fields: Any) -> tuple[Decimal, bool]:
        program.call("crm.deal.update", id=pk, fields=fields)
        deal.refresh_from_db()
        return deal.amount, deal.has_own_amount

    assert update(OPPORTUNITY=200) == (Decimal(200), False), "there are no lines that it would not follow"
    program.call("crm.deal.productrows.set", id=pk, rows=TABLES)
    assert update(TITLE="Tables") == (Decimal(30), False)
    assert update(OPPORTUNITY=200) == (Decimal(200), True)
    assert update(IS_MANUAL_OPPORTUNITY="N") == (Decimal(30), False)
    assert update(IS_MANUAL_OPPORTUNITY="N", OPPORTUNITY=7) == (Decimal(30), False)
    assert update(IS_MANUAL_OPPORTUNITY="Y") == (Decimal(30), True)
    chairs = [{"productName": "Chair", "price": 500}]
    program.call("crm.item.productrow.set", ownerType="D", ownerId=pk, productRows=chairs)
    assert update(TITLE="Chairs") == (Decimal(30), True)
    assert [one.name for one in deal.lines.all()] == ["Chair"]
    refused = program.error("crm.deal.update", id=pk, fields={"IS_MANUAL_OPPORTUNITY": "perhaps"})
    assert refused[0] == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    "odd",
    [
        {"TAX_RATE": -100}, {"TAX_RATE": "1e15"}, {"DISCOUNT_RATE": 100.5},
        {"PRICE": "9999999999999999", "DISCOUNT_RATE": "99.99"},
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_counted_back_is_refused(
    odd: dict[str, Any], anna: User, deal: Record
) -> None:
    rows = [{"PRODUCT_NAME": "Table", "PRICE": 10, **odd}]
    found = program_of(anna, "crm").error("crm.deal.productrows.set", id=deal.pk, rows=rows)
    assert found == (400, "ERROR_ARGUMENT")
    assert not deal.lines.exists()


def test_programs_are_refused_others_deals_and_products_that_are_not_there(
    anna: User, boris: User, deal: Record
) -> None:
    theirs, hers = program_of(boris, "crm"), program_of(anna, "crm")
    assert theirs.error("crm.deal.productrows.get", id=deal.pk) == (400, "ERROR_NOT_FOUND")
    rows = [{"PRODUCT_ID": 999_999, "PRICE": 1}]
    status, _code = hers.error("crm.deal.productrows.set", id=deal.pk, rows=rows)
    assert status == 400
    assert hers.error("crm.deal.productrows.set", id=deal.pk, rows="x")[0] == 400
    assert not deal.lines.exists()
