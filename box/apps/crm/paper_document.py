"""A quote or an invoice as one page that needs nothing else: of it the PDF is made."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from babel.dates import format_date
from babel.numbers import format_decimal
from django.template import engines
from django.utils import translation
from django.utils.translation import gettext as _

from box.apps.crm.lines import vat_label
from box.apps.crm.models import ContactPoint, Record, RecordType
from box.apps.crm.pricing import digits_of, sums_of, totals_of
from box.core.files import recall
from box.core.files.store import StoreError
from box.core.portal.actions import logo_file
from box.core.registry.company import LANGUAGE, company_name
from box.lib.sums_in_words import in_words

if TYPE_CHECKING:
    from datetime import date

    from box.apps.crm.models import LineItem, Paper

LARGEST_LOGO = 400_000
_PLACES = re.compile(r"\{(client|number|date|until|sum)\}")


@dataclass(frozen=True)
class Row:
    name: str
    quantity: str
    unit: str
    price: str
    discount: str
    vat: str
    sum: str


@dataclass(frozen=True)
class Client:
    name: str
    tax_number: str = ""
    address: str = ""
    reached_by: str = ""


def language_of(paper: Paper) -> str:
    return paper.template.language if paper.template else LANGUAGE.value


def html_of(paper: Paper) -> str:
    """In the language of its template, whoever asks."""
    with translation.override(language_of(paper)):
        template = engines["jinja2"].get_template("crm/paper.html")
        return str(template.render(_context(paper)))


def _context(paper: Paper) -> dict[str, object]:
    record = paper.record
    lines = list(record.lines.in_order())
    totals = totals_of(lines, record.currency)
    total = totals.sums.gross if lines else record.amount
    client, language = client_of(record), language_of(paper)
    known = {
        "client": client.name if client else "", "number": paper.number, "date": _day(record.begins_on),
        "until": _day(record.expected_on), "sum": f"{amount(total, record.currency)} {record.currency}",
    }  # fmt: skip
    return {
        "paper": paper, "record": record, "is_invoice": paper.type_id == RecordType.Id.INVOICE,
        "seller": paper.seller, "company": company_name(), "client": client, "logo": _logo(),
        "color": paper.template.color if paper.template else "#206bc4",
        "heading": heading_of(paper), "until": known["until"],
        "opening": _filled(paper.template.opening if paper.template else "", known),
        "closing": _filled(paper.template.closing if paper.template else "", known),
        "rows": [_row(one, record.currency) for one in lines],
        "has_discount": any(one.discount_percent for one in lines),
        "vat": [
            (vat_label(percent, is_included=True), amount(sum_, record.currency))
            for percent, sum_ in totals.by_rate
        ],
        "net": amount(totals.sums.net, record.currency), "has_vat": totals.has_vat,
        "total": amount(total, record.currency),
        "currency": record.currency, "language": language,
        "words": in_words(total, record.currency, language[:2]), "count": len(lines),
    }  # fmt: skip


def heading_of(paper: Paper) -> str:
    said = (
        _("Invoice No. %(number)s of %(day)s")
        if paper.type_id == RecordType.Id.INVOICE
        else _("Quote No. %(number)s of %(day)s")
    )
    return said % {"number": paper.number, "day": _day(paper.record.begins_on)}


def client_of(record: Record) -> Client | None:
    """The company, or who is the contact: a paper is for them, whoever sees their card."""
    one = record.company or record.contact
    if one is None:
        return None
    points = ContactPoint.objects.filter(record=one, kind__in=["phone", "email"]).in_order()
    reached_by = ", ".join(point.value for point in points[:3])
    return Client(one.title, one.tax_number, one.address, reached_by)


def amount(value: Decimal, currency: str) -> str:
    """With all digits that its currency has behind the point, and those that it has itself."""
    form = "#,##0" if value == value.to_integral_value() else "#,##0.00"
    if digits := digits_of(currency):
        form = f"#,##0.{'0' * digits}"
    return format_decimal(value, format=form, locale=translation.get_language() or "en")


def _row(line: LineItem, currency: str) -> Row:
    locale = translation.get_language() or "en"
    number = format_decimal(line.quantity.normalize() + 0, locale=locale, decimal_quantization=False)
    discount = format_decimal(line.discount_percent, locale=locale) if line.discount_percent else ""
    return Row(
        name=line.name, quantity=number, unit=line.unit, price=amount(line.price, currency),
        discount=f"{discount} %" if discount else "",
        vat=vat_label(line.vat_percent, is_included=line.is_vat_included),
        sum=amount(sums_of(line, currency).gross, currency),
    )  # fmt: skip


def _day(day: date | None) -> str:
    return format_date(day, format="long", locale=translation.get_language() or "en") if day else ""


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _PLACES.sub(lambda found: known[found[1]], text)


def _logo() -> str:
    """The company's, as it stands in the page; without it the paper goes, too."""
    file = logo_file()
    picture = file and (file.blob.preview or file.blob)
    if not picture or not picture.content_type.startswith("image/") or picture.size > LARGEST_LOGO:
        return ""
    try:
        data = b"".join(recall.read(picture))
    except StoreError:
        return ""
    return f"data:{picture.content_type};base64,{b64encode(data).decode()}"
