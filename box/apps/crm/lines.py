"""The lines of products of a record: as its card shows them, as its form sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.crm.actions.checks import LARGEST
from box.apps.crm.actions.lines import MOST_LINES, LineDraft
from box.apps.crm.models import Currency, LineItem, Product, VatRate
from box.apps.crm.presenters import money, quantity
from box.apps.crm.pricing import Sums, Totals, rounded, sums_of, totals_of
from box.core.fields.kinds import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import QueryDict

    from box.apps.crm.models import Record

MOST_FOUND = 12
FIELDS = ("product", "name", "quantity", "unit", "price", "discount", "vat")


@dataclass(frozen=True)
class VatLine:
    label: str
    amount: str


@dataclass(frozen=True)
class Shown:
    """A line, with what it comes to as its reader writes sums."""

    line: LineItem | LineDraft
    sums: Sums
    currency: str

    @property
    def quantity(self) -> str:
        return quantity(self.line.quantity)

    @property
    def price(self) -> str:
        return money(self.line.price, self.currency)

    @property
    def discount(self) -> str:
        return f"{quantity(self.line.discount_percent)} %" if self.line.discount_percent else ""

    @property
    def vat(self) -> str:
        return vat_label(self.line.vat_percent, is_included=self.line.is_vat_included)

    @property
    def amount(self) -> str:
        return money(self.sums.gross, self.currency)

    @property
    def vat_key(self) -> str:
        return vat_key(self.line.vat_percent, is_included=self.line.is_vat_included)


@dataclass(frozen=True)
class Lines:
    """All lines of a record. `rates`: a sentence and a sum for each rate of VAT."""

    rows: Sequence[Shown]
    totals: Totals
    currency: str

    @property
    def gross(self) -> str:
        return money(self.totals.sums.gross, self.currency)

    @property
    def discount(self) -> str:
        return money(self.totals.sums.discount, self.currency) if self.totals.sums.discount else ""

    @property
    def rates(self) -> list[VatLine]:
        return [
            VatLine(vat_label(percent, is_included=True), money(amount, self.currency))
            for percent, amount in self.totals.by_rate
        ]


def lines_of(record: Record, lines: Sequence[LineItem] | None = None) -> Lines:
    """In one query, or in none where its lines were read already."""
    if lines is None:
        lines = list(record.lines.in_order()) if record.type.has_amount else []
    return shown(lines, record.currency)


def shown(lines: Sequence[LineItem | LineDraft], currency: str) -> Lines:
    rows = [Shown(one, sums_of(one, currency), currency) for one in lines]
    return Lines(rows, totals_of(lines, currency), currency)


# VAT: a rate, and whether it is in the price, in one choice


def vat_key(percent: Decimal | None, *, is_included: bool) -> str:
    return "" if percent is None else f"{quantity_key(percent)}{'i' if is_included else 'a'}"


def quantity_key(number: Decimal) -> str:
    return f"{number.normalize():f}"


def vat_label(percent: Decimal | None, *, is_included: bool) -> str:
    if percent is None:
        return _("Without VAT")
    said = _("VAT %(percent)s%%") if is_included else _("VAT %(percent)s%% on top")
    return said % {"percent": quantity(percent)}


def vat_choices(lines: Iterable[LineItem | LineDraft] = ()) -> list[tuple[str, str]]:
    """Of all rates that there are, and of those that lines were agreed with."""
    rates = {one.percent for one in VatRate.objects.all()} | {one.vat_percent for one in lines}
    percents = sorted(one for one in rates if one is not None)
    choices = [("", vat_label(None, is_included=True))]
    for is_included in (True, False):
        choices += [
            (vat_key(one, is_included=is_included), vat_label(one, is_included=is_included))
            for one in percents
        ]
    return choices


# What a form sends


def drafts_in(given: QueryDict) -> list[LineDraft]:
    """Lines without a name and a price are left out. Raises ValidationError, which names the line."""
    columns = [given.getlist(f"line-{name}") for name in FIELDS]
    if len({len(column) for column in columns}) > 1:
        raise ValidationError(_("The form is incomplete: reload the page."))
    if len(columns[0]) > MOST_LINES:
        raise ValidationError(_("At most %(most)s lines.") % {"most": MOST_LINES}, code="most")
    rows = [dict(zip(FIELDS, row, strict=True)) for row in zip(*columns, strict=True)]
    ids = {int(row["product"]) for row in rows if _is_id(row["product"])}
    products = Product.objects.in_bulk(ids)
    drafts = []
    for number, row in enumerate(rows, 1):
        if not row["name"].strip() and not row["price"].strip():
            continue
        try:
            drafts.append(_draft(row, products))
        except ValueError as error:
            said = _("Line %(number)s: “%(text)s” is no number.")
            raise ValidationError(said % {"number": number, "text": str(error)[:40]}) from None
        if not _comes_to_something(drafts[-1]):
            raise ValidationError(_("Line %(number)s: that is more than can be kept.") % {"number": number})
    return drafts


def _comes_to_something(draft: LineDraft) -> bool:
    """Before it is shown: what is beyond all money has more digits than are counted and written."""
    try:
        sums = sums_of(draft)
    except ArithmeticError:
        return False
    return max(abs(sums.gross), abs(sums.discount)) < LARGEST


def _draft(row: Mapping[str, str], products: Mapping[int, Product]) -> LineDraft:
    """Raises ValueError with what is no number."""
    vat = row["vat"]
    return LineDraft(
        product=products.get(int(row["product"])) if _is_id(row["product"]) else None,
        name=row["name"][:400], unit=row["unit"][:40],
        quantity=_number(row["quantity"] or "1"), price=_number(row["price"] or "0"),
        discount_percent=_number(row["discount"] or "0"),
        vat_percent=_number(vat[:-1]) if vat else None, is_vat_included=not vat.endswith("a"),
    )  # fmt: skip


def _number(text: str) -> Decimal:
    try:
        return number_of(text)
    except ValueError:
        raise ValueError(text) from None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 18


# Products that become lines


def found_products(text: str) -> list[Product]:
    """By words of the name, or the article."""
    if not text.strip():
        return []
    sold = Product.objects.sold().select_related("unit", "vat").prefetch_related("prices")
    by_article = list(sold.filter(article=text.strip())[:1])
    rest = sold.matching(text).exclude(pk__in=[one.pk for one in by_article]).order_by("name", "id")
    return [*by_article, *rest[:MOST_FOUND]]


def line_of(product: Product, currency: str) -> LineDraft:
    """One of it, at its price in this currency; where it has none, at another counted over."""
    return LineDraft(
        product=product, name=product.name, unit=str(product.unit), price=price_of(product, currency),
        vat_percent=product.vat.percent, is_vat_included=product.is_vat_included,
    )  # fmt: skip


def price_of(product: Product, currency: str) -> Decimal:
    prices = {one.currency_id: one.amount for one in product.prices.all()}
    if currency in prices or not prices:
        return prices.get(currency, Decimal(0))
    rates = {one.code: one.rate for one in Currency.objects.filter(code__in=[currency, *prices])}
    base = next((code for code in prices if rates[code] == 1), next(iter(prices)))
    return rounded(prices[base] * rates[base] / rates[currency], currency)
