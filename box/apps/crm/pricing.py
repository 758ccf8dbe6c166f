"""What lines of products come to.

The rule of rounding, said once: what a line comes to after its discount is rounded to hundredths, half up, or
to whole units in a currency that has no smaller coins; its VAT is that of this rounded sum, rounded just so.
Totals add up lines that are rounded, so that whoever adds a paper up by hand gets its total. VAT that is in
the price is taken out of the sum, other VAT comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

HUNDRED = Decimal(100)
KEPT_DIGITS = 2
"""Behind the point: what columns of money hold, whatever the currency."""
# As ISO 4217 has them, where they are not two.
_WITHOUT_COINS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
    "XOF", "XPF",
)  # fmt: skip
_OF_THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_DIGITS = dict.fromkeys(_WITHOUT_COINS, 0) | dict.fromkeys(_OF_THOUSANDTHS, 3)


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


def digits_of(currency: str) -> int:
    """Behind the point of its amounts."""
    return _DIGITS.get(currency, 2)


def rounded(amount: Decimal, currency: str = "") -> Decimal:
    """To what is kept of an amount in this currency; without one to hundredths."""
    return amount.quantize(Decimal(1).scaleb(-min(digits_of(currency), KEPT_DIGITS)), ROUND_HALF_UP)


def sums_of(line: Priced, currency: str = "") -> Sums:
    whole = rounded(line.quantity * line.price, currency)
    due = rounded(line.quantity * line.price * (HUNDRED - line.discount_percent) / HUNDRED, currency)
    percent = line.vat_percent or Decimal(0)
    if line.is_vat_included:
        vat = rounded(due * percent / (HUNDRED + percent), currency)
        return Sums(due - vat, vat, due, whole - due)
    vat = rounded(due * percent / HUNDRED, currency)
    return Sums(due, vat, due + vat, whole - due)


def totals_of(lines: Iterable[Priced], currency: str = "") -> Totals:
    total, by_rate, has_vat = Sums(), dict[Decimal, Decimal](), False
    for line in lines:
        sums = sums_of(line, currency)
        total += sums
        if line.vat_percent is not None:
            has_vat = True
            by_rate[line.vat_percent] = by_rate.get(line.vat_percent, Decimal(0)) + sums.vat
    return Totals(total, tuple(sorted(by_rate.items(), reverse=True)), has_vat)
