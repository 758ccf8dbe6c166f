"""What lines of products come to.

The rule of rounding, said once: what a line comes to after its discount is rounded to hundredths, half up;
its VAT is that of this rounded sum, rounded just so. Totals add up lines that are rounded, so that whoever
adds a paper up by hand gets its total. VAT that is in the price is taken out of the sum, other VAT comes on
top.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

CENT = Decimal("0.01")
HUNDRED = Decimal(100)


class Priced(Protocol):
    """A line, or what is to become one. `vat_percent` None: without VAT."""

    @property
    def quantity(self) -> Decimal: ...

    @property
    def price(self) -> Decimal: ...

    @property
    def discount_percent(self) -> Decimal: ...

    @property
    def vat_percent(self) -> Decimal | None: ...

    @property
    def is_vat_included(self) -> bool: ...


@dataclass(frozen=True)
class Sums:
    """`gross` is what is to be paid, `net` that without VAT; `discount` is what was taken off."""

    net: Decimal = Decimal(0)
    vat: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.net + other.net,
            self.vat + other.vat,
            self.gross + other.gross,
            self.discount + other.discount,
        )


@dataclass(frozen=True)
class Totals:
    """`by_rate`: the VAT of each rate that lines have, the highest first."""

    sums: Sums
    by_rate: tuple[tuple[Decimal, Decimal], ...] = ()
    has_vat: bool = False


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def sums_of(line: Priced) -> Sums:
    whole = rounded(line.quantity * line.price)
    due = rounded(line.quantity * line.price * (HUNDRED - line.discount_percent) / HUNDRED)
    percent = line.vat_percent or Decimal(0)
    if line.is_vat_included:
        vat = rounded(due * percent / (HUNDRED + percent))
        return Sums(due - vat, vat, due, whole - due)
    vat = rounded(due * percent / HUNDRED)
    return Sums(due, vat, due + vat, whole - due)


def totals_of(lines: Iterable[Priced]) -> Totals:
    total, by_rate, has_vat = Sums(), dict[Decimal, Decimal](), False
    for line in lines:
        sums = sums_of(line)
        total += sums
        if line.vat_percent is not None:
            has_vat = True
            by_rate[line.vat_percent] = by_rate.get(line.vat_percent, Decimal(0)) + sums.vat
    return Totals(total, tuple(sorted(by_rate.items(), reverse=True)), has_vat)
