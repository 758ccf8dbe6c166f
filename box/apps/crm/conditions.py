"""Conditions of robots and of routing: data that a form makes, never code.

    {"all": [{"field": "amount", "is": "more", "value": "1000"},
             {"any": [{"field": "source", "is": "one_of", "value": ["WEB", "CALL"]},
                      {"field": "phone", "is": "empty"}]}]}

They are read against the fields that there are, with their types; what is read is bounded and cannot fail
when it is asked. `Group([])` holds always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MOST_TESTS = 50
DEEPEST = 4
MOST_VALUES = 100
LONGEST_TEXT = 500


class Type(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    # One of a list, a person, a stage: compared by its key.
    CHOICE = "choice"
    YES_NO = "yes-no"


@dataclass(frozen=True)
class Field:
    label: _StrOrPromise
    type: Type


@dataclass(frozen=True)
class Operator:
    """`test(value of the field, what was asked for)`; a field that is empty passes none but `empty`."""

    label: _StrOrPromise
    types: frozenset[Type]
    test: Callable[[Any, Any], bool]
    takes_value: bool = True
    takes_many: bool = False


_ORDERED = frozenset({Type.NUMBER, Type.DATE})
_ALL = frozenset(Type)

OPERATORS: Mapping[str, Operator] = {
    "equal": Operator(gettext_lazy("is"), _ALL, lambda value, asked: bool(_folded(value) == _folded(asked))),
    "other": Operator(
        gettext_lazy("is not"), _ALL, lambda value, asked: bool(_folded(value) != _folded(asked))
    ),
    "contains": Operator(
        gettext_lazy("contains"),
        frozenset({Type.TEXT}),
        lambda value, asked: _folded(asked) in _folded(value),
    ),
    "begins": Operator(
        gettext_lazy("begins with"),
        frozenset({Type.TEXT}),
        lambda value, asked: bool(_folded(value).startswith(_folded(asked))),
    ),
    "more": Operator(gettext_lazy("is more than"), _ORDERED, lambda value, asked: bool(value > asked)),
    "less": Operator(gettext_lazy("is less than"), _ORDERED, lambda value, asked: bool(value < asked)),
    "one_of": Operator(
        gettext_lazy("is one of"),
        frozenset({Type.CHOICE}),
        lambda value, asked: value in asked,
        takes_many=True,
    ),
    "empty": Operator(gettext_lazy("is empty"), _ALL, lambda value, asked: False, takes_value=False),
    "filled": Operator(gettext_lazy("is filled"), _ALL, lambda value, asked: True, takes_value=False),
}


@dataclass(frozen=True)
class Test:
    field: str
    operator: str
    value: Any = None

    def holds(self, values: Mapping[str, Any]) -> bool:
        value = values.get(self.field)
        if value is None or value == "":
            return self.operator in {"empty", "other"}
        return OPERATORS[self.operator].test(value, self.value)


@dataclass(frozen=True)
class Group:
    parts: tuple[Test | Group, ...]
    # Whether one of them is enough.
    is_any: bool = False

    def holds(self, values: Mapping[str, Any]) -> bool:
        if not self.parts:
            return True
        holding = (part.holds(values) for part in self.parts)
        return any(holding) if self.is_any else all(holding)


def read(given: Any, fields: Mapping[str, Field]) -> Group:
    """Raises ValidationError, in words, for what is no condition on these fields."""
    budget = [MOST_TESTS]
    found = _part(given, fields, DEEPEST, budget)
    return found if isinstance(found, Group) else Group((found,))


def _part(given: Any, fields: Mapping[str, Field], depth: int, budget: list[int]) -> Test | Group:
    if not isinstance(given, Mapping):
        raise _refused(_("A condition says a field, how it is compared, and with what."))
    for word in ("all", "any"):
        if word in given:
            parts = given[word]
            if depth == 0:
                raise _refused(_("Conditions are at most %(most)s deep.") % {"most": DEEPEST})
            if not isinstance(parts, Sequence) or isinstance(parts, str) or set(given) != {word}:
                raise _refused(_("A group of conditions is a list."))
            if len(parts) > MOST_TESTS:
                raise _refused(_("There are at most %(most)s conditions.") % {"most": MOST_TESTS})
            return Group(tuple(_part(one, fields, depth - 1, budget) for one in parts), is_any=word == "any")
    budget[0] -= 1
    if budget[0] < 0:
        raise _refused(_("There are at most %(most)s conditions.") % {"most": MOST_TESTS})
    return _test(given, fields)


def _test(given: Mapping[str, Any], fields: Mapping[str, Field]) -> Test:
    if unknown := sorted(set(given) - {"field", "is", "value"}):
        raise _refused(_("A condition has no %(names)s.") % {"names": ", ".join(unknown)[:80]})
    name, how, asked = given.get("field"), given.get("is"), given.get("value")
    if not isinstance(name, str) or name not in fields:
        raise _refused(_("There is no field %(name)s.") % {"name": str(name)[:60]})
    field = fields[name]
    if not isinstance(how, str) or how not in OPERATORS or field.type not in OPERATORS[how].types:
        said = _("“%(label)s” is not compared in that way: %(how)s.")
        raise _refused(said % {"label": field.label, "how": str(how)[:20]})
    operator = OPERATORS[how]
    if not operator.takes_value:
        return Test(name, how)
    if not operator.takes_many:
        return Test(name, how, _value(field, asked))
    if not isinstance(asked, Sequence) or isinstance(asked, str) or not 0 < len(asked) <= MOST_VALUES:
        said = _("“%(label)s”: choose between 1 and %(most)s.")
        raise _refused(said % {"label": field.label, "most": MOST_VALUES})
    return Test(name, how, frozenset(_value(field, one) for one in asked))


def _value(field: Field, asked: Any) -> Any:
    try:
        return _READERS[field.type](asked)
    except (ValueError, TypeError, InvalidOperation):
        said = _("“%(label)s” cannot be compared with “%(value)s”.")
        raise _refused(said % {"label": field.label, "value": str(asked)[:60]}) from None


def _text(asked: Any) -> str:
    if not isinstance(asked, str) or not 0 < len(asked) <= LONGEST_TEXT:
        raise ValueError
    return asked


def _number(asked: Any) -> Decimal:
    if isinstance(asked, bool) or not isinstance(asked, str | int) or len(str(asked)) > 30:
        raise ValueError
    number = Decimal(asked)
    if not number.is_finite():
        raise ValueError
    return number


def _key(asked: Any) -> str:
    if isinstance(asked, bool) or not isinstance(asked, str | int) or not 0 < len(str(asked)) <= 100:
        raise ValueError
    return str(asked)


def _yes_no(asked: Any) -> bool:
    if not isinstance(asked, bool):
        raise TypeError
    return asked


_READERS: Mapping[Type, Callable[[Any], Any]] = {
    Type.TEXT: _text,
    Type.NUMBER: _number,
    Type.DATE: date.fromisoformat,
    Type.CHOICE: _key,
    Type.YES_NO: _yes_no,
}


def _folded(value: Any) -> Any:
    """Upper and lower case are the same to who writes conditions."""
    return value.casefold() if isinstance(value, str) else value


def _refused(said: str) -> ValidationError:
    return ValidationError(said, code="condition")
