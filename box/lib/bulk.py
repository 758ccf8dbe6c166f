"""Rows in bulk: PostgreSQL's COPY, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

from django.db import connection, models

AT_ONCE = 5_000


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """So many fresh ids of the model's own sequence, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [row[0] for row in cursor.fetchall()]


def copy_rows(model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows of the named fields. Defaults of Python don't apply, and no signal, event or check runs.

    While a COPY is under way its connection answers nothing else: `rows` may ask the database, since some are
    taken before each.
    """
    stored = {field.name: field.column for field in model._meta.concrete_fields}
    columns = ", ".join(f'"{stored[name]}"' for name in fields)
    statement = f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN'
    for some in batched(rows, AT_ONCE, strict=False):
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in some:
                copy.write_row(row)


def analyze(*tables: type[models.Model]) -> None:
    """Tells the planner what is in the tables now; autovacuum would take a minute to notice."""
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(f'ANALYZE "{model._meta.db_table}"')
