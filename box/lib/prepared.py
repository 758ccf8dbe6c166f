"""Queries that are composed once, and several that are asked at once.

Django composes a query anew each time it is asked: for a join of three tables that takes four times as long
as PostgreSQL needs to answer (0.4 ms beside 0.1). And PostgreSQL plans it anew
each time, which costs it as much again. For the few that every hot page asks, both happen once, the planning
once a connection:

    NAMES = Prepared(lambda: File.objects.filter(id__in_array=Param("ids")).values_list("id", "name"))
    NAMES.rows(ids=[7, 9])

Where the rows are to be models, with what they join and annotate, `PreparedModels` makes them.

And each query has a price of its own, whatever it asks. What a page needs at the same time it asks together:

    files, groups = at_once(NAMES.asked(ids=[7, 9]), asked(Group.objects.values_list("id", "name")))

What follows from every write is written the same way, by a `PreparedInsert`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.models import Expression, Field, Model, QuerySet, TextField
from django.db.models.query import ModelIterable
from django.utils.functional import Promise

from box.lib import lookups  # noqa: F401 - brings `in_array`, which takes a list as one value
from box.lib.replicas import alias_for_reads, connection_for_reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper
    from django.db.models.sql.compiler import SQLCompiler

type Rows = list[list[Any]]
"""What a query has found, as JSON has it: moments and days are texts."""


class Param(Expression):
    """Stands in a queryset for a value that is given when it runs."""

    def __init__(self, name: str, output_field: Field[Any, Any] | None = None) -> None:
        super().__init__(output_field=output_field or TextField())
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


@dataclass(frozen=True)
class Asked:
    """A query with its values."""

    sql: str
    values: tuple[Any, ...]
    is_repeated: bool = False
    """Whether the same SQL comes again and again, with other values: the server keeps its plan."""

    def of(self, given: Mapping[str, Any]) -> Asked:
        """With what is given in the place of its parameters."""
        values = tuple(given[one.name] if isinstance(one, Param) else one for one in self.values)
        return Asked(self.sql, values, self.is_repeated)

    def rows(self) -> list[tuple[Any, ...]]:
        connection = connection_for_reads()
        with _repeating_cursor(connection) if self.is_repeated else connection.cursor() as cursor:
            cursor.execute(self.sql, self.values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found


class Prepared:
    """A queryset of `values_list`. Its rows are what the database gives: columns that Django converts, such
    as JSON, are not for `rows`."""

    def __init__(self, make: Callable[[], QuerySet[Any, Any]]) -> None:
        self._make = make

    def rows(self, **given: Any) -> list[tuple[Any, ...]]:
        return self.asked(**given).rows()

    def asked(self, **given: Any) -> Asked:
        return self._composed.of(given)

    @cached_property
    def _composed(self) -> Asked:
        # At first use, for models are not ready where modules declare what they ask.
        return replace(asked(self._make()), is_repeated=True)


class PreparedModels[M: Model]:
    """A queryset of models, with all that it joins and annotates.

    `plans_anew` is for a list that PostgreSQL answers by one index or by another, according to how many rows
    the values mean: a plan for any values would be the wrong one for some.
    """

    def __init__(self, make: Callable[[], QuerySet[M, M]], *, plans_anew: bool = False) -> None:
        self._make = make
        self._plans_anew = plans_anew

    def rows(self, **given: Any) -> list[M]:
        queryset, compiler, asked = self._composed
        again, alias = copy(compiler), alias_for_reads()
        again.using, again.connection = alias, connections[alias]
        # All at once: what a page shows is never so much that it would have to come in pieces.
        again.execute_sql = lambda *_, **__: [asked.of(given).rows()]  # type: ignore[method-assign,assignment]
        again.has_composite_fields = lambda _: self._has_composite  # type: ignore[method-assign,assignment]
        again.get_converters = lambda _: self._converters  # type: ignore[method-assign,assignment]
        query: Any = _Ready(again)
        ready: QuerySet[M, M] = QuerySet(queryset.model, query=query, using=alias)
        ready._fetch_mode = queryset._fetch_mode  # type: ignore[attr-defined]
        return list(ModelIterable(ready))

    @cached_property
    def _composed(self) -> tuple[QuerySet[M, M], SQLCompiler, Asked]:
        # The compiler knows, once it has composed, how rows become models: Django asks it for no more.
        queryset = self._make()
        compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        return queryset, compiler, Asked(sql, tuple(params), is_repeated=not self._plans_anew)

    @cached_property
    def _converters(self) -> dict[int, Any]:
        """What makes Python's values of its columns: Django asks each column, each time."""
        _queryset, compiler, _asked = self._composed
        return compiler.get_converters([column for column, _sql, _alias in compiler.select])

    @cached_property
    def _has_composite(self) -> bool:
        _queryset, compiler, _asked = self._composed
        return bool(compiler.has_composite_fields([column for column, _sql, _alias in compiler.select]))


