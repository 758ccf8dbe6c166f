"""Kinds of filters: what each reads from the address, how it narrows rows down, and what its chip says.

    STATUS = Choice("status", _("Status"), Keyword("status", tuple(Status.values)), choices=Status.choices)
    DUE = Dates("due", _("Due"), Day("due_on"))
    HEAD = people("head", _("Responsible"), Related("head"))

In the address a filter is `status=new&status=old`, `due=this-week`, `due.from=2026-01-01`, `amount.to=500`,
`head=me&head=U7`, and of any field that may be missing `due.is=empty` or `due.is=set`. The field behind it is
the one that REST filters by, see `box.core.registry.filtering`: an app declares it once.

A filter that the portal cannot read is an error, never left out: no list shows more than was asked for.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from box.core.registry.capabilities import cards
from box.core.registry.company import company_zone
from box.core.registry.environment import format_date, format_number
from box.core.registry.filtering import Day, Emptiable, Filterable
from box.lib.periods import PERIODS, Period

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User

LONGEST_TEXT = 200
MOST_VALUES = 50
ME = "me"
EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)
_NUMBER = re.compile(r"-?\d{1,15}([.,]\d{1,6})?")
_ID = re.compile(r"[1-9]\d{0,17}")

type Pairs = list[tuple[str, str]]
"""Names and values as they stand in the address."""
type Narrow[V] = Callable[[QuerySet[Any, Any], V], QuerySet[Any, Any]]


class Presence(StrEnum):
    """Chosen is not what a field holds, but whether it holds anything."""

    EMPTY = "empty"
    SET = "set"


class Context(NamedTuple):
    """Who reads, and on which day of the company's: `me` and `this-week` mean something else for another."""

    reader: User
    today: date


class Range[V](NamedTuple):
    """From and to, both included; None is an open end."""

    first: V | None
    last: V | None


@dataclass(frozen=True)
class Filter[V](ABC):
    """What is read from the address is a V. `field` makes it a condition; where a condition is not enough,
    such as for a filter that joins, `narrow` takes the rows and the value itself.

    An app's own kind is a class beneath this one. Without a `control`, a macro of `lists/filters.html`, it is
    set by links only, and the form keeps it.
    """

    key: str
    label: _StrOrPromise
    field: Filterable | None = None
    narrow: Narrow[V] | None = None
    is_always_set: bool = False
    """No row is without it: nobody is asked whether it is empty."""

    control: ClassVar[str] = ""
    endings: ClassVar[tuple[str, ...]] = ()
    """Of its further names in the address: `.from`, `.to`."""

    @abstractmethod
    def parse(self, given: QueryDict, context: Context) -> V | None:
        """None where nothing is chosen. Raises ValidationError, in a sentence for whoever opened the link."""

    @abstractmethod
    def pairs(self, value: V) -> Pairs:
        """The value as it stands in the address, in one way only."""

    @abstractmethod
    def condition(self, field: Filterable, value: V, context: Context) -> Q:
        """Of rows that this value finds."""

    @abstractmethod
    def words(self, value: V, context: Context) -> str:
        """What the chip says behind the label."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Of a filter that offers values: what each is called."""
        return {}

    @property
    def names(self) -> tuple[str, ...]:
        """All of its names in the address."""
        is_ = (f"{self.key}.is",) if self.can_be_missing else ()
        return (self.key, *(f"{self.key}{ending}" for ending in self.endings), *is_)

    @property
    def can_be_missing(self) -> bool:
        return isinstance(self.field, Emptiable) and not self.is_always_set

    def read(self, given: QueryDict, context: Context) -> V | Presence | None:
        word = given.get(f"{self.key}.is", "") if self.can_be_missing else ""
        if not word:
            return self.parse(given, context)
        if word not in Presence:
            raise ValidationError(_("Choose whether it is empty or filled in."), code="filter")
        return Presence(word)

    def written(self, value: V | Presence) -> Pairs:
        return [(f"{self.key}.is", value.value)] if isinstance(value, Presence) else self.pairs(value)

    def apply(self, rows: QuerySet[Any, Any], value: V | Presence, context: Context) -> QuerySet[Any, Any]:
        if isinstance(value, Presence):
            missing = cast("Emptiable", self.field).missing
            return rows.filter(missing if value == Presence.EMPTY else ~missing)
        if self.narrow is not None:
            return self.narrow(rows, value)
        if self.field is None:
            raise TypeError(f"The filter {self.key} has neither a field nor `narrow`: give it one of them.")
        return rows.filter(self.condition(self.field, value, context))

    def said(self, value: V | Presence, context: Context) -> str:
        if isinstance(value, Presence):
            return pgettext("field", "empty") if value == Presence.EMPTY else pgettext("field", "filled in")
        return self.words(value, context)


