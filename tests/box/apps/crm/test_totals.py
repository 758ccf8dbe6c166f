"""Lines of products, their discounts and VAT, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.apps.crm.totals import Line, of_line, of_lines

prices = st.decimals(min_value=0, max_value=10**9, places=2)
percents = st.decimals(min_value=0, max_value=100, places=2)
lines = st.builds(
    Line,
    price=prices,
    quantity=st.decimals(min_value="0.0001", max_value=10_000, places=4),
    discount_percent=percents,
    vat_percent=st.none() | st.sampled_from([Decimal(0), Decimal(10), Decimal(20), Decimal(22)]),
    is_vat_included=st.booleans(),
)


@pytest.mark.parametrize(
    ("line", "net", "vat", "discount"),
    [
        (Line(price=Decimal(122), vat_percent=Decimal(22)), "100.00", "22.00", "0.00"),
        (Line(price=Decimal(100), vat_percent=Decimal(22), is_vat_included=False), "100.00", "22.00", "0.00"),
        (Line(price=Decimal(100)), "100.00", "0.00", "0.00"),
        (
            Line(price=Decimal(100), quantity=Decimal(3), discount_percent=Decimal(10)),
            "270.00",
            "0.00",
            "30.00",
        ),
        # Halves go up.
        (Line(price=Decimal("0.05"), quantity=Decimal("0.5")), "0.03", "0.00", "0.00"),
        (Line(price=Decimal("0.25"), vat_percent=Decimal(10), is_vat_included=False), "0.25", "0.03", "0.00"),
    ],
)
def test_a_line_comes_to(line: Line, net: str, vat: str, discount: str) -> None:
    total = of_line(line)
    assert (total.net, total.vat, total.discount) == (Decimal(net), Decimal(vat), Decimal(discount))


@given(lines)
def test_the_price_with_its_discount_is_what_is_paid_where_vat_is_in_it(line: Line) -> None:
    total = of_line(line)
    assert total.net >= 0
    assert total.vat >= 0
    if line.is_vat_included:
        full = line.price * line.quantity
        assert abs(total.gross + total.discount - full) <= Decimal("0.005")


@given(st.lists(lines, max_size=30))
def test_the_sum_is_that_of_the_printed_lines(given_lines: list[Line]) -> None:
    total = of_lines(given_lines)
    printed = [of_line(line) for line in given_lines]
    assert total.gross == sum((one.gross for one in printed), Decimal(0))
    assert set(total.vat) == {line.vat_percent for line in given_lines} - {None}


def test_a_rate_of_nothing_is_named_and_no_rate_is_not() -> None:
    free, zero = Line(price=Decimal(1)), Line(price=Decimal(1), vat_percent=Decimal(0))
    assert of_lines([free]).vat == {}
    assert of_lines([zero]).vat == {Decimal(0): Decimal(0)}


def test_a_currency_without_cents_is_rounded_to_whole_ones() -> None:
    assert of_line(Line(price=Decimal("10.5")), decimals=0).gross == Decimal(11)
