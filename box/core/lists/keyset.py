"""Pages by key: a page begins behind the last row of the one before, however many rows come or go meanwhile.

A row is found by what it is sorted by and by its id, compared as one (`ROW(due_on, id) > ROW(...)`), which an
index of these columns answers without walking over what lies before. Where what is sorted by may be missing,
rows without it come last, in either direction: they are walked by themselves behind the others, so that one
plain index serves both.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import BadRequest, ValidationError
from django.db import models
from django.db.models import BooleanField, F, Func, QuerySet, Value
from django.db.models.expressions import Combinable, OrderBy

LONGEST_CURSOR = 2000
_HIGHEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Page[M: models.Model]:
    """`next` is where the page after this one begins; nothing where this is the last."""

    rows: list[M]
    next: str


@dataclass(frozen=True)
class Keyset:
    """An order of rows. `by` are names of fields or expressions, all in one direction; the id decides between
    equals. Only a single one may be missing (`is_nullable`)."""

    by: tuple[str | Combinable, ...] = ()
    is_descending: bool = False
    is_nullable: bool = False

    def page[M: models.Model](self, rows: QuerySet[M, M], *, after: str = "", size: int) -> Page[M]:
        """In one query; in two at the border between rows that have a value and those without. Raises
        BadRequest for a cursor that no page of this order gave."""
        keyed = self._keyed(rows)
        cursor = self._read(keyed, after) if after else None
        is_behind_values = self.is_nullable and cursor is not None and cursor[0] is None
        found: list[M] = []
        if not is_behind_values:
            found = list(self._with_values(keyed, cursor)[: size + 1])
        if self.is_nullable and len(found) <= size:
            empty = self._ordered(keyed.filter(_key0=None), ("id",))
            behind = self._behind(empty, ("id",), cursor[1:]) if cursor and is_behind_values else empty
            found += behind[: size + 1 - len(found)]
        return self.cut(found, size)

    def first[M: models.Model](self, rows: QuerySet[M, M], size: int) -> tuple[QuerySet[M, M], ...]:
        """What the first page asks, one after the other until it is full, see `cut`."""
        keyed = self._keyed(rows)
        queries = [self._with_values(keyed, None)]
        if self.is_nullable:
            queries.append(self._ordered(keyed.filter(_key0=None), ("id",)))
        return tuple(query[: size + 1] for query in queries)

    def cut[M: models.Model](self, found: Sequence[M], size: int) -> Page[M]:
        """The page of these rows, of which one more says that another page follows."""
        shown = list(found[:size])
        return Page(shown, self._cursor_of(shown[-1]) if len(found) > size else "")

    def ordered[M: models.Model](self, rows: QuerySet[M, M]) -> QuerySet[M, M]:
        """All of the rows, in this order: for the few that are taken from the beginning of it."""
        keyed = self._keyed(rows)
        if not self.is_nullable:
            return self._ordered(keyed, self._keys)
        first, *others = self._keys
        key = F(first).desc(nulls_last=True) if self.is_descending else F(first).asc(nulls_last=True)
        return self._ordered(keyed, others, key)

    def _keyed[M: models.Model](self, rows: QuerySet[M, M]) -> QuerySet[M, M]:
        keys = {f"_key{n}": F(one) if isinstance(one, str) else one for n, one in enumerate(self.by)}
        keyed: QuerySet[M, M] = rows.order_by().annotate(**keys)
        return keyed

    @property
    def _keys(self) -> tuple[str, ...]:
        return (*(f"_key{n}" for n in range(len(self.by))), "id")

    def _with_values[M: models.Model](
        self, keyed: QuerySet[M, M], cursor: Sequence[Any] | None
    ) -> QuerySet[M, M]:
        present = keyed.exclude(_key0=None) if self.is_nullable else keyed
        ordered = self._ordered(present, self._keys)
        return self._behind(ordered, self._keys, cursor) if cursor else ordered

    def _ordered[M: models.Model](
        self, rows: QuerySet[M, M], keys: Sequence[str], *before: OrderBy
    ) -> QuerySet[M, M]:
        # With F, for a name that is sorted by would bring its model's own order along.
        return rows.order_by(
            *before, *(F(key).desc() if self.is_descending else F(key).asc() for key in keys)
        )

    def _behind[M: models.Model](
        self, rows: QuerySet[M, M], keys: Sequence[str], values: Sequence[Any]
    ) -> QuerySet[M, M]:
        fields = (_field_of(rows, key) for key in keys)
        reached = (Value(value, output_field=field) for value, field in zip(values, fields, strict=True))
        return rows.filter(
            Func(
                Func(*map(F, keys), function="ROW", output_field=BooleanField()),
                Func(*reached, function="ROW", output_field=BooleanField()),
                template="%(expressions)s",
                arg_joiner=" < " if self.is_descending else " > ",
                output_field=BooleanField(),
            )
        )

    def _cursor_of(self, row: models.Model) -> str:
        values = [_written(getattr(row, key)) for key in self._keys[:-1]]
        text = json.dumps([*values, row.pk], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _read(self, keyed: QuerySet[Any, Any], cursor: str) -> list[Any]:
        """Values as the database compares them, the id last."""
        try:
            if len(cursor) > LONGEST_CURSOR:
                raise ValueError(len(cursor))
            given = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if not isinstance(given, list) or len(given) != len(self._keys):
                raise ValueError(given)
            *texts, pk = given
            if type(pk) is not int or not 0 < pk <= _HIGHEST_ID:
                raise ValueError(pk)
            return [*(self._value(keyed, key, one) for key, one in zip(self._keys, texts, strict=False)), pk]
        except (ValueError, binascii.Error, ValidationError, RecursionError) as error:
            raise BadRequest("This link into a list is broken: open the list anew.") from error

    def _value(self, keyed: QuerySet[Any, Any], key: str, text: Any) -> Any:
        if text is None and self.is_nullable:
            return None
        if not isinstance(text, str) or "\x00" in text:
            raise ValueError(text)
        field = _field_of(keyed, key)
        value = field.to_python(text)
        field.run_validators(value)
        if value is None:
            raise ValueError(text)
        return value


def _field_of(rows: QuerySet[Any, Any], key: str) -> models.Field[Any, Any]:
    found = rows.model._meta.pk if key == "id" else rows.query.annotations[key].output_field
    # What a generated column is like is said by the field within.
    return found.output_field if isinstance(found, models.GeneratedField) else found  # type: ignore[return-value]


def _written(value: Any) -> str | None:
    match value:
        case None:
            return None
        case datetime() | date():
            return value.isoformat()
    return str(value)
