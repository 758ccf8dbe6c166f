"""Lines of products as the portal tells of them, and what becomes of those that cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from box.transfer.stages.products import _draft


def told(**more: Any) -> dict[str, Any]:
    return {
        "ID": "1", "PRODUCT_NAME": "A rose", "PRICE_NETTO": 100, "PRICE_BRUTTO": "120", "QUANTITY": 2,
        "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 0, "TAX_RATE": 20, "TAX_INCLUDED": "Y", **more,
    }  # fmt: skip


def test_the_price_is_the_one_before_the_discount_with_its_tax_or_without() -> None:
    assert _draft(told()).price == 120
    assert _draft(told(TAX_INCLUDED="N")).price == 100
    assert _draft(told(TAX_INCLUDED="N")).is_vat_included is False


def test_a_discount_in_money_is_one_in_per_cent_here() -> None:
    assert _draft(told(DISCOUNT_TYPE_ID=1, DISCOUNT_SUM=30, DISCOUNT_RATE=5)).discount_percent == 25
    assert _draft(told(DISCOUNT_RATE="12.5")).discount_percent == Decimal("12.5")
    assert _draft(told(DISCOUNT_TYPE_ID=1, DISCOUNT_SUM=30, PRICE_BRUTTO=0)).discount_percent == 0


def test_no_tax_is_not_a_tax_of_nothing() -> None:
    assert _draft(told(TAX_RATE=None)).vat_percent is None
    assert _draft(told(TAX_RATE=0)).vat_percent == 0


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-5", "1e400", [], {}, "ten", None, True, "9" * 400])
def test_odd_numbers_are_none_that_harm(odd: Any) -> None:
    found = _draft(told(PRICE_BRUTTO=odd, QUANTITY=odd, DISCOUNT_RATE=odd, TAX_RATE=odd))
    assert found.price >= 0
    assert found.quantity > 0
    assert 0 <= found.discount_percent <= 100
