"""The names of objects, from SQLite into the cluster's database and back.

SeaweedFS has the same tables in both, one of each bucket beside its own (`abstract_sql` in its source), so
that they are copied as they are. What is copied takes the place of what was there in one step, after rows
and bytes were counted on both sides; interrupted, it is done again. The store must not run meanwhile.

    python -m appliance.services.objects.names dump FILE    as SQL for psql
    python -m appliance.services.objects.names load FILE    from what `copy` prints
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from itertools import batched
from pathlib import Path
from typing import TextIO

from appliance import as_owner, users
from appliance.node import Node
from appliance.runner import piped, run
from appliance.services.database.names import BIN, OBJECTS, SUPERUSER
from appliance.services.database.setup import query
from appliance.services.objects.service import NAMES

_MOVED, _BROUGHT_BACK = f"{NAMES}.moved", f"{NAMES}.back"
_AT_ONCE = 1000
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_PLAIN = {"PYTHONDONTWRITEBYTECODE": "1"}
_UNFINISHED = f"{OBJECTS}_new"
# Of constants of ours.
_HAS_ROLE = f"select 1 from pg_roles where rolname = '{OBJECTS}'"  # noqa: S608
_HAS_DATABASE = f"select 1 from pg_database where datname = '{OBJECTS}'"  # noqa: S608
_COUNTED = "select count(*), coalesce(sum(length(meta)), 0) from {}"


class NamesDiffer(Exception):
    """What was copied is not what was there."""


def into_database(node: Node) -> None:
    """Make the cluster's database of names, with those that this machine has in SQLite. It must lead.

    The store cannot open it before `give_name`.
    """
    if query(node, _HAS_ROLE, database="postgres") != "1":
        query(node, f"create role {OBJECTS} login", database="postgres")
    query(
        node,
        f"drop database if exists {OBJECTS} with (force);\ndrop database if exists {_UNFINISHED};\n"
        f"create database {_UNFINISHED} owner {OBJECTS};\nrevoke all on database {_UNFINISHED} from public;",
        database="postgres",
    )
    if has_file(node):
        psql: list[str | Path] = [BIN / "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        piped(
            (_program(node, "dump", NAMES), users.account(users.OBJECTS), _PLAIN),
            (psql, users.account(users.DATABASE), _environment(node, _UNFINISHED)),
            cwd=node.release,
        )


def give_name(node: Node) -> None:
    """From here on the database is right, and the store may open it."""
    if query(node, _HAS_DATABASE, database="postgres") != "1":
        query(node, f"alter database {_UNFINISHED} rename to {OBJECTS}", database="postgres")


def take_name(node: Node) -> None:
    """From here on what was brought back is right, and no store opens the database."""
    if query(node, _HAS_DATABASE, database="postgres") == "1":
        query(
            node,
            f"drop database if exists {_UNFINISHED};\n"
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{OBJECTS}';\n"
            f"alter database {OBJECTS} rename to {_UNFINISHED};",
            database="postgres",
        )


def are_set_aside(node: Node) -> bool:
    """Whether the database has them all, under whichever name: the file is only kept for a while."""
    return has_file(node, _MOVED) and not has_file(node) and not has_file(node, _BROUGHT_BACK)


def set_file_aside(node: Node) -> None:
    """When all of it was copied. A store that starts by itself meanwhile finds no names in either place."""
    if has_file(node):
        folder = node.data("objects")
        as_owner.rename(folder / NAMES, folder / _MOVED, users.account(users.OBJECTS))


def take_file_back(node: Node) -> None:
    """A single box has its names in the file: that which was brought back, or was moved in vain."""
    folder, owner = node.data("objects"), users.account(users.OBJECTS)
    found = next((name for name in (_BROUGHT_BACK, _MOVED) if has_file(node, name)), None)
    if found and not has_file(node):
        as_owner.rename(folder / found, folder / NAMES, owner)


def forget_file(node: Node) -> None:
    """The database has it all, and goes on."""
    as_owner.remove(node.data("objects") / _MOVED, users.account(users.OBJECTS))


def out_of_database(node: Node) -> None:
    """Put the names into a file again, beside its place: until `take_name` the database is right.

    Where there is no such database, a file is right already.
    """
    if query(node, _HAS_DATABASE, database="postgres") != "1":
        return
    as_owner.remove(node.data("objects") / NAMES, users.account(users.OBJECTS))
    tables = query(
        node, "select tablename from pg_tables where schemaname = 'public'", database=OBJECTS
    ).splitlines()
    script = "".join(
        (
            "begin isolation level repeatable read;\n",
            *map(_copy_of, tables),
            f"copy (select '', '', {len(tables)}, 0) to stdout;\n",
        )
    )
    psql: list[str | Path] = [BIN / "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-c", script]
    piped(
        (psql, users.account(users.DATABASE), _environment(node, OBJECTS)),
        (_program(node, "load", _BROUGHT_BACK), users.account(users.OBJECTS), _PLAIN),
        cwd=node.release,
    )


def _copy_of(table: str) -> str:
    """Its rows under its name, and a line with how many rows and bytes there are."""
    name, quoted = _literal(table), _quoted(table)
    return (
        f"copy (select {name}, dirhash, name, directory, encode(meta, 'hex') from {quoted}) to stdout;\n"  # noqa: S608
        f"copy (select '', {name}, counted.* from ({_COUNTED.format(quoted)}) counted) to stdout;\n"
    )


def drop(node: Node) -> None:
    """Of a machine that has them in SQLite again."""
    query(
        node,
        f"drop database if exists {OBJECTS} with (force);\ndrop database if exists {_UNFINISHED};\n"
        f"drop role if exists {OBJECTS};",
        database="postgres",
    )


def has_file(node: Node, name: str = NAMES) -> bool:
    """Whether this machine has names in SQLite."""
    done = run(["test", "-f", node.data("objects") / name], user=users.account(users.OBJECTS), check=False)
    return done.code == 0


def _program(node: Node, verb: str, file: str) -> list[str | Path]:
    return [node.python, "-m", "appliance.services.objects.names", verb, node.data("objects") / file]


def _environment(node: Node, database: str) -> dict[str, str]:
    return {
        "PGHOST": str(node.run("database")),
        "PGPORT": str(node.box.database.port),
        "PGUSER": SUPERUSER,
        "PGDATABASE": database,
        "PGCLIENTENCODING": "UTF8",
    }


# --- by the store's user, who alone reads its folder


def dump(file: Path, to: TextIO) -> None:
    """SQL that makes the tables of the file in an empty database, whole or not at all."""
    with sqlite3.connect(file) as source:
        to.write(f"begin;\nset local role {OBJECTS};\n")
        for (table,) in source.execute("select name from sqlite_master where type = 'table'").fetchall():
            name = _quoted(table)
            rows, size = source.execute(_COUNTED.format(name)).fetchone()
            to.write(
                f"create table {name} (dirhash bigint, name varchar(65535), directory varchar(65535), "
                f"meta bytea, primary key (dirhash, name));\n"
                f"copy {name} (dirhash, name, directory, meta) from stdin;\n"
            )
            for row in source.execute(f"select dirhash, name, directory, meta from {name}"):  # noqa: S608
                to.write("\t".join(map(_field, row)) + "\n")
            to.write(
                f"\\.\ndo $$ begin if (select counted.n <> {rows} or counted.size <> {size} from "  # noqa: S608
                f"({_COUNTED.format(name)}) counted (n, size)) then "
                f"raise exception 'the names of objects differ'; end if; end $$;\n"
            )
        to.write("commit;\n")


def _field(value: str | int | bytes | None) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return re.sub(r"[\\\t\n\r]", lambda found: _ESCAPES[found[0]], str(value))


def load(file: Path, lines: Iterable[str]) -> None:
    """A file of those tables, which takes its place when it is whole."""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    target = sqlite3.connect(unfinished)
    target.execute("pragma synchronous = full")
    counted, is_whole = 0, False
    for table, rows in _tables(lines):
        if not table:
            is_whole = rows == (counted, 0)
            continue
        name = _quoted(table)
        target.execute(
            f"create table if not exists {name} (dirhash bigint, name varchar(1000), directory text, "
            f"meta blob, primary key (dirhash, name)) without rowid"
        )
        if isinstance(rows, tuple):
            counted += 1
            if target.execute(_COUNTED.format(name)).fetchone() != rows:
                raise NamesDiffer(f"The names of objects of {table} were not copied whole.")
        else:
            target.executemany(f"insert into {name} values (?, ?, ?, ?)", rows)  # noqa: S608
    if not is_whole:
        raise NamesDiffer("The database has not given all names of objects.")
    target.commit()
    target.close()
    unfinished.rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


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


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    place = Path(sys.argv[2])
    if sys.argv[1] == "dump":
        with TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n") as said:
            dump(place, said)
    else:
        with TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="\n") as given:
            load(place, given)
