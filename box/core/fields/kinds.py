"""What a value of each kind is: how it is read, kept, said, and given to tables and programs.

    read(field, "24.11.1990; 1.5.1991", find) -> (date(1990, 11, 24), date(1991, 5, 1))
    written(field, values)                    -> the text that `read` makes the same values of
    say(field, value, cards), cell(...), rest(...)

Values are plain: a text, a Decimal, `Money`, a date, an aware datetime, a bool, the number of a choice, and
of what points at something the number of that.
"""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from box.core.fields.models import Field
from box.core.registry.capabilities import Card, Ref
from box.core.registry.company import PHONE_REGION
from box.core.registry.environment import format_date, format_moment, format_number
from box.lib import phones

if TYPE_CHECKING:
    from box.core.fields.models import Value
    from box.lib.tables import Cell

PERSON, DEPARTMENT, FILE = "org.person", "org.department", "files.file"
PERSONS_AND_DEPARTMENTS = frozenset([PERSON, DEPARTMENT])

LONGEST = 500
LONGEST_TEXT = 20_000
MOST_DIGITS = 15
MOST_VALUES = 50

type Finder = Callable[[str, str], int]
"""Finds by a kind of objects and a text the one that is meant. Raises ValueError with what to do about it
where it is none, or several."""
type Cards = Mapping[Ref, Card]
"""Of what values point at: that which the reader may see."""

# Russian and English: what tables and directories hold.
_YES = frozenset(["yes", "true", "1", "+", "да", "y", "д"])
_NO = frozenset(["no", "false", "0", "-", "–", "—", "нет", "n", "н"])
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")
_FIRST, _LAST = date(1900, 1, 1), date(2200, 1, 1)
_CURRENCIES = {"₽": "RUB", "руб": "RUB", "руб.": "RUB", "р.": "RUB", "€": "EUR", "$": "USD", "£": "GBP"}
_is_link = URLValidator(schemes=["http", "https"])


@dataclass(frozen=True, order=True)
class Money:
    amount: Decimal
    currency: str


class Kind[T](ABC):
    """What all values of a kind have in common. `read` raises ValueError for what is none of it."""

    column: ClassVar[str]
    """Of `Value`: what holds it, and what lists filter and sort by."""
    can_be_several: ClassVar[bool] = True
    is_text: ClassVar[bool] = False
    """Whether objects are found by its words."""
    is_plain: ClassVar[bool] = True
    """Whether a text is enough to say it, as directories and tables do; what points at something else needs
    whoever finds it."""

    @abstractmethod
    def read(self, field: Field, text: str, find: Finder) -> T:
        """Of a text in one line and without spaces around it."""

    @abstractmethod
    def written(self, field: Field, value: T) -> str:
        """What `read` makes the same value of, whatever the language."""

    @abstractmethod
    def wrong(self) -> str:
        """What to do about a text that is none; it may name %(field)s and %(text)s."""

    def say(self, field: Field, value: T, cards: Cards) -> str:
        """In the reader's language."""
        return self.written(field, value)

    def url(self, field: Field, value: T, cards: Cards) -> str:
        """Where it leads, if anywhere."""
        return ""

    def cell(self, field: Field, value: T, cards: Cards) -> Cell:
        """For a table that is opened in a spreadsheet, and that an import reads again."""
        return self.written(field, value)

    def rest(self, field: Field, value: T) -> Any:
        """As Bitrix24's REST API has it."""
        return self.written(field, value)

    def stored(self, value: T) -> dict[str, Any]:
        """By the columns of `Value`."""
        return {self.column: value}

    def value(self, row: Value) -> T:
        return getattr(row, self.column)  # type: ignore[no-any-return]

    def target(self, field: Field) -> str:
        """The kind of objects that values point at, if they do."""
        return ""

    def ref(self, field: Field, value: T) -> Ref | None:
        """What it points at."""
        return None


class Text(Kind[str]):
    column = "text"
    is_text = True

    def read(self, field: Field, text: str, find: Finder) -> str:
        return _no_longer_than(field, text, LONGEST)

    def written(self, field: Field, value: str) -> str:
        return value

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” cannot be kept.")


class Long(Text):
    can_be_several = False

    def read(self, field: Field, text: str, find: Finder) -> str:
        return _no_longer_than(field, text, LONGEST_TEXT)


