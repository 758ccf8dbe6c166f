"""Queries that are composed once, and several that are asked at once.

Django composes a query anew each time it is asked: for a join of three tables that takes four times as long
as PostgreSQL needs to answer (0.4 ms beside 0.1). For the few that every hot page asks:

    NAMES = Prepared(lambda: File.objects.filter(id__in_array=Param("ids")).values_list("id", "name"))
    NAMES.rows(ids=[7, 9])

Where the rows are to be models, with what they join and annotate, `PreparedModels` makes them.

And each query has a price of its own, whatever it asks. What a page needs at the same time it asks together:

    files, groups = at_once(NAMES.asked(ids=[7, 9]), asked(Group.objects.values_list("id", "name")))
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Expression, Field, Model, QuerySet, TextField
from django.db.models.query import ModelIterable

from box.lib import lookups  # noqa: F401 - brings `in_array`, which takes a list as one value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.backends.base.base import BaseDatabaseWrapper
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

    def of(self, given: Mapping[str, Any]) -> Asked:
        """With what is given in the place of its parameters."""
        return Asked(
            self.sql, tuple(given[one.name] if isinstance(one, Param) else one for one in self.values)
        )


class Prepared:
    """A queryset of `values_list`. Its rows are what the database gives: columns that Django converts, such
    as JSON, are not for `rows`."""

    def __init__(self, make: Callable[[], QuerySet[Any, Any]]) -> None:
        self._make = make

    def rows(self, **given: Any) -> list[tuple[Any, ...]]:
        return _found(self.asked(**given))

    def asked(self, **given: Any) -> Asked:
        return self._composed.of(given)

    @cached_property
    def _composed(self) -> Asked:
        # At first use, for models are not ready where modules declare what they ask.
        return asked(self._make())


class PreparedModels[M: Model]:
    """A queryset of models, with all that it joins and annotates."""

    def __init__(self, make: Callable[[], QuerySet[M, M]]) -> None:
        self._make = make

    def rows(self, **given: Any) -> list[M]:
        queryset, compiler, asked = self._composed
        again = copy(compiler)
        again.connection = connection
        question = asked.of(given)
        again.as_sql = lambda *_, **__: (question.sql, question.values)  # type: ignore[method-assign]
        query: Any = _Ready(again)
        ready: QuerySet[M, M] = QuerySet(queryset.model, query=query, using=DEFAULT_DB_ALIAS)
        ready._fetch_mode = queryset._fetch_mode  # type: ignore[attr-defined]
        return list(ModelIterable(ready))

    @cached_property
    def _composed(self) -> tuple[QuerySet[M, M], SQLCompiler, Asked]:
        # The compiler knows, once it has composed, how rows become models: Django asks it for no more.
        queryset = self._make()
        compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        return queryset, compiler, Asked(sql, tuple(params))


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
    for place, row in _found(_together(questions)) if questions else ():
        answers[place].append(list(row.values()))
    return answers


def _together(questions: Iterable[Asked]) -> Asked:
    # Rows become JSON, so that queries of different columns can stand in one.
    numbered = [
        (f"SELECT {place}, row_to_json(one) FROM ({one.sql}) one", one.values)  # noqa: S608 - Django's own SQL
        for place, one in enumerate(questions)
    ]
    sql = " UNION ALL ".join(sql for sql, _values in numbered)
    return Asked(sql, tuple(value for _sql, values in numbered for value in values))


def _found(question: Asked) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question.sql, question.values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
