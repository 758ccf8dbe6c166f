"""Makes the database: cluster, roles, rights, extensions. Safe to run again at any time."""

from __future__ import annotations

import json

from appliance import as_owner, runner, users
from appliance.node import Node
from appliance.services.database.names import (
    APPLICATION,
    BACKUP,
    BIN,
    NAME,
    OBJECTS,
    OWNER,
    REPLICATION,
    REWIND,
    SUPERUSER,
    cluster,
)

EXTENSIONS = ("pg_trgm", "btree_gin", "unaccent")

# What pg_rewind needs, from its documentation ("Notes"): no more than these four functions.
_REWIND_FUNCTIONS = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)


class DatabaseMissing(Exception):
    """PostgreSQL 17 is not installed."""


def has_cluster(node: Node) -> bool:
    """Whether the cluster was created completely."""
    done = runner.run(
        ["test", "-f", cluster(node) / "PG_VERSION"], user=users.account(users.DATABASE), check=False
    )
    return done.code == 0


def create_cluster(node: Node) -> None:
    """Create the cluster's files (initdb). Needs folders and generated files; the service must not run yet.

    It is made beside its place and moved there when it is whole, so that an interrupted run leaves nothing
    that looks like a cluster.
    """
    if has_cluster(node):
        return
    if not (BIN / "initdb").exists():
        raise DatabaseMissing("PostgreSQL 17 is not installed: `apt-get install postgresql-17`.")
    me, place = users.account(users.DATABASE), cluster(node)
    unfinished = place.with_name(f"{place.name}.new")
    as_owner.remove(unfinished, me)
    runner.run(
        [
            *(BIN / "initdb", "--pgdata", unfinished, "--username", SUPERUSER, "--auth", "peer"),
            # C.UTF-8 never changes its order with the C library, so indexes survive an upgrade of the system;
            # names are sorted with ICU collations, column by column.
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C.UTF-8"),
            *("--encoding", "UTF8", "--data-checksums", "--no-instructions"),
        ],
        user=me,
        env={"LC_ALL": "C.UTF-8"},
        timeout=300,
    )
    as_owner.rename(unfinished, place, me)


def query(node: Node, sql: str, *, database: str = NAME, role: str = SUPERUSER) -> str:
    """Run SQL and return what it prints, unaligned. The SQL goes through standard input.

    Names are looked for in pg_catalog alone: in a schema that is somebody else's there may lie anything that
    fits better, and it would be done by `role`. Tables are written with their schema. The superuser reads and
    writes none of the portal's: a type of its owner's brings casts along, and a table triggers, wherever they
    are named from. `APPLICATION` does that, and `BACKUP`.
    """
    return runner.run(
        [BIN / "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-f", "-"],
        env={
            "PGHOST": str(node.run("database")),
            "PGPORT": str(node.box.database.port),
            "PGUSER": role,
            "PGDATABASE": database,
            # What an owner of a database sets for it counts less. In some encodings quotations end elsewhere.
            "PGCLIENTENCODING": "UTF8",
            "PGOPTIONS": "--client-min-messages=warning --search-path=pg_catalog",
        },
        stdin=sql,
        # The others are root's to be.
        user=users.account(users.DATABASE) if role == SUPERUSER else None,
        timeout=120,
    ).stdout.strip()


def applied(node: Node) -> tuple[str, ...]:
    """The migrations that the tables have seen, as `feed.0001_initial`; none of a database without tables."""
    if query(node, "select to_regclass('public.django_migrations')", role=APPLICATION) == "":
        return ()
    listed = "select app || '.' || name from public.django_migrations"
    return tuple(query(node, listed, role=APPLICATION).splitlines())


def is_set_up(node: Node) -> bool:
    """Whether roles, database, rights and extensions are as they should be. The service must run.

    Passwords are compared by signing in with them, as their owners do.
    """
    if query(node, _EXISTS, database="postgres") != "1":
        return False
    state = json.loads(query(node, _STATE))
    return (
        set(state["roles"]) - {OBJECTS} == {OWNER, APPLICATION, REPLICATION, REWIND, BACKUP}
        and set(state["extensions"]) >= set(EXTENSIONS)
        and bool(state["has_default_privileges"])
        and bool(state["can_switch"])
        and bool(state["can_analyze"])
        and _can_sign_in(node, OWNER, node.secrets.database_owner_password)
        and _can_sign_in(node, REWIND, node.secrets.database_rewind_password)
    )


