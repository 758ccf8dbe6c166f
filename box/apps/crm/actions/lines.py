"""The lines of products of a record, and its amount that follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm.actions.checks import check_fields, tidy
from box.apps.crm.actions.records import locked_record
from box.apps.crm.events import RecordChanged
from box.apps.crm.field_rights import check_changeable
from box.apps.crm.models import LineItem, Product
from box.apps.crm.pricing import totals_of
from box.core.events.outbox import emit
from box.lib.ranks import between

if TYPE_CHECKING:
    from box.apps.crm.models import Record
    from box.core.accounts.models import User

MOST_LINES = 200
_CHECKED = ("name", "unit", "quantity", "price", "discount_percent", "vat_percent")
_KEPT = ("product_id", *_CHECKED, "is_vat_included")


@dataclass(frozen=True, kw_only=True)
class LineDraft:
    """A line as it is to be. `price` is that of one, without its discount."""

    name: str
    price: Decimal
    quantity: Decimal = Decimal(1)
    product: Product | None = None
    unit: str = ""
    discount_percent: Decimal = Decimal(0)
    vat_percent: Decimal | None = None
    is_vat_included: bool = True


@transaction.atomic
def set_lines(record: Record, drafts: Sequence[LineDraft], *, follows: bool, by: User | None) -> Record:
    """These lines and no others. `follows`: the amount is what they come to; else it stays as somebody has
    written it. Raises ValidationError, which names the line, and PermissionDenied."""
    held = locked_record(record, by=by)
    check_changeable(by, held.type_id, ["lines", *(["amount"] if follows else [])])
    if not held.type.has_amount:
        raise ValidationError(_("%(type)s have no lines of products.") % {"type": held.type.label})
    if len(drafts) > MOST_LINES:
        raise ValidationError(_("At most %(most)s lines.") % {"most": MOST_LINES}, code="most")
    before, rows = list(held.lines.in_order()), _rows(held, drafts)
    was, total = (totals_of(lines, held.currency).sums.gross for lines in (before, rows))
    changes: list[tuple[str, str, str]] = []
    if [_values(one) for one in before] != [_values(one) for one in rows]:
        held.lines.all().delete()
        LineItem.objects.bulk_create(rows)
        changes.append(("lines", str(was), str(total)))
    changed = _follow(held, total if rows else Decimal(0), follows=follows and bool(rows))
    changes += [("amount", *changed)] if changed else []
    held.changed_by, held.changed_at = by, timezone.now()
    held.save(update_fields=["amount", "base_amount", "has_own_amount", "changed_by", "changed_at"])
    if changes:
        emit(RecordChanged(record_id=held.pk, by_id=by.pk if by else None, changes=tuple(changes)))
    return held


def _follow(held: Record, total: Decimal, *, follows: bool) -> tuple[str, str] | None:
    """Unsaved; what the amount was and is, if it is another one. What followed lines goes with them."""
    followed, was = not held.has_own_amount, held.amount
    held.has_own_amount = not follows
    if follows or (followed and not total):
        held.amount = total
    tidy(held)
    return (str(was), str(held.amount)) if held.amount != was else None


def _rows(held: Record, drafts: Sequence[LineDraft]) -> list[LineItem]:
    rank, rows = None, []
    for number, draft in enumerate(drafts, 1):
        rank = between(rank, None)
        row = LineItem(
            record=held, product=draft.product, name=" ".join(draft.name.split()), unit=draft.unit.strip(),
            quantity=draft.quantity, price=draft.price, discount_percent=draft.discount_percent,
            vat_percent=draft.vat_percent, is_vat_included=draft.is_vat_included, rank=rank,
        )  # fmt: skip
        try:
            check_fields(row, [name for name in _CHECKED if getattr(row, name) is not None])
            _check(row)
        except ValidationError as error:
            said = _("Line %(number)s: %(problem)s")
            problem = " ".join(error.messages)
            raise ValidationError(said % {"number": number, "problem": problem}, code="line") from None
        rows.append(row)
    return rows


def _check(row: LineItem) -> None:
    if row.quantity <= 0:
        raise ValidationError(_("The quantity is more than nothing."))
    if row.price < 0:
        raise ValidationError(_("A price is not negative."))
    if not 0 <= row.discount_percent <= 100 or not 0 <= (row.vat_percent or 0) <= 100:
        raise ValidationError(_("Between 0 and 100 per cent."))


def _values(row: LineItem) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _KEPT)
