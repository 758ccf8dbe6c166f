"""How a list is shown: its rows in the reader's language, and all that stands around them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property, partial
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Sum
from django.template import engines
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from markupsafe import Markup

from box.core.accounts.models import Face
from box.core.lists.access import can_change, can_share
from box.core.lists.bulk import MOST_ROWS
from box.core.lists.filters import Presence, Reference
from box.core.registry.environment import (
    format_date,
    format_listed,
    format_number,
    memory,
    moment,
    plural_rule,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User
    from box.core.lists.bulk import Outcome
    from box.core.lists.definition import Column, List
    from box.core.lists.filters import Filter
    from box.core.lists.preferences import Preferences, View
    from box.core.lists.query import Query

UI = "lists/ui.html"
NOTHING = Markup()


@cache
def macro(template: str, name: str) -> Callable[..., Markup]:
    """A macro of a template, for `Column.cell`: `cell=macro("deals/ui.html", "stage")`."""

    def call(*facts: Any) -> Markup:
        module = engines["jinja2"].env.get_template(template).module  # type: ignore[attr-defined]
        said: Markup = getattr(module, name)(*facts)
        return said

    return call


def said(value: Any) -> Any:
    """A value of a row as people read it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return format_listed([said(one) for one in value])
    say = next((say for kind, say in _SAID.items() if isinstance(value, kind)), str)
    return say(value)


_SAID: dict[type, Callable[[Any], Any]] = {
    NoneType: lambda value: "",
    bool: lambda value: _("yes") if value else _("no"),
    int: format_number,
    float: format_number,
    Decimal: format_number,
    datetime: moment,
    date: format_date,
    Face: macro(UI, "face"),
}


# What stands around the rows is made of values, so that what is the same for many is rendered once.


class Heading(NamedTuple):
    """Of a column. `url` sorts by it, where it can; `is_descending` None: the list is sorted by another."""

    label: str
    url: str
    is_descending: bool | None


class Offered(NamedTuple):
    """A column that one may choose."""

    key: str
    label: str
    is_shown: bool


class Press(NamedTuple):
    """A bulk action as a button."""

    key: str
    label: str
    icon: str
    question: str
    form: str


class Control(NamedTuple):
    """One filter in the form."""

    kind: str
    """A macro of `lists/filters.html`."""
    key: str
    label: str
    can_be_missing: bool
    value: Any
    presence: str
    choices: tuple[tuple[str, str], ...] = ()
    refers_to: str = ""
    """Of a reference the kind of its objects."""
    letter: str = ""
    has_me: bool = False
    named: tuple[tuple[str, str], ...] = ()
    """Of a reference what is chosen, by its value in the address."""


