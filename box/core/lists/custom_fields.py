"""Fields of a company's own in lists: as columns, in exports, as filters, and to sort by.

def deal_list(user: User) -> List[Deal]:
    return List(
        rows=joined(Deal.objects.visible_to(user), DEALS.fields),
        columns=(*COLUMNS, *columns_of(DEALS.fields)),
        filters=(*FILTERS, *filters_of(DEALS.fields)),
        present=with_values(DEALS.fields, user),
        ...
    )
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from box.core.fields.kinds import DEPARTMENT, cell, kind_of, said
from box.core.fields.lookups import can_sort, filterable, sort_key
from box.core.fields.models import Field
from box.core.fields.values import Said, Values, cards_of, said_value, values_of_many
from box.core.lists.definition import Column, Sort
from box.core.lists.filters import Choice, Dates, Filter, Numbers, Reference, Text, YesNo, people

if TYPE_CHECKING:
    from django.db import models

    from box.core.accounts.models import User
    from box.core.fields.kinds import Cards
    from box.core.registry.capabilities import Card

Kind = Field.Kind


class Filled:
    """What a row has in its fields, with the names of what they point at: a value, equal where the same is
    said of it."""

    def __init__(self, values: Values, cards: Cards) -> None:
        self.values, self.cards = values, cards

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filled) and self._facts == other._facts

    def __hash__(self) -> int:
        return hash(self._facts)

    @cached_property
    def _facts(self) -> tuple[tuple[int, Hashable, Card | None], ...]:
        return tuple(
            (field.pk, value, self.cards.get(ref) if (ref := kind_of(field).ref(field, value)) else None)
            for field, several in self.values.items()
            for value in several
        )

    def said(self, field: Field) -> str:
        return said(field, self.values.get(field, ()), self.cards)

    def shown(self, field: Field) -> list[Said]:
        """Its values as a page shows them, with where each leads: to a file, to a record."""
        return [said_value(field, one, self.cards) for one in self.values.get(field, ())]

    def cell(self, field: Field) -> Any:
        return cell(field, self.values.get(field, ()), self.cards)


def filled(fields: Sequence[Field], ids: Sequence[int], reader: User) -> dict[int, Filled]:
    """Of a page of rows: in a query, and one a kind of objects that their values point at."""
    values = values_of_many(fields, ids)
    cards = cards_of(values.values(), reader)
    return {pk: Filled(values.get(pk, {}), cards) for pk in ids}


def with_values[M: models.Model](fields: Sequence[Field], reader: User) -> Callable[[Sequence[M]], list[M]]:
    """For `List.present`: rows that have their values in `filled`."""

    def present(rows: Sequence[M]) -> list[M]:
        found = filled(fields, [row.pk for row in rows], reader)
        for row in rows:
            row.filled = found[row.pk]  # type: ignore[attr-defined]
        return list(rows)

    return present


def columns_of(fields: Iterable[Field]) -> tuple[Column[Any], ...]:
    """Of rows that came through `with_values`, and were `joined` where they are sorted."""
    return tuple(_column(field) for field in fields)


def _column(field: Field) -> Column[Any]:
    """The same object as long as the field is: a row that is remembered is remembered under its columns."""
    known: Column[Any] | None = vars(field).get(_COLUMN)
    if known is None:
        known = vars(field)[_COLUMN] = _new_column(field)
    return known


_COLUMN = "_list_column"


def _new_column(field: Field) -> Column[Any]:
    return Column(
        field.key,
        field.name,
        lambda row: row.filled.said(field),
        sort=Sort((sort_key(field),), is_nullable=True) if can_sort(field) else None,
        export=lambda row: row.filled.cell(field),
        is_shown=False,
    )


def filters_of(fields: Iterable[Field]) -> tuple[Filter[Any], ...]:
    """Of files nobody asks which one it is."""
    return tuple(
        _FILTERS.get(field.kind, Text)(
            field.key,
            field.name,
            filterable(field),
            **(_MORE[field.kind](field) if field.kind in _MORE else {}),
        )
        for field in fields
        if field.kind != Kind.FILE
    )


_FILTERS: Mapping[str, Callable[..., Filter[Any]]] = {
    Kind.NUMBER: Numbers,
    Kind.MONEY: Numbers,
    Kind.DATE: Dates,
    Kind.MOMENT: Dates,
    Kind.YES_NO: YesNo,
    Kind.CHOICE: Choice,
    Kind.PERSON: people,
    Kind.DEPARTMENT: Reference,
    Kind.REFERENCE: Reference,
}
_MORE: Mapping[str, Callable[[Field], Mapping[str, Any]]] = {
    Kind.CHOICE: lambda field: {"choices": [(str(one.pk), one.name) for one in field.options]},
    Kind.DEPARTMENT: lambda field: {"kind": DEPARTMENT},
    Kind.REFERENCE: lambda field: {"kind": field.target},
}
