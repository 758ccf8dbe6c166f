"""The names of objects, from SQLite into the cluster's database and back (`name_transfer`).

SeaweedFS has the same tables in both, one of each bucket beside its own (`abstract_sql` in its source), so
that they are copied as they are. What is copied takes the place of what was there in one step, after rows
and bytes were counted on both sides; interrupted, it is done again. The store must not run meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from appliance import as_owner, users
from appliance.node import Node
from appliance.runner import Stage, piped, run
from appliance.services.database.names import OBJECTS, OBJECTS_UNFINISHED
from appliance.services.database.setup import query
from appliance.services.objects.service import NAMES

_MOVED, _BROUGHT_BACK = f"{NAMES}.moved", f"{NAMES}.back"
_PLAIN = {"PYTHONDONTWRITEBYTECODE": "1"}
# Of constants of ours.
_HAS_ROLE = f"select 1 from pg_roles where rolname = '{OBJECTS}'"  # noqa: S608
_HAS_DATABASE = f"select 1 from pg_database where datname = '{OBJECTS}'"  # noqa: S608


def into_database(node: Node) -> None:
    """Make the cluster's database of names, with those that this machine has in SQLite. It must lead.

    The store cannot open it before `give_name`.
    """
    if query(node, _HAS_ROLE, database="postgres") != "1":
        query(node, f"create role {OBJECTS} login", database="postgres")
    query(
        node,
        f"drop database if exists {OBJECTS} with (force);\ndrop database if exists {OBJECTS_UNFINISHED};\n"
        f"create database {OBJECTS_UNFINISHED} owner {OBJECTS};\n"
        f"revoke all on database {OBJECTS_UNFINISHED} from public;",
        database="postgres",
    )
    if has_file(node):
        piped(
            _of_store(node, "dump", NAMES), _of_database(node, "take", OBJECTS_UNFINISHED), cwd=node.release
        )


def give_name(node: Node) -> None:
    """From here on the database is right, and the store may open it."""
    if query(node, _HAS_DATABASE, database="postgres") != "1":
        query(node, f"alter database {OBJECTS_UNFINISHED} rename to {OBJECTS}", database="postgres")


def take_name(node: Node) -> None:
    """From here on what was brought back is right, and no store opens the database."""
    if query(node, _HAS_DATABASE, database="postgres") == "1":
        query(
            node,
            f"drop database if exists {OBJECTS_UNFINISHED};\n"
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{OBJECTS}';\n"
            f"alter database {OBJECTS} rename to {OBJECTS_UNFINISHED};",
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
    piped(_of_database(node, "give", OBJECTS), _of_store(node, "load", _BROUGHT_BACK), cwd=node.release)


def drop(node: Node) -> None:
    """Of a machine that has them in SQLite again."""
    query(
        node,
        f"drop database if exists {OBJECTS} with (force);\ndrop database if exists {OBJECTS_UNFINISHED};\n"
        f"drop role if exists {OBJECTS};",
        database="postgres",
    )


def has_file(node: Node, name: str = NAMES) -> bool:
    """Whether this machine has names in SQLite."""
    done = run(["test", "-f", node.data("objects") / name], user=users.account(users.OBJECTS), check=False)
    return done.code == 0


def _of_store(node: Node, verb: str, file: str) -> Stage:
    return _program(node, verb, node.data("objects") / file), users.account(users.OBJECTS), _PLAIN


def _of_database(node: Node, verb: str, database: str) -> Stage:
    """As the role of the stores: what these have made there is done with no other's rights."""
    environment = {
        "PGHOST": str(node.run("database")),
        "PGPORT": str(node.box.database.port),
        "PGUSER": OBJECTS,
        "PGDATABASE": database,
        "PGCLIENTENCODING": "UTF8",
    }
    return _program(node, verb), users.account(users.DATABASE), _PLAIN | environment


def _program(node: Node, verb: str, *more: Path) -> list[str | Path]:
    return [node.python, "-m", "appliance.services.objects.name_transfer", verb, *more]
