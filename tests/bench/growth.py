"""The larger of two databases, made out of the smaller: copied as it lies on disk, and its rows multiplied.

One statement a table within PostgreSQL, without the foreign keys asked and with the indexes built at the end:
a million rows cost a minute or two of one core, where making them one by one in Python costs many times that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from psycopg import Connection

type Rows = Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Multiplied:
    """Rows of a table from `first` on, by `column`. `shifted` are columns that name rows which are multiplied
    too, with the tables of these; `changed` are others that have to differ, in SQL: `row` is the row that is
    multiplied and `n` the number of the copy."""

    table: str
    first: int
    column: str = "id"
    shifted: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, str] = field(default_factory=dict)


def created(
    name: str, environment: Mapping[str, str], folder: Path, *, template: str = "template1"
) -> dict[str, str]:
    """The environment of a database of this name, made anew as a copy of one to which nobody is connected."""
    config = json.loads(Path(environment["KOROBKA_CONFIG"]).read_text())
    with connected(environment, "postgres") as connection:
        for statement in (
            "DROP DATABASE IF EXISTS {new} WITH (FORCE)",
            "CREATE DATABASE {new} TEMPLATE {old}",
        ):
            connection.execute(
                sql.SQL(statement).format(new=sql.Identifier(name), old=sql.Identifier(template))
            )
    config["database"]["name"] = name
    file = folder / f"{name}.json"
    file.write_text(json.dumps(config))
    return {**environment, "KOROBKA_CONFIG": str(file)}


def copied(name: str, environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The same as a copy of the database of an environment."""
    config = json.loads(Path(environment["KOROBKA_CONFIG"]).read_text())
    return created(name, environment, folder, template=config["database"]["name"])


def multiply(environment: Mapping[str, str], tables: Sequence[Multiplied], *, times: int) -> None:
    """So many of each of these rows where there was one. What others name stands before them."""
    with connected(environment) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '256MB'")
        spans = {one.table: _span(connection, one) for one in tables if one.column == "id"}
        for one in tables:
            with _without_indexes(connection, one.table), _unasked(connection, one.table):
                statement = _statement(connection, one, spans)
                connection.execute(statement, {"times": times - 1, "first": one.first})
            connection.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({name}, 'id'), max(id)) FROM {table}").format(
                    name=sql.Literal(one.table), table=sql.Identifier(one.table)
                )
            )
        connection.execute("VACUUM ANALYZE")


def connected(environment: Mapping[str, str], name: str = "") -> Rows:
    """To the database of this environment, or to another one beside it."""
    database = json.loads(Path(environment["KOROBKA_CONFIG"]).read_text())["database"]
    return psycopg.connect(
        host=database["host"],
        port=database["port"],
        user=database["user"],
        dbname=name or database["name"],
        autocommit=True,
    )


def _span(connection: Rows, one: Multiplied) -> int:
    """By how much the ids of one copy are further than those of the copy before."""
    (last,) = _one(connection, sql.SQL("SELECT max(id) FROM {}").format(sql.Identifier(one.table)))
    return int(last) - one.first + 1


def _one(connection: Rows, statement: sql.Composed) -> tuple[Any, ...]:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row


@contextmanager
def _without_indexes(connection: Rows, table: str) -> Iterator[None]:
    """But for those that say what there is only once."""
    rows = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexdef LIKE %s",
        (table, "CREATE INDEX %"),
    ).fetchall()
    for name, _definition in rows:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _name, definition in rows:
        connection.execute(sql.SQL(definition))


@contextmanager
def _unasked(connection: Rows, table: str) -> Iterator[None]:
    """Without the triggers that look for what a foreign key names; the room's own stay."""
    rows = connection.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgisinternal", (table,)
    ).fetchall()
    for verb in ("DISABLE", "ENABLE"):
        for (name,) in rows:
            connection.execute(
                sql.SQL(f"ALTER TABLE {{}} {verb} TRIGGER {{}}").format(
                    sql.Identifier(table), sql.Identifier(name)
                )
            )
        if verb == "DISABLE":
            yield


def _statement(connection: Rows, one: Multiplied, spans: Mapping[str, int]) -> sql.Composed:
    written = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = %s AND table_schema = 'public' AND is_generated = 'NEVER'"
        "   AND (is_identity = 'NO' OR %s) ORDER BY ordinal_position",
        (one.table, one.column == "id"),
    ).fetchall()
    shifted = {**one.shifted, **({"id": one.table} if one.column == "id" else {})}
    values: list[sql.Composable] = []
    for (name,) in written:
        column = sql.SQL("row.{}").format(sql.Identifier(name))
        if name in shifted:
            column += sql.SQL(" + n * {}").format(sql.Literal(spans[shifted[name]]))
        values.append(sql.SQL(one.changed[name]) if name in one.changed else column)
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS row,"
        " generate_series(1, %(times)s) AS n WHERE row.{by} >= %(first)s ORDER BY n, row.id"
    ).format(
        table=sql.Identifier(one.table),
        columns=sql.SQL(", ").join(sql.Identifier(name) for (name,) in written),
        values=sql.SQL(", ").join(values),
        by=sql.Identifier(one.column),
    )