class Number(Kind[Decimal]):
    column = "number"

    def read(self, field: Field, text: str, find: Finder) -> Decimal:
        return number_of(text)

    def written(self, field: Field, value: Decimal) -> str:
        return _plain(value)

    def say(self, field: Field, value: Decimal, cards: Cards) -> str:
        return format_number(Decimal(_plain(value)), is_exact=True)

    def cell(self, field: Field, value: Decimal, cards: Cards) -> Cell:
        return int(value) if value == value.to_integral_value() else float(value)

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is no number of at most 15 digits.")


class Amount(Kind[Money]):
    """Money: an amount and its currency, which is the field's usual one where none is written."""

    column = "number"

    def read(self, field: Field, text: str, find: Finder) -> Money:
        # Bounded before it is looked at: this takes the square of its length.
        if len(text) > LONGEST:
            raise ValueError(text)
        match = re.fullmatch(r"(\D*?)\s*([+\-−]?\d[\d\s.,]*)\s*(\D*)", text)
        if match is None or (match[1].strip() and match[3].strip()):
            raise ValueError(text)
        mark = (match[1] or match[3]).strip()
        currency = _CURRENCIES.get(mark.lower(), mark.upper()) or field.currency
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise ValueError(text)
        return Money(number_of(match[2]), currency)

    def written(self, field: Field, value: Money) -> str:
        return f"{_plain(value.amount)} {value.currency}"

    def say(self, field: Field, value: Money, cards: Cards) -> str:
        return f"{format_number(Decimal(_plain(value.amount)), is_exact=True)}\u00a0{value.currency}"

    def rest(self, field: Field, value: Money) -> Any:
        return f"{_plain(value.amount)}|{value.currency}"

    def stored(self, value: Money) -> dict[str, Any]:
        return {"number": value.amount, "currency": value.currency}

    def value(self, row: Value) -> Money:
        return Money(row.number or Decimal(), row.currency)

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is no sum of money: write 1500.50 RUB.")


class Day(Kind[date]):
    column = "day"

    def read(self, field: Field, text: str, find: Finder) -> date:
        return day_of(text)

    def written(self, field: Field, value: date) -> str:
        return value.isoformat()

    def say(self, field: Field, value: date, cards: Cards) -> str:
        return format_date(value)

    def cell(self, field: Field, value: date, cards: Cards) -> Cell:
        return value

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is no date: write 24.11.1990 or 1990-11-24.")


class Moment(Kind[datetime]):
    """A moment; without a zone it is meant in the zone of now."""

    column = "moment"

    def read(self, field: Field, text: str, find: Finder) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            day, _space, hour = text.partition(" ")
            moment = datetime.combine(day_of(day), time.fromisoformat(hour.strip() or "00:00"))
        if not _FIRST <= moment.date() <= _LAST:
            raise ValueError(text)
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment.astimezone(UTC)

    def written(self, field: Field, value: datetime) -> str:
        return value.astimezone(UTC).isoformat()

    def say(self, field: Field, value: datetime, cards: Cards) -> str:
        return format_moment(value)

    def cell(self, field: Field, value: datetime, cards: Cards) -> Cell:
        return value

    def rest(self, field: Field, value: datetime) -> Any:
        return timezone.localtime(value).isoformat(timespec="seconds")

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is no date and time: write 24.11.2026 14:30.")


class OneOf(Kind[int]):
    """One of the field's choices, by its number; what was retired is read no more, and said as before."""

    column = "choice"
    is_text = True

    def read(self, field: Field, text: str, find: Finder) -> int:
        for one in field.options:
            if not one.is_retired and one.name.casefold() == text.casefold():
                return one.pk
        raise ValueError(text)

    def written(self, field: Field, value: int) -> str:
        return next((one.name for one in field.options if one.pk == value), "")

    def rest(self, field: Field, value: int) -> Any:
        return str(value)

    def stored(self, value: int) -> dict[str, Any]:
        return {"choice_id": value}

    def value(self, row: Value) -> int:
        return row.choice_id or 0

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is not in its list.")