@dataclass(frozen=True)
class Text(Filter[str]):
    """What contains the text."""

    control: ClassVar[str] = "text"

    def parse(self, given: QueryDict, context: Context) -> str | None:
        return text_of(given.get(self.key, "")) or None

    def pairs(self, value: str) -> Pairs:
        return [(self.key, value)]

    def condition(self, field: Filterable, value: str, context: Context) -> Q:
        return field.condition("%", value)

    def words(self, value: str, context: Context) -> str:
        return _("contains “%(text)s”") % {"text": value}


type Choices = Collection[tuple[str, _StrOrPromise]]


@dataclass(frozen=True)
class Choice(Filter[tuple[str, ...]]):
    """One or several of these, by the value that stands in the address."""

    choices: Choices | Callable[[], Choices] = ()
    control: ClassVar[str] = "choice"

    @property
    def labels(self) -> Mapping[str, str]:
        choices = self.choices() if callable(self.choices) else self.choices
        return {value: str(label) for value, label in choices}

    def parse(self, given: QueryDict, context: Context) -> tuple[str, ...] | None:
        values = _several(given.getlist(self.key))
        if not values:
            return None
        known = self.labels
        if any(value not in known for value in values):
            raise ValidationError(_("Choose again: there is no such choice any more."), code="filter")
        # In their own order, so that one choice has one address.
        return tuple(value for value in known if value in values)

    def pairs(self, value: tuple[str, ...]) -> Pairs:
        return [(self.key, one) for one in value]

    def condition(self, field: Filterable, value: tuple[str, ...], context: Context) -> Q:
        return field.condition("@", list(value))

    def words(self, value: tuple[str, ...], context: Context) -> str:
        known = self.labels
        return _alternatives([known[one] for one in value])


@dataclass(frozen=True)
class Reference(Filter[tuple[str, ...]]):
    """Objects of a kind (`capabilities.cards` names them, `capabilities.finders` finds them), by their ids: a
    person, a department, whatever rooms above have. Of people `me` is whoever reads: a view that is shared
    finds each their own."""

    kind: str = ""
    letter: str = ""
    """Stands before an id: a person is `U7`, so that saved views can be told when two accounts become one."""
    has_me: bool = False
    control: ClassVar[str] = "reference"

    def parse(self, given: QueryDict, context: Context) -> tuple[str, ...] | None:
        values = _several(given.getlist(self.key))
        if any(self._id(value) is None and not (self.has_me and value == ME) for value in values):
            raise ValidationError(_("Choose again from the list."), code="filter")
        return tuple(dict.fromkeys(values)) or None

    def _id(self, value: str) -> int | None:
        digits = value.removeprefix(self.letter)
        return int(digits) if value.startswith(self.letter) and _ID.fullmatch(digits) else None

    def pairs(self, value: tuple[str, ...]) -> Pairs:
        return [(self.key, one) for one in value]

    def condition(self, field: Filterable, value: tuple[str, ...], context: Context) -> Q:
        return field.condition("@", self.ids(value, context))

    def ids(self, value: tuple[str, ...], context: Context) -> list[int]:
        return [context.reader.pk if (pk := self._id(one)) is None else pk for one in value]

    def words(self, value: tuple[str, ...], context: Context) -> str:
        return _alternatives(list(self.named(value, context).values()))

    def named(self, value: Iterable[str], context: Context) -> dict[str, str]:
        """What each is called, in one query; of what the reader may not see nothing but that."""
        ids = {one: pk for one in value if (pk := self._id(one)) is not None}
        known = cards[self.kind](list(ids.values()), context.reader) if ids else {}
        titles = {one: known[pk].title if pk in known else _("unknown") for one, pk in ids.items()}
        return {one: titles.get(one) or _("me") for one in value}


