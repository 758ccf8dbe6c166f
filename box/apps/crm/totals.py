"""What lines of products come to: discounts, VAT, and the sum, to the cent.

Every line is rounded by itself, and the sum is that of the rounded lines: so whoever adds up a printed paper
gets what stands below it. Halves go up, as accountants round (and not to the even cent, as Python would).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_HUNDRED = Decimal(100)


@dataclass(frozen=True, kw_only=True)
class Line:
    """`price` is that of one, before the discount. `vat_percent` None: without VAT, which is not 0 %."""

    price: Decimal
    quantity: Decimal = Decimal(1)
    discount_percent: Decimal = Decimal(0)
    vat_percent: Decimal | None = None
    is_vat_included: bool = True


@dataclass(frozen=True)
class LineTotal:
    net: Decimal
    vat: Decimal
    discount: Decimal

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


@dataclass(frozen=True)
class Total:
    """`vat` by its rate; a rate of 0 % is there with nothing in it, lines without VAT are in no rate."""

    net: Decimal
    discount: Decimal
    vat: Mapping[Decimal, Decimal]

    @property
    def gross(self) -> Decimal:
        return self.net + sum(self.vat.values(), Decimal(0))


def of_line(line: Line, *, decimals: int = 2) -> LineTotal:
    full = line.price * line.quantity
    agreed = _rounded(full * (_HUNDRED - line.discount_percent) / _HUNDRED, decimals)
    discount = _rounded(full, decimals) - agreed
    percent = line.vat_percent or Decimal(0)
    if line.is_vat_included:
        vat = _rounded(agreed * percent / (_HUNDRED + percent), decimals)
        return LineTotal(agreed - vat, vat, discount)
    return LineTotal(agreed, _rounded(agreed * percent / _HUNDRED, decimals), discount)


def of_lines(lines: Iterable[Line], *, decimals: int = 2) -> Total:
    net = discount = Decimal(0)
    vat: dict[Decimal, Decimal] = {}
    for line in lines:
        one = of_line(line, decimals=decimals)
        net, discount = net + one.net, discount + one.discount
        if line.vat_percent is not None:
            vat[line.vat_percent] = vat.get(line.vat_percent, Decimal(0)) + one.vat
    return Total(net, discount, dict(sorted(vat.items())))


def _rounded(amount: Decimal, decimals: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