class YesNo(Kind[bool]):
    column = "number"
    can_be_several = False

    def read(self, field: Field, text: str, find: Finder) -> bool:
        word = text.casefold()
        if word not in _YES | _NO:
            raise ValueError(text)
        return word in _YES

    def written(self, field: Field, value: bool) -> str:
        return "yes" if value else "no"

    def say(self, field: Field, value: bool, cards: Cards) -> str:
        return _("yes") if value else _("no")

    def cell(self, field: Field, value: bool, cards: Cards) -> Cell:
        return self.say(field, value, cards)

    def rest(self, field: Field, value: bool) -> Any:
        return "1" if value else "0"

    def stored(self, value: bool) -> dict[str, Any]:
        return {"number": Decimal(value)}

    def value(self, row: Value) -> bool:
        return bool(row.number)

    def wrong(self) -> str:
        return _("%(field)s: write yes or no in place of “%(text)s”.")


class Link(Text):
    def read(self, field: Field, text: str, find: Finder) -> str:
        link = _no_longer_than(field, text if "://" in text else f"https://{text}", LONGEST)
        try:
            _is_link(link)
        except ValidationError:
            raise ValueError(text) from None
        return link

    def say(self, field: Field, value: str, cards: Cards) -> str:
        return value.partition("://")[2].rstrip("/")

    def url(self, field: Field, value: str, cards: Cards) -> str:
        return value

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is no address of a page, such as https://example.com.")


class Phone(Text):
    """Kept as the world dials it, so that the same number is the same text."""

    def read(self, field: Field, text: str, find: Finder) -> str:
        number = phones.normal(text, PHONE_REGION.value)
        if number is None:
            raise ValueError(text)
        return number

    def say(self, field: Field, value: str, cards: Cards) -> str:
        return phones.shown(value, PHONE_REGION.value)

    def url(self, field: Field, value: str, cards: Cards) -> str:
        return f"tel:{value}"

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is no phone number: write +7 495 123-45-67.")


class Email(Text):
    def read(self, field: Field, text: str, find: Finder) -> str:
        address = text.lower()
        try:
            validate_email(address)
        except ValidationError:
            raise ValueError(text) from None
        return _no_longer_than(field, address, 254)

    def url(self, field: Field, value: str, cards: Cards) -> str:
        return f"mailto:{value}"

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is no e-mail address.")


class Pointer(Kind[int]):
    """The number of something else in the portal, which its card names for whoever may see it."""

    column = "target"
    is_plain = False

    def __init__(self, target: str = "", column: str = "target") -> None:
        self._target, self._column = target, column
        self.column = column  # type: ignore[misc]

    def target(self, field: Field) -> str:
        return self._target or field.target

    def read(self, field: Field, text: str, find: Finder) -> int:
        return find(self.target(field), text)

    def written(self, field: Field, value: int) -> str:
        return f"#{value}"

    def say(self, field: Field, value: int, cards: Cards) -> str:
        card = cards.get(Ref(self.target(field), value))
        return card.title if card else pgettext("something that one may not see", "hidden")

    def url(self, field: Field, value: int, cards: Cards) -> str:
        card = cards.get(Ref(self.target(field), value))
        return card.url if card else ""

    def cell(self, field: Field, value: int, cards: Cards) -> Cell:
        return self.say(field, value, cards)

    def rest(self, field: Field, value: int) -> Any:
        return str(value)

    def stored(self, value: int) -> dict[str, Any]:
        return {"target" if self._column == "target" else f"{self._column}_id": value}

    def value(self, row: Value) -> int:
        name = "target" if self._column == "target" else f"{self._column}_id"
        return getattr(row, name) or 0

    def ref(self, field: Field, value: int) -> Ref:
        return Ref(self.target(field), value)

    def wrong(self) -> str:
        return _("%(field)s: “%(text)s” is not there, or you may not see it.")


KINDS: Mapping[str, Kind[Any]] = {
    Field.Kind.TEXT: Text(),
    Field.Kind.LONG: Long(),
    Field.Kind.NUMBER: Number(),
    Field.Kind.MONEY: Amount(),
    Field.Kind.DATE: Day(),
    Field.Kind.MOMENT: Moment(),
    Field.Kind.CHOICE: OneOf(),
    Field.Kind.YES_NO: YesNo(),
    Field.Kind.PERSON: Pointer(PERSON, "person"),
    Field.Kind.DEPARTMENT: Pointer(DEPARTMENT),
    Field.Kind.LINK: Link(),
    Field.Kind.PHONE: Phone(),
    Field.Kind.EMAIL: Email(),
    Field.Kind.FILE: Pointer(FILE, "file"),
    Field.Kind.REFERENCE: Pointer(),
}


def kind_of(field: Field) -> Kind[Any]:
    return KINDS[field.kind]


