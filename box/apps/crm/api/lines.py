"""Lines of products for programs: `crm.deal.productrows.*` and its like, `crm.item.productrow.*`.

Sources: https://apidocs.bitrix24.com/api-reference/crm/deals/crm-deal-productrows-set.html and
https://apidocs.bitrix24.com/api-reference/crm/universal/product-rows/crm-item-productrow-set.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.actions.lines import MOST_LINES, LineDraft, set_lines
from box.apps.crm.api.records import CLASSIC, declare_method, found
from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import check_seen
from box.apps.crm.models import LineItem, Product, Record, RecordType
from box.apps.crm.pricing import rounded, sums_of
from box.core.registry.rest import (
    Call,
    Conditions,
    Parameters,
    Structures,
    in_small_letters,
    listed,
    not_found,
    truth,
)

if TYPE_CHECKING:
    from box.core.accounts.models import User

Id = RecordType.Id
# By which items name the type of what lines belong to.
# https://apidocs.bitrix24.com/api-reference/crm/data-types.html#object_type
OWNERS: Mapping[str, RecordType.Id] = {"L": Id.LEAD, "D": Id.DEAL, "Q": Id.QUOTE, "SI": Id.INVOICE}
PRICED = ("lead", "deal", "quote")
_ROW = {
    "ID": "integer", "OWNER_ID": "integer", "OWNER_TYPE": "string", "PRODUCT_ID": "integer",
    "PRODUCT_NAME": "string", "PRICE": "number", "PRICE_EXCLUSIVE": "number", "PRICE_NETTO": "number",
    "PRICE_BRUTTO": "number", "QUANTITY": "number", "DISCOUNT_TYPE_ID": "integer", "DISCOUNT_RATE": "number",
    "DISCOUNT_SUM": "number", "TAX_RATE": "number?", "TAX_INCLUDED": "string", "MEASURE_NAME": "string",
    "SORT": "integer",
}  # fmt: skip


class OfRecord(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("Its number."))


class RowsOfRecord(OfRecord):
    ROWS = Structures(help_text=gettext_lazy("The lines, which take the place of those that there are."))


class RowsOfOwner(Parameters):
    OWNERTYPE = forms.ChoiceField(
        choices=[(key, key) for key in OWNERS],
        help_text=gettext_lazy("L for leads, D for deals, Q for quotes, SI for invoices."),
    )
    OWNERID = forms.IntegerField(help_text=gettext_lazy("Its number."))
    PRODUCTROWS = Structures(
        help_text=gettext_lazy("The lines, which take the place of those that there are.")
    )


class ItemRows(Parameters):
    FILTER = Conditions(help_text=gettext_lazy('Of what: {"=ownerType": "D", "=ownerId": 7}.'))


def rows_of(record: Record, reader: User) -> list[dict[str, Any]]:
    """In the names of the older methods. Raises PermissionDenied where they are hidden from `reader`."""
    check_seen(reader, record.type_id, ["lines"])
    letters = {int(type_id): letter for letter, type_id in OWNERS.items()}
    letter = letters.get(record.type_id, "")
    return [_shown(line, letter, place) for place, line in enumerate(record.lines.in_order(), 1)]


def _shown(line: LineItem, letter: str, place: int) -> dict[str, Any]:
    """Prices are of one: `PRICE` what is paid for it, `PRICE_EXCLUSIVE` that without VAT, `PRICE_BRUTTO` and
    `PRICE_NETTO` these two before the discount."""
    due, whole = _of_one(line, line.discount_percent), _of_one(line, Decimal(0))
    return {
        "ID": line.pk, "OWNER_ID": line.record_id, "OWNER_TYPE": letter, "PRODUCT_ID": line.product_id or 0,
        "PRODUCT_NAME": line.name, "PRICE": float(due.gross), "PRICE_EXCLUSIVE": float(due.net),
        "PRICE_NETTO": float(whole.net), "PRICE_BRUTTO": float(whole.gross), "QUANTITY": float(line.quantity),
        "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": float(line.discount_percent),
        "DISCOUNT_SUM": float(whole.net - due.net),
        "TAX_RATE": None if line.vat_percent is None else float(line.vat_percent),
        "TAX_INCLUDED": "Y" if line.is_vat_included else "N", "MEASURE_NAME": line.unit, "SORT": place * 10,
    }  # fmt: skip


def _of_one(line: LineItem, discount: Decimal) -> Any:
    one = LineDraft(
        name=line.name, price=line.price, discount_percent=discount, vat_percent=line.vat_percent,
        is_vat_included=line.is_vat_included,
    )  # fmt: skip
    return sums_of(one)


def _drafts(rows: Sequence[Any]) -> list[LineDraft]:
    if len(rows) > MOST_LINES:
        raise ValidationError(_("At most %(most)s lines.") % {"most": MOST_LINES}, code="most")
    given = [_capitals(row) for row in rows]
    products = (
        Product.objects.select_related("unit", "vat")
        .prefetch_related("prices")
        .in_bulk(
            [
                int(pk)
                for row in given
                if (pk := str(row.get("PRODUCT_ID") or "")).isdecimal() and len(pk) < 18
            ]
        )
    )
    return [_draft(row, products) for row in given]


def _capitals(row: Mapping[str, Any]) -> dict[str, Any]:
    """`productName`, as items call it, is `PRODUCT_NAME`."""
    return {_capital(str(name)): value for name, value in row.items()}


def _capital(name: str) -> str:
    return (
        name if name.isupper() else "".join(f"_{sign}" if sign.isupper() else sign for sign in name).upper()
    )


def _draft(row: Mapping[str, Any], products: Mapping[int, Product]) -> LineDraft:
    """`PRICE` is what is to be paid for one, with its discount and VAT; the price in the list is counted back
    from it, as Bitrix24 does. `PRICE_BRUTTO` or `PRICE_NETTO`, where it is sent, is that price itself."""
    pk = str(row.get("PRODUCT_ID") or "")
    product = products.get(int(pk)) if pk.isdecimal() and len(pk) < 18 else None
    if pk not in ("", "0") and product is None:
        raise ValidationError(_("There is no product %(number)s.") % {"number": pk[:20]})
    vat = None if row.get("TAX_RATE") in (None, "") else _percent(row["TAX_RATE"])
    if "TAX_RATE" not in row and product is not None:
        vat = product.vat.percent
    is_included = truth(row.get("TAX_INCLUDED", "N"))
    discount = _percent(row.get("DISCOUNT_RATE") or 0)
    name = "PRICE_BRUTTO" if is_included else "PRICE_NETTO"
    if name in row:
        price = _decimal(row[name])
    else:
        price = _decimal(row.get("PRICE") or 0)
        if not is_included:
            price = price * 100 / (100 + (vat or 0))
        if discount < 100:
            price = _decimal(price * 100 / (100 - discount))
    return LineDraft(
        product=product, name=str(row.get("PRODUCT_NAME") or (product.name if product else "")),
        unit=str(row.get("MEASURE_NAME") or (product.unit if product else "")),
        quantity=_decimal(row.get("QUANTITY") or 1), price=rounded(price),
        discount_percent=discount, vat_percent=vat, is_vat_included=is_included,
    )  # fmt: skip


def _percent(value: Any) -> Decimal:
    """With two places, as lines hold them: the price is counted back from it."""
    percent = _decimal(value)
    if not 0 <= percent <= 100:
        raise ValidationError(_("Between 0 and 100 per cent."))
    return rounded(percent)


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value)[:40])
    except ArithmeticError:
        raise ValidationError(_("Write a number.")) from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 16:
        raise ValidationError(_("Write a number."))
    return number


def _write(record: Record, rows: Sequence[Any], call: Call) -> Record:
    return set_lines(record, _drafts(rows), follows=record.follows_lines, by=call.user)


def _owner(call: Call, letter: str, pk: Any) -> Record:
    if letter not in OWNERS:
        raise not_found(_("There is no such type."))
    call.values["ID"] = int(pk) if str(pk).isdecimal() and len(str(pk)) < 18 else 0
    return found(call, catalog().types[OWNERS[letter]])


def item_rows(call: Call) -> dict[str, Any]:
    sent = {_capital(str(name).lstrip("=")): value for name, value in call.values["FILTER"].items()}
    return _items(call, _owner(call, str(sent.get("OWNER_TYPE", "")), sent.get("OWNER_ID", "")))


def set_item_rows(call: Call) -> dict[str, Any]:
    record = _owner(call, call.values["OWNERTYPE"], call.values["OWNERID"])
    return _items(call, _write(record, call.values["PRODUCTROWS"], call))


def _items(call: Call, record: Record) -> dict[str, Any]:
    rows = rows_of(record, call.user)
    return {"productRows": [{in_small_letters(name): value for name, value in row.items()} for row in rows]}


def declare() -> None:
    rows = listed(**_ROW)
    for name in PRICED:
        _declare_of(name, CLASSIC[name], rows)
    item = listed(**{in_small_letters(name): kind for name, kind in _ROW.items()})
    answer = {"type": "object", "properties": {"productRows": item}}
    reads = gettext_lazy("The lines of products of a record.")
    writes = gettext_lazy(
        "Sets the lines of products of a record; its amount follows them, unless it was written by hand."
    )
    declare_method("crm.item.productrow.list", reads, ItemRows, item_rows, answer)
    declare_method("crm.item.productrow.set", writes, RowsOfOwner, set_item_rows, answer)


def _declare_of(name: str, type_id: RecordType.Id, rows: Any) -> None:
    def get(call: Call) -> list[dict[str, Any]]:
        return rows_of(found(call, catalog().types[type_id]), call.user)

    def put(call: Call) -> bool:
        _write(found(call, catalog().types[type_id]), call.values["ROWS"], call)
        return True

    reads = gettext_lazy("The lines of products of a record.")
    writes = gettext_lazy(
        "Sets the lines of products of a record; its amount follows them, unless it was written by hand."
    )
    declare_method(f"crm.{name}.productrows.get", reads, OfRecord, get, rows)
    declare_method(
        f"crm.{name}.productrows.set", writes, RowsOfRecord, put, {"type": "boolean"}, takes_over=True
    )