@dataclass(frozen=True)
class Table[R]:
    """What the templates of lists know."""

    listed: List[Any, R]
    query: Query
    path: str
    preferences: Preferences
    rows: Markup = NOTHING
    after: str = ""
    """Where this page begins, where that is not the beginning."""
    next: str = ""
    is_guess: bool = False
    outcome: Outcome | None = None
    bulk_key: str = ""
    problem: str = ""
    sums: Sequence[tuple[str, str]] = ()
    """What columns come to over all rows of the choice, with their labels."""
    way: str = ""
    """The address of the way in which it is shown, where that way has several pages."""

    @property
    def reader(self) -> User:
        return self.query.context.reader

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        order = self.query.sort or ("" if self.query.text else self.listed.order)
        return tuple(self._heading(one, order) for one in columns_shown(self.listed, self.preferences))

    def _heading(self, one: Column[R], order: str) -> Heading:
        by = "" if one.sort is None else f"-{one.key}" if order == one.key else one.key
        is_descending = order.startswith("-") if order.removeprefix("-") == one.key else None
        url = f"{self.path}?{self.query.sorted_by(by)}" if by else ""
        return Heading(str(one.label), url, is_descending)

    @property
    def groups(self) -> tuple[tuple[str, str, bool], ...]:
        """By what rows can stand in groups, none first: label, address, and whether they do."""
        ways = [("", _("not at all")), *((key, str(one.label)) for key, one in self.listed.groups.items())]
        return tuple(
            (label, self.address(self.query.grouped_by(key)), key == self.query.group) for key, label in ways
        )

    @property
    def offered(self) -> tuple[Offered, ...]:
        """All columns, with those that are shown first and in their order."""
        shown = columns_shown(self.listed, self.preferences)
        others = (one for one in self.listed.columns if one.is_offered and one not in shown)
        return (
            *(Offered(one.key, str(one.label), True) for one in shown),
            *(Offered(one.key, str(one.label), False) for one in others),
        )

    @property
    def presses(self) -> tuple[Press, ...]:
        return tuple(
            Press(one.key, str(one.label), one.icon, str(one.question), one.form() if one.form else "")
            for one in self.listed.bulk
        )

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        return tuple(self._control(one) for one in self.listed.filters if one.control)

    def _control(self, one: Filter[Any]) -> Control:
        value = self.query.value_of(one.key)
        presence = value.value if isinstance(value, Presence) else ""
        value = None if presence else value
        facts = one.control, one.key, str(one.label), one.can_be_missing, value, presence
        if not isinstance(one, Reference):
            return Control(*facts, choices=tuple(one.labels.items()))
        named = tuple(one.named(value, self.query.context).items()) if value else ()
        return Control(*facts, (), one.kind, one.letter, one.has_me, named)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the form keeps though it has no control for it."""
        pairs = [
            pair
            for one in self.query.chosen
            if not one.filter.control
            for pair in one.filter.written(one.value)
        ]
        group = [("group", self.query.group)] if self.query.group else []
        return [*pairs, *group, *([("sort", self.query.sort)] if self.query.sort else [])]

    @property
    def view(self) -> View | None:
        """The saved view that is open."""
        address = self.query.address()
        return next((one for one in self.preferences.views if one.query == address), None)

    @property
    def can_share(self) -> bool:
        return can_share(self.reader)

    def can_change(self, view: View) -> bool:
        return can_change(self.reader, view)

    def address(self, query: str = "", **more: str) -> str:
        """Of this list, with another choice."""
        parts = [query, *(f"{name}={value}" for name, value in more.items() if value)]
        found = "&".join(filter(None, parts))
        return f"{self.path}?{found}" if found else self.path

    @property
    def everything(self) -> str:
        """The list without any choice, also for whoever has it open with a view."""
        return self.address(view="none") if self.preferences.opens_with else self.path

    @property
    def count_forms(self) -> tuple[tuple[str, str], ...]:
        """What the page's script says of so many chosen rows, by the reader's plural rule."""
        return tuple(
            (plural_rule(n), ngettext("%(num)s selected", "%(num)s selected", n) % {"num": "{}"})
            for n in (1, 2, 5)
        )

    @property
    def most_at_once(self) -> int:
        return MOST_ROWS


def columns_shown[R](listed: List[Any, R], preferences: Preferences) -> tuple[Column[R], ...]:
    """As the person has chosen them; a column that is no more, or not theirs, is left out."""
    known = {one.key: one for one in listed.columns if one.is_offered}
    chosen = tuple(known[key] for key in preferences.columns if key in known)
    return chosen or tuple(one for one in known.values() if one.is_shown)


def rows_shown[R](
    listed: List[Any, R], columns: Sequence[Column[R]], rows: Sequence[Any], *, group: str = ""
) -> Markup:
    """With a heading before the first row of each `group`, the key of a column; in one piece, for a page of
    pieces pays for each."""
    has_bulk, columns = bool(listed.bulk), tuple(columns)
    presented = list(listed.present(rows))
    facts = [
        (columns, has_bulk, listed.pk(row), listed.href(row) if listed.href else "", row) for row in presented
    ]
    say = partial(memory(), _row) if listed.is_remembered else _row
    shown = [say(*one) for one in facts]
    if group:
        shown = list(_in_groups(listed.groups[group], presented, shown, len(columns) + has_bulk))
    return Markup("".join(shown))  # noqa: S704 - made of templates


def _in_groups[R](
    column: Column[R], presented: Sequence[R], shown: Sequence[str], width: int
) -> Iterator[str]:
    before: str | None = None
    for row, markup in zip(presented, shown, strict=True):
        label = column.group(row) if column.group else ""
        if label != before:
            yield macro(UI, "group")(label, width)
        before = label
        yield markup


MOST_SUMMED = 10_000
"""Rows of a choice that are summed up."""


def sums_of(
    columns: Sequence[Column[Any]], rows: Callable[[], QuerySet[Any, Any]]
) -> tuple[tuple[str, str], ...]:
    """What the columns that are shown come to, in one query, and in none where nothing is to be summed up."""
    summed = [(str(one.label), one.sum) for one in columns if one.sum is not None]
    if not summed:
        return ()
    some = rows().order_by("pk")[:MOST_SUMMED]
    found = some.aggregate(**{f"sum{n}": Sum(one.of) for n, (_label, one) in enumerate(summed)})
    return tuple((label, one.say(found[f"sum{n}"] or 0)) for n, (label, one) in enumerate(summed))


def _edit_of(column: Column[Any], row: Any, pk: int) -> str:
    """The address that asks for it, of the page's own; nothing where it is not changed in place."""
    if column.edit is None or not column.edit.can(row):
        return ""
    return f"?edit={column.key}&row={pk}"


def _row(columns: Sequence[Column[Any]], has_bulk: bool, pk: int, url: str, row: Hashable) -> Markup:
    cells = [
        (str(one.label), said((one.cell or one.value)(row)), one.cell is None, _edit_of(one, row, pk))
        for one in columns
    ]
    return macro(UI, "row")(cells, has_bulk, pk, url, str(columns[0].value(row)))
