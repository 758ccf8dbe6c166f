"""Filters as Bitrix24's REST API has them: an operator before a field's name, `{">=ID": 5, "%NAME": "ann"}`.

Source: https://apidocs.bitrix24.com/api-reference/user/user-get.html and
https://apidocs.bitrix24.com/api-reference/sonet-group/sonet-group-get.html. A field that cannot be filtered
by is an error here: whoever deletes what a list says must not be given more than was asked for.

What one filter costs is bounded, for everybody may ask: so many conditions, values and patterns in all of it,
and none of them is compiled for a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from box.core.registry.rest import truth
from box.lib import lookups  # noqa: F401 - brings `like_anything` and `among_texts`

MOST_CONDITIONS = 50
MOST_VALUES = 500
"""Of all conditions of a filter that have lists."""
MOST_PATTERNS = 20
_FIELD = re.compile(r"(!><|><|>=|<=|!@|!=%|!%=|!%|!=|=%|%=|>|<|@|%|!|=|\?)?(\w+)")
_COMPARISONS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_EQUALS = ("", "=", "@")
_MARKS_OF_PATTERNS = frozenset("%?")


class Filterable(Protocol):
    """A field that rows are found by: REST's filters and those of `box.core.lists` ask the same one."""

    def condition(self, operator: str, value: Any) -> Q:
        """Without what negates. Raises ValidationError for an operator or a value that is none here."""


@runtime_checkable
class Emptiable(Protocol):
    """A field that a row may be without."""

    @property
    def missing(self) -> Q:
        """Rows without it."""


def condition_of(given: Mapping[str, Any], known: Mapping[str, Filterable]) -> Q:
    """All of these conditions together. Raises ValidationError, also for one that is given twice: names are
    the same in capital and small letters, and which of them was meant is not guessed."""
    _check_size(given)
    found = Q()
    for name, value in given.items():
        match = _FIELD.fullmatch(name)
        if match is None or (field := match[2].upper()) not in known:
            raise ValidationError(
                _("There is no filter by %(name)s; there are %(known)s.")
                % {"name": name[:80], "known": ", ".join(known)},
                code="filter",
            )
        operator = match[1] or ""
        is_negated = operator.startswith("!")
        try:
            one = known[field].condition(operator.removeprefix("!"), value)
        except ValidationError as error:
            raise ValidationError([f"{name}: {text}" for text in error.messages], code="filter") from None
        found &= ~one if is_negated else one
    return found


def _check_size(given: Mapping[str, Any]) -> None:
    if len(given) > MOST_CONDITIONS:
        raise ValidationError(_("Too many conditions: %(most)s at most.") % {"most": MOST_CONDITIONS})
    told: set[str] = set()
    for name in given:
        if name.upper() in told:
            text = _("This condition is there twice: capital and small letters are the same.")
            raise ValidationError(f"{name[:80]}: {text}", code="twice")
        told.add(name.upper())
    if sum(len(one) for one in given.values() if isinstance(one, list | Mapping)) > MOST_VALUES:
        raise _too_many_values()
    patterns = sum(
        not _MARKS_OF_PATTERNS.isdisjoint(name) or "%" in str(one)
        for name, value in given.items()
        for one in _listed(value)
    )
    if patterns > MOST_PATTERNS:
        raise ValidationError(_("Too many patterns: %(most)s at most.") % {"most": MOST_PATTERNS})


def order_of(
    sort: str, order: str | Mapping[str, str], known: Mapping[str, str], *, usual: tuple[str, ...] = ("id",)
) -> tuple[str, ...]:
    """Columns to sort by, from a field and its direction, or from fields with theirs; the id last, so that
    pages are the same each time. Raises ValidationError for an unknown field."""
    given = order if isinstance(order, Mapping) else {sort.upper(): order} if sort else {}
    columns = []
    for name, direction in given.items():
        if name not in known:
            raise ValidationError(
                _("Rows are not sorted by %(name)s; they can be by %(known)s.")
                % {"name": name[:80], "known": ", ".join(known)},
                code="sort",
            )
        columns.append(f"{'-' if direction == 'DESC' else ''}{known[name]}")
    if not columns:
        return usual
    return tuple(columns) if columns[-1].lstrip("-") == "id" else (*columns, "id")


class _Nullable:
    lookup: str

    @property
    def missing(self) -> Q:
        return Q(**{f"{self.lookup}__isnull": True})


@dataclass(frozen=True)
class Number(_Nullable):
    lookup: str

    def condition(self, operator: str, value: Any) -> Q:
        return _compared(self.lookup, operator, value, _number)


@dataclass(frozen=True)
class Amount(_Nullable):
    """A number with a fraction, such as money."""

    lookup: str

    def condition(self, operator: str, value: Any) -> Q:
        return _compared(self.lookup, operator, value, _amount)


@dataclass(frozen=True)
class Moment(_Nullable):
    """A moment or a day, in ISO 8601."""

    lookup: str

    def condition(self, operator: str, value: Any) -> Q:
        return _compared(self.lookup, operator, value, _moment)


@dataclass(frozen=True)
class Day(_Nullable):
    lookup: str

    def condition(self, operator: str, value: Any) -> Q:
        return _compared(self.lookup, operator, value, lambda one: _moment(one).date())