def people(key: str, label: _StrOrPromise, field: Filterable | None = None, **more: Any) -> Reference:
    """Chosen people, or whoever reads."""
    return Reference(key, label, field, kind=PERSON_KIND, letter="U", has_me=True, **more)


PERSON_KIND = "org.person"
"""The kind of `Ref` that a room above offers."""


@dataclass(frozen=True)
class Dates(Filter[str | Range[date]]):
    """A stretch of days: a word such as `this-week`, which moves with the company's calendar, or from and to.
    `field` is a Day, or a Moment, whose days are the company's."""

    control: ClassVar[str] = "dates"
    endings: ClassVar[tuple[str, ...]] = (".from", ".to")

    @property
    def labels(self) -> Mapping[str, str]:
        return period_labels()

    def parse(self, given: QueryDict, context: Context) -> str | Range[date] | None:
        if word := given.get(self.key, ""):
            if word not in PERIODS:
                raise ValidationError(_("Choose one of the periods, or give two dates."), code="filter")
            return word
        first, last = _day(given.get(f"{self.key}.from", "")), _day(given.get(f"{self.key}.to", ""))
        return _range(first, last)

    def pairs(self, value: str | Range[date]) -> Pairs:
        return [(self.key, value)] if isinstance(value, str) else _ends(self.key, value, date.isoformat)

    def condition(self, field: Filterable, value: str | Range[date], context: Context) -> Q:
        first, last = period(value, context)
        if isinstance(field, Day):
            begin, end = first, last + timedelta(days=1) if last else None
        else:
            begin, end = moments_of(first, last)
        found = Q()
        if begin is not None:
            found &= field.condition(">=", begin.isoformat())
        if end is not None:
            found &= field.condition("<", end.isoformat())
        return found

    def words(self, value: str | Range[date], context: Context) -> str:
        if isinstance(value, str):
            return period_labels()[value]
        return _range_words(value, format_date, is_of_days=True)


@dataclass(frozen=True)
class Numbers(Filter[Range[Decimal]]):
    """From a number to another."""

    control: ClassVar[str] = "numbers"
    endings: ClassVar[tuple[str, ...]] = (".from", ".to")

    def parse(self, given: QueryDict, context: Context) -> Range[Decimal] | None:
        first, last = _number(given.get(f"{self.key}.from", "")), _number(given.get(f"{self.key}.to", ""))
        return _range(first, last)

    def pairs(self, value: Range[Decimal]) -> Pairs:
        return _ends(self.key, value, lambda number: f"{number:f}")

    def condition(self, field: Filterable, value: Range[Decimal], context: Context) -> Q:
        found = Q()
        if value.first is not None:
            found &= field.condition(">=", f"{value.first:f}")
        if value.last is not None:
            found &= field.condition("<=", f"{value.last:f}")
        return found

    def words(self, value: Range[Decimal], context: Context) -> str:
        return _range_words(value, lambda number: format_number(number, is_exact=True))


@dataclass(frozen=True)
class YesNo(Filter[bool]):
    """Whether something holds: `field` is a Flag."""

    control: ClassVar[str] = "yes_no"

    def parse(self, given: QueryDict, context: Context) -> bool | None:
        word = given.get(self.key, "")
        if word not in ("", "yes", "no"):
            raise ValidationError(_("Choose yes or no."), code="filter")
        return word == "yes" if word else None

    def pairs(self, value: bool) -> Pairs:
        return [(self.key, "yes" if value else "no")]

    def condition(self, field: Filterable, value: bool, context: Context) -> Q:
        return field.condition("=", "Y" if value else "N")

    def words(self, value: bool, context: Context) -> str:
        return _("yes") if value else _("no")