class PreparedInsert:
    """Writes rows of these fields of a model, as many as there are in one statement. Defaults of Python don't
    apply, and no signal is sent.

        NOTES = PreparedInsert(Note, ("user", "text"), skips_conflicts=True)
        NOTES.write([(7, "read"), (9, "write")])

    With `replaces`, the fields of a unique constraint, a row that is there already becomes the new one. Rows
    go as JSON: a moment is exact, but what JSON does not have, such as bytes, is not for it.
    """

    def __init__(
        self,
        model: type[Model],
        fields: Sequence[str],
        *,
        skips_conflicts: bool = False,
        replaces: Sequence[str] = (),
    ) -> None:
        self._model, self._names = model, tuple(fields)
        self._skips_conflicts, self._replaces = skips_conflicts, tuple(replaces)

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        given = [dict(zip(self._columns, row, strict=True)) for row in rows]
        if given:
            with _repeating_cursor(connections[DEFAULT_DB_ALIAS]) as cursor:
                cursor.execute(self._sql, (json.dumps(given, default=_in_json),))

    @cached_property
    def _columns(self) -> list[str]:
        return [str(one.column) for one in self._fields]

    @cached_property
    def _fields(self) -> list[Field[Any, Any]]:
        stored = {one.name: one for one in self._model._meta.concrete_fields}
        return [stored[name] for name in self._names]

    @cached_property
    def _sql(self) -> str:
        connection = connections[DEFAULT_DB_ALIAS]
        quoted = dict(zip(self._names, map(connection.ops.quote_name, self._columns), strict=True))
        columns = ", ".join(quoted.values())
        typed = ", ".join(f"{quoted[one.name]} {one.db_type(connection)}" for one in self._fields)
        table = connection.ops.quote_name(self._model._meta.db_table)
        rows = f"SELECT {columns} FROM json_to_recordset(%s::json) AS one ({typed})"  # noqa: S608 - the model's own
        return f"INSERT INTO {table} ({columns}) {rows} {self._on_conflict(quoted)}"

    def _on_conflict(self, quoted: Mapping[str, str]) -> str:
        if self._skips_conflicts:
            return "ON CONFLICT DO NOTHING"
        if not self._replaces:
            return ""
        known = ", ".join(quoted[name] for name in self._replaces)
        new = ", ".join(
            f"{column} = EXCLUDED.{column}" for name, column in quoted.items() if name not in self._replaces
        )
        return f"ON CONFLICT ({known}) DO UPDATE SET {new}"


def _in_json(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"JSON has nothing for a {type(value).__name__}.")


@dataclass(frozen=True)
class _Ready:
    """Stands for a query whose compiler has nothing left to do."""

    compiler: SQLCompiler

    def get_compiler(self, using: str) -> SQLCompiler:
        return self.compiler


def asked(queryset: QuerySet[Any, Any]) -> Asked:
    """A queryset of `values_list` that is composed for this one time, for `at_once`."""
    sql, params = queryset.query.sql_with_params()
    return Asked(sql, tuple(params))


def at_once(*questions: Asked) -> list[Rows]:
    """What each of these finds, in one query for all of them and in none for nothing."""
    answers: list[Rows] = [[] for _ in questions]
    for place, rows in _together(questions).rows() if questions else ():
        answers[place] = [list(row.values()) for row in rows or ()]
    return answers


def _together(questions: Iterable[Asked]) -> Asked:
    # Rows become JSON, so that queries of different columns can stand in one: those of each in one piece, for
    # each piece is read by itself.
    questions = tuple(questions)
    numbered = [
        (f"SELECT {place}, json_agg(one) FROM ({one.sql}) one", one.values)  # noqa: S608 - Django's own SQL
        for place, one in enumerate(questions)
    ]
    sql = " UNION ALL ".join(sql for sql, _values in numbered)
    values = tuple(value for _sql, values in numbered for value in values)
    return Asked(sql, values, all(one.is_repeated for one in questions))


def _repeating_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """Sends the values apart from the SQL, so that the driver lets the server prepare what it has seen
    some times: see `prepare_threshold` in the settings. Django's own does so for all queries or for none."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]
        return connection._prepare_cursor(cursor)  # type: ignore[attr-defined,no-any-return]