@dataclass(frozen=True)
class Text:
    """Upper and lower case are the same. `%` in the value stands for anything."""

    lookup: str

    def condition(self, operator: str, value: Any) -> Q:
        if operator in ("%", "?"):
            one = _single(value)
            return Q(**{f"{self.lookup}__icontains": "" if one is None else str(one)})
        if operator in (*_EQUALS, "=%", "%="):
            return self._among([str(one) for one in several(value)])
        raise _wrong_operator()

    @property
    def missing(self) -> Q:
        return Q(**{self.lookup: ""}) | Q(**{f"{self.lookup}__isnull": True})

    def _among(self, texts: Sequence[str]) -> Q:
        found = Q(pk__in=[])
        whole = [text for text in texts if "%" not in text]
        if len(whole) == 1:
            found |= Q(**{f"{self.lookup}__iexact": whole[0]})
        elif whole:
            # As one list: each by itself would make the column's text large again for every row.
            found |= Q(**{f"{self.lookup}__among_texts": whole})
        for text in texts:
            if "%" in text:
                found |= Q(**{f"{self.lookup}__like_anything": text})
        return found


@dataclass(frozen=True)
class ExternalId(Text):
    """What another program calls a row, empty where none does: found by an index of those that have one."""

    def _among(self, texts: Sequence[str]) -> Q:
        named = super()._among([text for text in texts if text]) & ~Q(**{self.lookup: ""})
        return named | super()._among([""]) if "" in texts else named

    def condition(self, operator: str, value: Any) -> Q:
        given = ["" if one in (None, False) else one for one in several(value)]
        return super().condition(operator, given[0] if len(given) == 1 else given)


@dataclass(frozen=True)
class Keyword:
    """One of the words that the column itself holds."""

    lookup: str
    words: tuple[str, ...]

    def condition(self, operator: str, value: Any) -> Q:
        if operator not in _EQUALS:
            raise _wrong_operator()
        given = [str(one) for one in several(value)]
        if not set(given) <= set(self.words):
            raise ValidationError(_("Write one of: %(words)s.") % {"words": ", ".join(self.words)})
        return Q(**{f"{self.lookup}__in": given})

    @property
    def missing(self) -> Q:
        return Q(**{self.lookup: ""}) | Q(**{f"{self.lookup}__isnull": True})


@dataclass(frozen=True)
class Related(_Nullable):
    """Those that point at one of these ids by a foreign key."""

    lookup: str

    def condition(self, operator: str, value: Any) -> Q:
        if operator not in _EQUALS:
            raise _wrong_operator()
        return Q(**{f"{self.lookup}__in": [_number(one) for one in several(value)]})


@dataclass(frozen=True)
class Flag:
    """Whether a condition holds; one that depends on the moment is called when it is asked for."""

    holds: Q | Callable[[], Q]

    def condition(self, operator: str, value: Any) -> Q:
        if operator not in _EQUALS:
            raise _wrong_operator()
        holds = self.holds() if callable(self.holds) else self.holds
        return holds if truth(_single(value)) else ~holds


@dataclass(frozen=True)
class Among:
    """Those that have to do with one of these ids."""

    having: Callable[[list[int]], Q]

    def condition(self, operator: str, value: Any) -> Q:
        if operator not in _EQUALS:
            raise _wrong_operator()
        return self.having([_number(one) for one in several(value)])


@dataclass(frozen=True)
class Named:
    """A word that stands for a condition."""

    words: Mapping[str, Q]

    def condition(self, operator: str, value: Any) -> Q:
        if operator not in _EQUALS:
            raise _wrong_operator()
        found = Q(pk__in=[])
        for one in several(value):
            if str(one) not in self.words:
                raise ValidationError(_("Write one of: %(words)s.") % {"words": ", ".join(self.words)})
            found |= self.words[str(one)]
        return found


def _compared(lookup: str, operator: str, value: Any, cast: Callable[[Any], Any]) -> Q:
    if operator in _COMPARISONS:
        return Q(**{f"{lookup}__{_COMPARISONS[operator]}": cast(_single(value))})
    if operator in _EQUALS:
        return Q(**{f"{lookup}__in": [cast(one) for one in several(value)]})
    if operator == "><":
        ends = [cast(one) for one in several(value)]
        if len(ends) != 2:
            raise ValidationError(_("Write where it begins and where it ends."))
        return Q(**{f"{lookup}__range": ends})
    raise _wrong_operator()


def _wrong_operator() -> ValidationError:
    return ValidationError(_("This operator has no meaning here."))


def _single(value: Any) -> Any:
    if isinstance(value, list | Mapping):
        raise ValidationError(_("Write one value here."))
    return value


def several(value: Any) -> list[Any]:
    """What a condition is compared with, one value or many. Raises ValidationError for too many."""
    values = _listed(value)
    if len(values) > MOST_VALUES:
        raise _too_many_values()
    return [_single(one) for one in values]


def _listed(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _too_many_values() -> ValidationError:
    return ValidationError(_("Too many values: %(most)s at most.") % {"most": MOST_VALUES})


def _number(value: Any) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValidationError(_("Write a whole number."))
    return int(text)


def _amount(value: Any) -> Decimal:
    text = str(value).strip()
    if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,6})?", text):
        raise ValidationError(_("Write a number."))
    return Decimal(text)


def _moment(value: Any) -> datetime:
    text = str(value).strip()
    try:
        moment = parse_datetime(text)
        day: date | None = None if moment else parse_date(text)
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - made aware below
    if moment is None:
        raise ValidationError(_("Write a moment in ISO 8601, such as 2026-01-31T09:00:00+03:00."))
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
