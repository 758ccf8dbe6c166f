"""What the CRM chooses from: what its lists take, what is told of them, and what stays while it is used."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.actions.dictionaries import (
    ProductDraft,
    add_ranked,
    add_vat_rate,
    change_ranked,
    remove_currency,
    remove_unit,
    remove_vat_rate,
    retire_product,
    save_product,
    set_currency,
    set_unit,
)
from box.apps.crm.actions.papers import PaymentDraft, note_payment
from box.apps.crm.actions.records import change_record
from box.apps.crm.models import Currency, LineItem, LossReason, Product, Record, Source, Unit, VatRate
from box.core.events.models import Event
from tests.box.apps.crm.conftest import added

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def told(dictionary: str) -> list[tuple[str, str, int | None]]:
    rows = Event.objects.filter(kind="crm.DictionaryChanged", payload__dictionary=dictionary).order_by("pk")
    return [(one.payload["change"], one.payload["name"], one.payload["by_id"]) for one in rows]


def draft(name: str = "Chair", **more: Any) -> ProductDraft:
    usual = {"name": name, "unit": Unit.objects.get(code="796"), "vat": VatRate.objects.get(percent=22)}
    return ProductDraft(**{**usual, **more})


# Sources and loss reasons


@pytest.mark.parametrize("model", [Source, LossReason])
def test_a_list_takes_no_name_twice_in_other_letters_and_none_that_is_too_long(
    model: type[Source | LossReason],
) -> None:
    there = add_ranked(model, "Spring fair", by=None)
    for name in ("x" * 101, "SPRING  FAIR"):
        with pytest.raises(ValidationError) as refused:
            add_ranked(model, name, by=None)
        assert set(refused.value.message_dict) == {"name"}
    with pytest.raises(ValidationError, match="at most 100 characters"):
        change_ranked(there, "x" * 101, by=None)
    there.refresh_from_db()
    assert there.name == "Spring fair"
    assert add_ranked(model, "x" * 100, by=None).name == "x" * 100


# Currencies


@pytest.mark.parametrize(
    ("code", "rate", "wrong"),
    [
        ("EU", "1", "code"),
        ("ЕВР", "1", "code"),
        ("E1R", "1", "code"),
        ("EUR", "10000000000", "rate"),
        ("EUR", "0.000000001", "rate"),
    ],
)
def test_a_currency_is_three_letters_and_a_rate_that_can_be_kept(code: str, rate: str, wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        set_currency(code, Decimal(rate), by=None)
    assert set(refused.value.message_dict) == {wrong}
    assert list(Currency.objects.values_list("code", flat=True)) == ["RUB"]


def test_a_currency_is_told_of_with_its_rate_where_that_is_another_one(olga: User) -> None:
    base = Currency.objects.get(is_base=True)
    assert set_currency(base.code, Decimal(1), by=olga) == base
    for code, rate in ((" eur ", "0.50"), ("EUR", "0.5"), ("EUR", "10")):
        euro = set_currency(code, Decimal(rate), by=olga)
    remove_currency(euro, by=olga)
    assert told("currency") == [
        ("added", "EUR: 0.5", olga.pk), ("changed", "EUR: 10", olga.pk), ("removed", "EUR", olga.pk)
    ]  # fmt: skip
    base.refresh_from_db()
    assert (base.rate, base.is_base) == (Decimal(1), True)


def test_what_comes_to_nothing_in_a_currency_does_so_in_the_companys_once_it_is_gone(
    anna: User, olga: User
) -> None:
    euro, _yen = (set_currency(code, Decimal(90), by=olga) for code in ("EUR", "JPY"))
    deal, with_payment, with_line, other = (
        added("deal", anna, currency=code) for code in ("EUR", "EUR", "EUR", "JPY")
    )
    note_payment(with_payment, PaymentDraft(amount=Decimal(5), on=date(2026, 11, 1)), by=None)
    LineItem.objects.create(record=with_line, name="Chair", price=Decimal(0), rank="i")
    for alone in (with_payment, with_line):
        Record.objects.filter(pk__in=[with_payment.pk, with_line.pk]).update(currency="RUB")
        Record.objects.filter(pk=alone.pk).update(currency="EUR")
        with pytest.raises(ValidationError, match="it stays"):
            remove_currency(euro, by=olga)
    with_line.delete()
    remove_currency(euro, by=olga)
    change_record(deal, {"title": "Chairs"}, by=None)
    for record in (deal, other):
        record.refresh_from_db()
    assert [one.currency for one in (deal, other)] == ["RUB", "JPY"]


# Units and rates of VAT


def test_what_nothing_is_counted_in_goes_however_much_is_counted_in_others(anna: User, olga: User) -> None:
    euro, unit = set_currency("EUR", Decimal(90), by=olga), set_unit("839", "set", by=olga)
    rate = add_vat_rate(Decimal(5), by=olga)
    added("deal", anna, amount=Decimal(10))
    save_product(None, draft(prices={"RUB": Decimal(5)}), by=olga)
    remove_currency(euro, by=olga)
    remove_unit(unit, by=olga)
    remove_vat_rate(rate, by=olga)
    assert not Currency.objects.filter(code="EUR").exists()
    assert told("unit") == [("added", "set", olga.pk), ("removed", "set", olga.pk)]
    assert told("vat") == [("added", "VAT 5%", olga.pk), ("removed", "VAT 5%", olga.pk)]


def test_a_unit_has_a_code_and_a_sign_and_the_same_sign_changes_nothing(olga: User) -> None:
    for code, symbol in (("83900", "set"), (" ", "set"), ("839", " "), ("839", "x" * 21)):
        with pytest.raises(ValidationError):
            set_unit(code, symbol, by=olga)
    assert not Unit.objects.filter(code__startswith="839").exists()
    for _again in range(2):
        made = set_unit(" 839 ", " big  set ", by=olga)
    assert (made.code, made.symbol) == ("839", "big set")
    # Called like its code it is a unit all the same.
    assert set_unit("set", "set", by=olga).pk is not None
    assert told("unit") == [("added", "big set", olga.pk), ("added", "set", olga.pk)]


def test_there_is_vat_of_nothing_and_none_of_thousandths() -> None:
    VatRate.objects.filter(percent=0).delete()
    assert add_vat_rate(Decimal(0), by=None).percent == 0
    with pytest.raises(ValidationError) as refused:
        add_vat_rate(Decimal("1.234"), by=None)
    assert set(refused.value.message_dict) == {"percent"}


# Products


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 256}, {"about": "x" * 20_001}, {"external_id": "x" * 256}]
)
def test_a_product_that_could_not_be_kept_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        save_product(None, draft(**wrong), by=None)
    assert set(refused.value.message_dict) == set(wrong)
    assert not Product.objects.exists()


def test_a_product_that_is_changed_is_told_of_and_no_other_is_touched(olga: User) -> None:
    set_currency("EUR", Decimal(90), by=None)
    table = save_product(None, draft("Table", prices={"EUR": Decimal(7)}), by=None)
    chair = save_product(None, draft(prices={"RUB": Decimal(5)}, external_id="1c-7"), by=olga)
    changed = draft(" Oak  chair ", prices={"RUB": Decimal(6)}, external_id="1c-8", is_vat_included=False)
    chair = save_product(chair, changed, by=olga)
    for is_retired in (True, False):
        retire_product(chair, is_retired, by=olga)
    chair.refresh_from_db()
    assert (chair.name, chair.external_id, chair.is_vat_included) == ("Oak chair", "1c-8", False)
    assert chair.retired_at is None
    assert [(one.currency_id, one.amount) for one in chair.prices.all()] == [("RUB", Decimal(6))]
    assert [(one.currency_id, one.amount) for one in table.prices.all()] == [("EUR", Decimal(7))]
    assert told("product") == [
        ("added", "Table", None), ("added", "Chair", olga.pk), ("changed", "Oak chair", olga.pk),
        ("retired", "Oak chair", olga.pk), ("restored", "Oak chair", olga.pk),
    ]  # fmt: skip
