"""What every action checks of the words and numbers it was given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import TextField
from django.utils.translation import gettext as _

from box.apps.crm.models import Currency
from box.apps.crm.pricing import KEPT_DIGITS, digits_of, rounded
from box.lib.sounds import sound_of

if TYPE_CHECKING:
    from django.db.models import Model

    from box.apps.crm.models import Record
    from box.core.accounts.models import User

LARGEST = Decimal(10) ** 16
"""What a column of money no longer holds."""
# Sources and clients are rows, and are given as such.
_CHECKED = frozenset(
    {
        "title", "first_name", "patronymic", "last_name", "position", "born_on", "tax_number", "address",
        "comment", "amount", "currency", "begins_on", "expected_on", "source_note", "utm",
        "external_id", "external_source", "external_version",
    }
)  # fmt: skip


def check_fields(row: Model, names: Collection[str]) -> None:
    """Raises ValidationError by field for what these fields cannot hold. Others are the portal's own."""
    others, texts = _parted(type(row), frozenset(names))
    row.clean_fields(exclude=others)
    for name, most in texts.items():
        length = len(getattr(row, name))
        if length > most:
            said = _("At most %(most)s characters, and these are %(length)s.")
            raise ValidationError({name: said % {"most": most, "length": length}})


@lru_cache
def _parted(model: type[Model], names: frozenset[str]) -> tuple[frozenset[str], Mapping[str, int]]:
    """The fields that are not among these names, and by name the bounds of long texts among them: Django
    bounds those in forms only."""
    fields = model._meta.fields
    texts = [field for field in fields if isinstance(field, TextField) and field.name in names]
    return (
        frozenset(field.name for field in fields) - names,
        {field.name: field.max_length for field in texts if field.max_length},
    )


def id_of(by: User | None) -> int | None:
    return by.pk if by else None


def tidy(record: Record, currencies: Mapping[str, Currency] | None = None) -> None:
    """Brings what was given into the form in which it is kept. Raises ValidationError by field.

    `currencies` by code: whoever tidies many reads them once.
    """
    if record.type.is_person:
        parts = (record.first_name, record.patronymic, record.last_name)
        record.title = " ".join(part for part in map(str.strip, parts) if part) or record.title
    record.title = " ".join(record.title.split())
    if not record.title:
        said = _("Give the name.") if record.type.is_person else _("Give the title.")
        raise ValidationError({"title": said})
    record.tax_number = "".join(record.tax_number.split())
    currencies = all_currencies() if currencies is None else currencies
    _give_currency(record, currencies)
    check_fields(record, _CHECKED)
    # Only of what was found to be neither too long nor too large.
    record.sound = sound_of(record.title)
    record.base_amount = counted_over(Decimal(record.amount), record.currency, currencies)
    check_kept(record.base_amount)
    if record.begins_on and record.expected_on and record.begins_on > record.expected_on:
        raise ValidationError({"expected_on": _("It would end before it begins.")})


def check_kept(base_amount: Decimal) -> None:
    """Raises ValidationError for an amount that is too large, counted over."""
    if base_amount >= LARGEST:
        raise ValidationError({"amount": _("In the company's currency that is more than can be kept.")})


def counted_over(amount: Decimal, currency: str, currencies: Mapping[str, Currency]) -> Decimal:
    """In the company's own currency."""
    base = next((one.code for one in currencies.values() if one.is_base), "")
    return rounded(amount * currencies[currency].rate, base)


def check_digits(amount: Decimal, currency: str) -> None:
    """Raises ValidationError for a sum that somebody has written, and that would be another one as it is
    kept. Of hundredths what is smaller is rounded."""
    digits = digits_of(currency)
    parts = amount.scaleb(min(digits, KEPT_DIGITS))
    if digits != KEPT_DIGITS and parts != parts.to_integral_value():
        said = (
            _("%(code)s has no smaller coins: write a whole number.")
            if digits == 0
            else _("Of %(code)s hundredths are kept, and no thousandths.")
        )
        raise ValidationError({"amount": said % {"code": currency}})


def all_currencies() -> dict[str, Currency]:
    return {one.code: one for one in Currency.objects.all()}


def _give_currency(record: Record, currencies: Mapping[str, Currency]) -> None:
    """The one that was given, or else the company's. Raises ValidationError."""
    base = next((one.code for one in currencies.values() if one.is_base), "")
    record.currency = record.currency or base
    if record.currency not in currencies:
        raise ValidationError(
            {"currency": _("There is no currency %(code)s here.") % {"code": record.currency[:10]}}
        )