@dataclass(frozen=True)
class Word(Filter[str]):
    """One word that links set and the form keeps, such as a tag: `find` takes it to the rows."""

    find: Callable[[Any, str, User], QuerySet[Any, Any]] = lambda rows, word, reader: rows
    read_word: Callable[[str], str] = str
    """The word as it is looked for; nothing for one that is none."""
    say: Callable[[str, User], str] = lambda word, reader: word

    def parse(self, given: QueryDict, context: Context) -> str | None:
        text = given.get(self.key, "")
        if not text:
            return None
        if not (word := self.read_word(text)):
            raise ValidationError(_("There is no such choice: choose again."), code="filter")
        return word

    def pairs(self, value: str) -> Pairs:
        return [(self.key, value)]

    def condition(self, field: Filterable, value: str, context: Context) -> Q:
        return field.condition("=", value)

    def apply(self, rows: QuerySet[Any, Any], value: Any, context: Context) -> QuerySet[Any, Any]:
        return self.find(rows, value, context.reader)

    def words(self, value: str, context: Context) -> str:
        return self.say(value, context.reader)


def period(value: str | Range[date], context: Context) -> Period | Range[date]:
    """The first and the last day."""
    return PERIODS[value](context.today) if isinstance(value, str) else value


def moments_of(first: date | None, last: date | None) -> tuple[datetime | None, datetime | None]:
    """The company's midnights before the first of these days and after the last."""
    return _midnight(first), _midnight(last + timedelta(days=1) if last else None)


def text_of(text: str) -> str:
    """A text of the address, without spaces around it. Raises ValidationError for what is too long."""
    text = text.replace("\x00", "").strip()
    if len(text) > LONGEST_TEXT:
        raise ValidationError(
            _("Write less: %(most)s characters at most.") % {"most": LONGEST_TEXT}, code="filter"
        )
    return text


def period_labels() -> Mapping[str, str]:
    return _period_labels(get_language())


@cache
def _period_labels(language: str | None) -> Mapping[str, str]:
    return {
        "today": _("today"),
        "yesterday": _("yesterday"),
        "tomorrow": _("tomorrow"),
        "this-week": _("this week"),
        "last-week": _("last week"),
        "next-week": _("next week"),
        "this-month": _("this month"),
        "last-month": _("last month"),
        "next-month": _("next month"),
        "this-quarter": _("this quarter"),
        "last-quarter": _("last quarter"),
        "this-year": _("this year"),
        "last-year": _("last year"),
        "last-7-days": _("the last 7 days"),
        "last-30-days": _("the last 30 days"),
        "next-7-days": _("the next 7 days"),
        "past": _("before today"),
        "future": _("after today"),
    }


def _several(values: Sequence[str]) -> list[str]:
    values = [value for value in values if value]
    if len(values) > MOST_VALUES:
        raise ValidationError(_("Choose fewer: %(most)s at most.") % {"most": MOST_VALUES}, code="filter")
    return values


def _alternatives(words: list[str]) -> str:
    return _(" or ").join(words)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None or not EARLIEST <= day <= LATEST:
        raise ValidationError(_("Write a date such as 2026-01-31."), code="filter")
    return day


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), company_zone())


def _number(text: str) -> Decimal | None:
    text = text.strip().replace("\u00a0", "").replace(" ", "")
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or not text.isascii():
        raise ValidationError(_("Write a number such as 1200 or 12.5."), code="filter")
    number = Decimal(text.replace(",", "."))
    return number if number % 1 else number.quantize(Decimal(1))


def _range[V: (date, Decimal)](first: V | None, last: V | None) -> Range[V] | None:
    if first is None and last is None:
        return None
    if first is not None and last is not None and first > last:
        raise ValidationError(_("It begins after it ends: swap the two."), code="filter")
    return Range(first, last)


def _ends[V](key: str, value: Range[V], write: Callable[[V], str]) -> Pairs:
    first = [] if value.first is None else [(f"{key}.from", write(value.first))]
    return [*first, *([] if value.last is None else [(f"{key}.to", write(value.last))])]


def _range_words[V](value: Range[V], write: Callable[[V], str], *, is_of_days: bool = False) -> str:
    first, last = (None if end is None else write(end) for end in value)
    if first is None:
        return (_("until and including %(last)s") if is_of_days else _("up to %(last)s")) % {"last": last}
    if last is None:
        return (_("since %(first)s") if is_of_days else _("from %(first)s")) % {"first": first}
    return first if first == last else _("%(first)s to %(last)s") % {"first": first, "last": last}
