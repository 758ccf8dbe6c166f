"""What the CRM chooses from: what its lists take, what is told of them, and what stays while it is used."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from box.apps.crm.actions.dictionaries import remove_currency, set_currency
from box.apps.crm.models import Currency
from box.core.events.models import Event

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def told(dictionary: str) -> list[tuple[str, str, int | None]]:
    rows = Event.objects.filter(kind="crm.DictionaryChanged", payload__dictionary=dictionary).order_by("pk")
    return [(one.payload["change"], one.payload["name"], one.payload["by_id"]) for one in rows]


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
