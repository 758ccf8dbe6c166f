"""Lines of products of leads and deals, as they were agreed.

Source: https://apidocs.bitrix24.com/api-reference/crm/deals/crm-deal-productrows-get.html
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.crm.actions.lines import MOST_LINES, LineDraft, set_lines
from box.transfer.stages.base import is_yes, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.apps.crm.models import Record
    from box.core.accounts.models import User
    from box.transfer.ledger import Ledger, Row

MOST = Decimal(10) ** 12
_CENT, _PART = Decimal("0.01"), Decimal("0.0001")


def bring_lines(
    work: Ledger, kind: str, theirs: str, rows: Sequence[Row], record: Record, *, follows: bool, by: User
) -> Record:
    """These and no others; what cannot be is said, and the record stays without them. `follows`: the portal
    made the amount of them."""
    rows = sorted(rows, key=lambda row: (_number(row.get("SORT")), _number(row.get("ID"))))
    if len(rows) > MOST_LINES:
        said = _("Of its lines of products only the first %(most)s came.")
        work.remark(kind, theirs, said % {"most": MOST_LINES})
    drafts = [_draft(row) for row in rows[:MOST_LINES]]
    if not drafts and not record.lines.exists():
        return record
    try:
        with transaction.atomic():
            return set_lines(record, drafts, follows=follows, by=by)
    except ValidationError as error:
        said = _("Its lines of products did not come: %(why)s")
        work.remark(kind, theirs, said % {"why": " ".join(error.messages)})
        return record


def _draft(row: Row) -> LineDraft:
    is_vat_included = is_yes(row.get("TAX_INCLUDED"))
    # Before the discount, with the tax or without it as the line is written.
    price = _number(row.get("PRICE_BRUTTO" if is_vat_included else "PRICE_NETTO")).quantize(_CENT)
    rate = row.get("TAX_RATE")
    # 0 is a rate too, and equals False.
    is_taxed = rate is not None and rate is not False and rate != ""
    return LineDraft(
        name=line(row.get("PRODUCT_NAME"), 255) or _("No. %(id)s") % {"id": row.get("ID")},
        price=price,
        quantity=_number(row.get("QUANTITY")).quantize(_PART) or Decimal(1),
        unit=line(row.get("MEASURE_NAME"), 20),
        discount_percent=_discount(row, price),
        vat_percent=min(_number(rate), Decimal(100)).quantize(_CENT) if is_taxed else None,
        is_vat_included=is_vat_included,
    )


def _discount(row: Row, price: Decimal) -> Decimal:
    """In per cent, also of one that was agreed as a sum."""
    rate = _number(row.get("DISCOUNT_RATE"))
    if str(row.get("DISCOUNT_TYPE_ID")) == "1" and price:
        rate = _number(row.get("DISCOUNT_SUM")) / price * 100
    return min(rate, Decimal(100)).quantize(_CENT)


def _number(value: Any) -> Decimal:
    """The portal gives numbers, texts of them, or nothing; never below nothing here."""
    try:
        found = Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal(0)
    return min(max(found, Decimal(0)), MOST) if found.is_finite() else Decimal(0)