def set_up(node: Node) -> None:
    """Create or repair roles, passwords, database, privileges and extensions. The service must run."""
    secrets = node.secrets
    query(
        node,
        "\n".join(
            (
                _role(OWNER, "login", secrets.database_owner_password),
                _role(APPLICATION, "login", None),
                _role(BACKUP, "login", None),
                _role(REPLICATION, "login replication", secrets.database_replication_password),
                _role(REWIND, "login", secrets.database_rewind_password),
                *(f"grant execute on function pg_catalog.{f} to {REWIND};" for f in _REWIND_FUNCTIONS),
                # CREATE DATABASE runs in no transaction, so psql is asked to run it only where it is missing.
                _CREATE_DATABASE,
                f"revoke all on database {NAME} from public;",
                f"grant connect, temporary on database {NAME} to {APPLICATION};",
                f"grant connect on database {NAME} to {REWIND}, {BACKUP};",
            )
        ),
        database="postgres",
    )
    query(
        node,
        "\n".join(
            (
                *(f"create extension if not exists {name} with schema public;" for name in EXTENSIONS),
                f"alter schema public owner to {OWNER};",
                "revoke all on schema public from public;",
                f"grant usage on schema public to {APPLICATION}, {BACKUP};",
                # What was written is handed over in time, whatever PostgreSQL's own timer does.
                f"grant execute on function pg_catalog.pg_switch_wal() to {BACKUP};",
                # What migrations create is usable by the portal at once, and it can do no more than use it.
                # To maintain is to tell the planner of what was written in bulk (ANALYZE).
                *(
                    f"alter default privileges for role {OWNER} in schema public"
                    f" grant {rights} to {APPLICATION};"
                    for rights in (
                        f"{_OF_TABLES} on tables",
                        "usage, select on sequences",
                        "execute on functions",
                    )
                ),
                f"grant {_OF_TABLES} on all tables in schema public to {APPLICATION};",
                f"grant usage, select on all sequences in schema public to {APPLICATION};",
            )
        ),
    )


_OF_TABLES = "select, insert, update, delete, maintain"
# Statements put together from constants of ours.
_EXISTS = f"select 1 from pg_database where datname = '{NAME}'"  # noqa: S608
_CREATE_DATABASE = f"select 'create database {NAME} owner {OWNER}' where not exists ({_EXISTS}) \\gexec"
_STATE = f"""
select json_build_object(
  'roles', (select coalesce(json_agg(rolname), '[]') from pg_roles where rolname like 'korobka\\_%'),
  'extensions', (select json_agg(extname) from pg_extension),
  'can_switch', (select has_function_privilege(oid, 'pg_switch_wal()', 'execute')
   from pg_roles where rolname = '{BACKUP}'),
  'can_analyze', (select bool_or(privilege_type = 'MAINTAIN')
   from pg_default_acl, aclexplode(defaclacl)
   where defaclrole = to_regrole('{OWNER}') and grantee = to_regrole('{APPLICATION}')),
  'has_default_privileges',
  (select count(*) >= 3 from pg_default_acl where defaclrole = to_regrole('{OWNER}')))
"""  # noqa: S608


def _role(name: str, options: str, password: str | None) -> str:
    secret = "null" if password is None else f"'{password.replace("'", "''")}'"
    return (
        f"do $$ begin create role {name}; exception when duplicate_object then null; end $$;\n"
        f"alter role {name} {options} password {secret};"
    )


def _can_sign_in(node: Node, role: str, password: str) -> bool:
    done = runner.run(
        [BIN / "psql", "-XAtqw", "-c", "select 1"],
        env={
            "PGHOST": str(node.run("database")),
            "PGPORT": str(node.box.database.port),
            "PGUSER": role,
            "PGDATABASE": NAME,
        },
        secrets={"PGPASSWORD": password},
        user=users.account(users.DATABASE),
        timeout=30,
        check=False,
    )
    return done.code == 0
