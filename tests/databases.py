"""A database that has all migrations behind it, of which each run's own is a copy; and how tests leave that.

To migrate an empty one takes a quarter of a minute, to copy one less than a second. It is known by
what the migrations say, and stays with the parts (`tests.parts`) between runs.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import psycopg
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg.sql import SQL, Identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.backends.utils import CursorWrapper
    from psycopg.sql import Composable

ROOT = Path(__file__).parents[1]
PREFIX = "migrated_"
BUILDING = f"{PREFIX}building"
KEPT = 4
"""Of earlier states: whoever goes from one branch to another comes back."""
_LOCK = 0x6D696772
_OWN_IMPORT = re.compile(r"^(?:from|import) (box\.[\w.]+)", re.MULTILINE)


def migrated() -> str:
    """The name of the database to copy. Whoever comes first makes it, and others wait for that."""
    name = f"{PREFIX}{digest(ROOT)}"
    with psycopg.connect(**server_parameters(), autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        # The oldest first.
        listed = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY oid"
        known: list[str] = [row[0] for row in server.execute(listed, [PREFIX])]
        if name not in known:
            # What was being made when a run was killed, and what nobody has come back to.
            for old in {BUILDING, *known[:-KEPT]} & {*known}:
                server.execute(SQL("DROP DATABASE {}").format(Identifier(old)))
            server.execute(SQL("CREATE DATABASE {}").format(Identifier(BUILDING)))
            with connected_to(BUILDING):
                call_command("migrate", verbosity=0, interactive=False)
            renamed = SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(BUILDING), Identifier(name))
            server.execute(renamed)
    return name


def server_parameters() -> dict[str, Any]:
    """For a connection that makes and removes databases."""
    parameters = connection.get_connection_params()
    for option in ("cursor_factory", "prepare_threshold", "context", "pool"):
        parameters.pop(option, None)
    return {**parameters, "dbname": "postgres"}


@contextmanager
def empty_database(name: str) -> Iterator[None]:
    """One of this name that has no table yet, for as long as this lasts."""
    with psycopg.connect(**server_parameters(), autocommit=True) as server:
        # A run that was killed has left its own.
        server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            with connected_to(name):
                yield
        finally:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    usual = connection.settings_dict["NAME"]
    _let_go()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        _let_go()
        connection.settings_dict["NAME"] = usual


def _let_go() -> None:
    connection.close()
    database = connections[DEFAULT_DB_ALIAS]
    if isinstance(database, DatabaseWrapper):
        # A pool goes on with the database that it was made for.
        database.close_pool()


def digest(root: Path) -> str:
    """Of all migrations of the portal, of our modules that they import, and of the Django that plays them."""
    migrations = sorted((root / "box").glob("**/migrations/*.py"))
    names = {name for path in migrations for name in _OWN_IMPORT.findall(path.read_text(encoding="utf-8"))}
    modules = sorted(root / f"{name.replace('.', '/')}.py" for name in names)
    found = sha256(django.__version__.encode())
    for path in [*migrations, *(module for module in modules if module.is_file())]:
        found.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


@dataclass(frozen=True)
class Beginnings:
    """What migrations have put into the tables: the kinds of records of a CRM, the first badges."""

    rows: Sequence[tuple[Composable, bytes]]
    """A table with its columns, and what is in it as COPY has it."""

    @classmethod
    def read(cls) -> Beginnings:
        rows = []
        with connection.cursor() as cursor:
            for name in _filled_tables(cursor):
                cursor.execute(SQL("SELECT * FROM {} LIMIT 0").format(Identifier(name)).as_string())
                columns = SQL(", ").join(Identifier(column.name) for column in cursor.description)
                table = SQL("{} ({})").format(Identifier(name), columns)
                with cursor.copy(SQL("COPY {} TO STDOUT").format(table)) as copy:
                    rows.append((table, b"".join(map(bytes, copy))))
        return cls(rows)

    def restore(self) -> None:
        """Takes back what a test has written for good. Django's `flush` leaves nothing of the beginnings, and
        takes most of a second: it truncates all tables, and says anew what the models are."""
        with transaction.atomic(), connection.cursor() as cursor:
            # References, and triggers that let nothing be removed, are the portal's business, not ours.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for name in _filled_tables(cursor):
                cursor.execute(SQL("DELETE FROM {}").format(Identifier(name)).as_string())
            for table, content in self.rows:
                with cursor.copy(SQL("COPY {} FROM STDIN").format(table)) as copy:
                    copy.write(content)


def _filled_tables(cursor: CursorWrapper) -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    asked = SQL("SELECT {name} WHERE EXISTS (SELECT FROM {table})")
    ask = SQL(" UNION ALL ").join(asked.format(name=one, table=Identifier(one)) for one in names)
    cursor.execute(ask.as_string())
    return [name for (name,) in cursor.fetchall()]