def nobody_finds(kind: str, text: str) -> int:
    raise ValueError(text)


def read(
    field: Field, text: str, find: Finder = nobody_finds, *, kept: Sequence[Any] = ()
) -> tuple[Any, ...]:
    """The values that somebody wrote, several of them in lines or parted by semicolons; none for nothing.

    `kept` are the values so far: as they are written they stay valid, whatever became of a choice or of what
    they point at. Raises ValidationError that names the field.
    """
    parts = _parts(text) if field.is_several else [text]
    return read_each(field, parts, find, kept=kept)


def read_each(
    field: Field, texts: Sequence[str], find: Finder = nobody_finds, *, kept: Sequence[Any] = ()
) -> tuple[Any, ...]:
    """The same of a text a value."""
    kind = kind_of(field)
    known = {kind.written(field, value): value for value in kept}
    found: dict[Any, None] = {}
    for given in texts:
        if not (text := _tidied(given, is_long=field.kind == Field.Kind.LONG)):
            continue
        if field.is_several and ";" in text:
            raise ValidationError(
                _("%(field)s: one value among several holds no semicolon.") % {"field": field.name}
            )
        found[known[text] if text in known else _read_one(kind, field, text, find)] = None
        if len(found) > MOST_VALUES:
            raise ValidationError(
                _("%(field)s: %(most)s values at most.") % {"field": field.name, "most": MOST_VALUES}
            )
    values = tuple(found)
    if len(values) > 1 and not field.is_several:
        raise ValidationError(_("%(field)s: one value is enough.") % {"field": field.name})
    return values


def _read_one(kind: Kind[Any], field: Field, text: str, find: Finder) -> Any:
    try:
        return kind.read(field, text, find)
    except (ValueError, InvalidOperation):
        about = {"field": field.name, "text": text[:LONGEST]}
        raise ValidationError(kind.wrong() % about) from None


def written(field: Field, values: Sequence[Any]) -> str:
    """One text of all values, of which `read` makes them again."""
    return "; ".join(kind_of(field).written(field, value) for value in values)


def said(field: Field, values: Sequence[Any], cards: Cards) -> str:
    return ", ".join(kind_of(field).say(field, value, cards) for value in values)


def cell(field: Field, values: Sequence[Any], cards: Cards) -> Cell:
    """Of one value its own kind of cell, of several a text that an import parts again."""
    kind = kind_of(field)
    if not values:
        return None
    if len(values) == 1:
        return kind.cell(field, values[0], cards)
    if kind.is_plain:
        return written(field, values)
    return "; ".join(kind.say(field, value, cards) for value in values)


def number_of(text: str) -> Decimal:
    """`1 234,50`, `1,234.50` or `1,234,567`: the last sign that parts digits is the decimal one, unless it
    parts three and stands more than once. Raises ValueError."""
    digits = with_point(text)
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", digits) or sum(map(str.isdigit, digits)) > MOST_DIGITS:
        raise ValueError(text)
    return Decimal(digits)


def with_point(text: str) -> str:
    """A number as programs write it, whatever groups its digits; what is none stays none."""
    digits = re.sub(r"[\s\u00a0\u202f']", "", text).replace("−", "-")
    marks = re.findall(r"[.,]", digits)
    if len(set(marks)) == 2:
        digits = digits.replace("," if digits.rfind(".") > digits.rfind(",") else ".", "")
    elif len(marks) > 1 and re.fullmatch(r"[+-]?[0-9]{1,3}([.,][0-9]{3})+", digits):
        digits = digits.replace(marks[0], "")
    return digits.replace(",", ".")


def day_of(text: str) -> date:
    """Raises ValueError."""
    for form in _DATES:
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if _FIRST <= found <= _LAST:
            return found
    raise ValueError(text)


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text).removeprefix("+")


def _parts(text: str) -> list[str]:
    return re.split(r"[\n;]", text)


def _tidied(text: str, *, is_long: bool) -> str:
    text = unicodedata.normalize("NFC", text.replace("\x00", ""))
    if is_long:
        return "\n".join(line.rstrip() for line in text.splitlines()).strip()
    return " ".join(text.split())


def _no_longer_than(field: Field, text: str, limit: int) -> str:
    if len(text) > limit:
        raise ValidationError(
            _("%(field)s is too long: %(limit)s characters at most.") % {"field": field.name, "limit": limit}
        )
    return text
