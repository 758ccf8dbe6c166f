"""What single cells say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.crm.contact_points import Reach, normal
from box.core.fields.kinds import KINDS, day_of
from box.core.fields.models import Field
from box.core.imports.importers import Context

PERSON = "org.person"

_USES = {"phone_mobile": ("phone", "mobile"), "phone_home": ("phone", "home"), "fax": ("phone", "fax")}
_PARTS = re.compile(r"[\n;]|:::")


def reached(cells: Mapping[str, str]) -> Iterable[Reach]:
    for key in ("phone", "phone_mobile", "phone_home", "fax", "email", "email_2", "im", "web"):
        if cell := cells.get(key):
            kind, use = _USES.get(key, (key.partition("_")[0], "work"))
            for value in _several(cell):
                yield Reach(kind, value, use)


def _several(cell: str) -> list[str]:
    """What stands in lines, or is parted by semicolons or as Google does; whole numbers also by commas."""
    parts = [part.strip() for part in _PARTS.split(cell) if part.strip()]
    return [one for part in parts for one in _by_commas(part)]


def _by_commas(part: str) -> list[str]:
    pieces = [piece.strip() for piece in part.split(",")]
    is_each_whole = all("@" in piece or sum(map(str.isdigit, piece)) >= 10 for piece in pieces)
    return pieces if is_each_whole else [part]


def first_number(cell: str, region: str) -> str:
    numbers = _several(cell)
    return normal("phone", numbers[0], region=region) if numbers else ""


def day_in(cell: str) -> date:
    try:
        return day_of(cell.partition(" ")[0].partition("T")[0])
    except ValueError:
        raise ValidationError(
            _("%(text)s is no date: write 24.11.1990 or 1990-11-24.") % {"text": cell}
        ) from None


def money_in(amount: str, currency: str, base: str) -> dict[str, Any]:
    of = Field(kind=Field.Kind.MONEY, name="amount", currency=currency.strip().upper() or base)
    try:
        money = KINDS[Field.Kind.MONEY].read(of, " ".join(amount.split()), lambda _kind, _text: 0)
    except ValueError:
        said = _("“%(text)s” is no sum of money: write 1500.50 or 1500.50 RUB.")
        raise ValidationError(said % {"text": amount}) from None
    return {"amount": money.amount, "currency": money.currency}


def person_in(cell: str, context: Context) -> int:
    try:
        return context.find(PERSON, cell.strip())
    except ValueError:
        raise ValidationError(_("There is no employee %(name)s.") % {"name": cell}) from None
