"""Copies the names of objects between SQLite and the cluster's database: a program for each end of a pipe.

What comes is the store's to say, either way, and may be anything where somebody has taken the store over. So
it goes as rows and not as SQL, and the database sees the role of the stores and not the superuser.

    python -m appliance.services.objects.name_transfer dump FILE    rows out of SQLite
    python -m appliance.services.objects.name_transfer load FILE    and into it
    python -m appliance.services.objects.name_transfer give         rows out of the environment's database
    python -m appliance.services.objects.name_transfer take         and into it
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from itertools import batched
from pathlib import Path
from typing import Protocol, TextIO

import psycopg
from psycopg.sql import SQL, Identifier, Literal

_AT_ONCE = 1000
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_TABLE = re.compile(r"\.?[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
"""As S3 names buckets, with what older ones may have in them. Its own are `filemeta` and `.system`."""
_COUNTED = "select count(*), coalesce(sum(length(meta)), 0) from {}"


class NamesDiffer(Exception):
    """What was copied is not what was there."""


# --- by the store's user, who alone reads its folder


def dump(file: Path, to: TextIO) -> None:
    """All rows under the name of their table, and behind them how many rows and bytes there are."""
    with sqlite3.connect(file) as source:
        tables = source.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            name = _quoted(table)
            for *words, meta in source.execute(f"select dirhash, name, directory, meta from {name}"):  # noqa: S608
                to.write(_line(table, *words, None if meta is None else meta.hex()))
            to.write(_line("", table, *source.execute(_COUNTED.format(name)).fetchone()))
        to.write(_line("", "", len(tables), 0))


def _line(*values: str | int | None) -> str:
    return "\t".join(map(_field, values)) + "\n"


def _field(value: str | int | None) -> str:
    if value is None:
        return "\\N"
    return re.sub(r"[\\\t\n\r]", lambda found: _ESCAPES[found[0]], str(value))


def load(file: Path, lines: Iterable[str]) -> None:
    """A file of those tables, which takes its place when it is whole."""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    target = sqlite3.connect(unfinished)
    target.execute("pragma synchronous = full")
    _fill(_File(target), lines)
    target.commit()
    target.close()
    unfinished.rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


class _File:
    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def make(self, table: str) -> None:
        self._file.execute(
            f"create table {_quoted(table)} (dirhash bigint, name varchar(1000), directory text, "
            f"meta blob, primary key (dirhash, name)) without rowid"
        )

    def add(self, table: str, rows: Sequence[_Row]) -> None:
        self._file.executemany(f"insert into {_quoted(table)} values (?, ?, ?, ?)", rows)  # noqa: S608

    def counted(self, table: str) -> tuple[int, int]:
        rows, size = self._file.execute(_COUNTED.format(_quoted(table))).fetchone()
        return rows, size


# --- by the database's user, as the role of the stores


def give(to: TextIO) -> None:
    """What `dump` says of a file, of the database."""
    with psycopg.connect() as source, source.cursor() as cursor:
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        cursor.execute("select tablename from pg_catalog.pg_tables where schemaname = 'public'")
        tables = [table for (table,) in cursor.fetchall()]
        for table in tables:
            place = Identifier("public", table)
            rows = SQL("copy (select {}, dirhash, name, directory, encode(meta, 'hex') from {}) to stdout")
            with cursor.copy(rows.format(Literal(table), place)) as copy:
                to.flush()
                for block in copy:
                    to.buffer.write(block)
            counted = cursor.execute(SQL(_COUNTED).format(place)).fetchone()
            to.write(_line("", table, *(counted or ())))
        to.write(_line("", "", len(tables), 0))


def take(lines: Iterable[str]) -> None:
    """Those tables in an empty database, whole or not at all."""
    with psycopg.connect() as target, target.cursor() as cursor:
        _fill(_Database(cursor), lines)


class _Database:
    def __init__(self, cursor: psycopg.Cursor) -> None:
        self._cursor = cursor

    def make(self, table: str) -> None:
        columns = (
            "dirhash bigint, name varchar(65535), directory varchar(65535), meta bytea,"
            " primary key (dirhash, name)"
        )
        self._cursor.execute(SQL("create table {} (" + columns + ")").format(Identifier("public", table)))

    def add(self, table: str, rows: Sequence[_Row]) -> None:
        into = SQL("copy {} (dirhash, name, directory, meta) from stdin").format(Identifier("public", table))
        with self._cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)

    def counted(self, table: str) -> tuple[int, int]:
        found = self._cursor.execute(SQL(_COUNTED).format(Identifier("public", table))).fetchone()
        return (found[0], found[1]) if found else (0, 0)


# --- by both


class _Target(Protocol):
    def make(self, table: str) -> None: ...
    def add(self, table: str, rows: Sequence[_Row]) -> None: ...
    def counted(self, table: str) -> tuple[int, int]: ...


def _fill(target: _Target, lines: Iterable[str]) -> None:
    made, counted, is_whole = set[str](), 0, False
    for table, rows in _tables(lines):
        if not table:
            is_whole = rows == (counted, 0)
            continue
        if table not in made:
            if not _TABLE.fullmatch(table):
                raise NamesDiffer(
                    f"The store has a table {table!r}, and no bucket has such a name: "
                    f"somebody else has made it. Look into the store before its names go anywhere."
                )
            target.make(table)
            made.add(table)
        if isinstance(rows, tuple):
            counted += 1
            if target.counted(table) != rows:
                raise NamesDiffer(f"The names of objects of {table} were not copied whole.")
        else:
            target.add(table, rows)
    if not is_whole:
        raise NamesDiffer("Not all names of objects were given.")


type _Row = tuple[int, str | None, str | None, bytes | None]


def _tables(lines: Iterable[str]) -> Iterator[tuple[str, list[_Row] | tuple[int, int]]]:
    """Rows of a table, a batch at a time, and behind them how many rows and bytes there are."""
    for batch in batched(lines, _AT_ONCE, strict=False):
        waiting: dict[str, list[_Row]] = {}
        for line in batch:
            first, *values = line.rstrip("\n").split("\t")
            if first:
                dirhash, name, directory, meta = map(_value, values)
                row = (int(dirhash or 0), name, directory, None if meta is None else bytes.fromhex(meta))
                waiting.setdefault(_value(first) or "", []).append(row)
            else:
                yield from waiting.items()
                waiting = {}
                table, rows, size = values
                yield _value(table) or "", (int(rows), int(size))
        yield from waiting.items()


def _value(text: str) -> str | None:
    if text == "\\N":
        return None
    return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), text)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def main(verb: str, place: str = "") -> None:
    with (
        TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n") as said,
        TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="\n") as given,
    ):
        match verb:
            case "dump":
                dump(Path(place), said)
            case "load":
                load(Path(place), given)
            case "give":
                give(said)
            case "take":
                take(given)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except NamesDiffer as error:
        sys.exit(str(error))
