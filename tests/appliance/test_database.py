"""The database is settled as the design says, and answers only those it should."""

from __future__ import annotations

import contextlib

import psutil
import pytest

from appliance import config, runner, users
from appliance.node import Node
from appliance.services.database import setup
from appliance.services.database.names import BIN, cluster
from appliance.supervise import supervisor_for
from appliance.supervise.base import State
from backup.portal import manage
from tests.appliance import hostile
from tests.appliance.boxes import query, wait_until

NOBODY = users.Account("nobody", 65534, 65534)


def sql(node: Node, statement: str, *, role: str, by: users.Account, password: str = "") -> runner.Completed:
    return runner.run(
        [BIN / "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-c", statement],
        env={
            "PGHOST": str(node.run("database")),
            "PGPORT": str(node.box.database.port),
            "PGUSER": role,
            "PGDATABASE": "korobka",
        },
        secrets={"PGPASSWORD": password} if password else None,
        user=by,
        check=False,
    )


def test_what_is_dear_to_change_later_is_right(box: Node) -> None:
    provider, locale, checksums, wal, archive = query(
        box,
        "select datlocprovider, datlocale, current_setting('data_checksums'), current_setting('wal_level'),"
        " current_setting('archive_mode') from pg_database where datname = current_database()",
    ).split("|")
    assert (provider, locale, checksums, wal, archive) == ("b", "C.UTF-8", "on", "replica", "on")


def test_russian_names_sort_with_an_icu_collation(box: Node) -> None:
    names = query(
        box, "select string_agg(n, '' order by n collate \"ru-x-icu\") from unnest(array['Ж','Ё','А','Е']) n"
    )
    assert names == "АЕЁЖ"


def test_the_extensions_work(box: Node) -> None:
    assert query(box, "select unaccent('ёлка'), similarity('korobka', 'korobca') > 0.3") == "елка|t"


def test_it_listens_on_its_socket_only(box: Node) -> None:
    assert query(box, "show listen_addresses") == ""


def test_setting_up_again_changes_nothing(box: Node) -> None:
    before = query(box, "select oid, rolname from pg_roles order by oid; \\ddp\n\\l korobka\n\\dn+")
    assert setup.is_set_up(box)
    setup.create_cluster(box)
    setup.set_up(box)
    assert query(box, "select oid, rolname from pg_roles order by oid; \\ddp\n\\l korobka\n\\dn+") == before


@pytest.mark.parametrize(
    "damage",
    [
        "alter role korobka_owner password 'other'",
        "drop extension unaccent",
        "alter default privileges for role korobka_owner in schema public"
        " revoke all on tables from korobka_app",
        "alter default privileges for role korobka_owner in schema public"
        " revoke maintain on tables from korobka_app",
        "alter role korobka_owner rename to korobka_other",
    ],
)
def test_what_was_damaged_is_noticed(box: Node, damage: str) -> None:
    query(box, damage)
    try:
        assert not setup.is_set_up(box)
    finally:
        if "rename" in damage:
            query(box, "alter role korobka_other rename to korobka_owner")
        setup.set_up(box)
    assert setup.is_set_up(box)


def test_the_application_uses_what_the_owner_makes_and_makes_nothing(box: Node) -> None:
    owner = {"role": "korobka_owner", "password": box.secrets.database_owner_password}
    portal = users.account(users.PORTAL)
    sql(box, "drop table if exists thing", by=portal, **owner)
    assert sql(box, "create table thing (id serial primary key, name text)", by=portal, **owner).code == 0
    used = sql(box, "insert into thing (name) values ('a') returning name", role="korobka_app", by=portal)
    assert used.stdout.strip() == "a", used.stderr
    analyzed = sql(box, "analyze thing", role="korobka_app", by=portal)
    assert "permission denied" not in analyzed.stderr
    assert query(box, "select reltuples from pg_class where relname = 'thing'") == "1"
    for forbidden in ("create table mine (id int)", "drop table thing", "truncate thing", "create schema s"):
        refused = sql(box, forbidden, role="korobka_app", by=portal)
        assert "permission denied" in refused.stderr or "must be owner" in refused.stderr, forbidden


def test_what_the_owner_leaves_in_its_schema_is_not_found_by_the_superuser(box: Node) -> None:
    left = hostile.left(
        box,
        {"fold(json, name)": ("json", "'[]'::json")},
        "create aggregate public.json_agg(name) (sfunc = public.fold, stype = json)",
        "alter database korobka set search_path = public",
    )
    with left:
        setup.is_set_up(box)
        setup.set_up(box)
        assert not hostile.have_taken(box)
        assert setup.query(box, "show search_path") == "pg_catalog"
        query(box, "alter database korobka reset search_path")


def test_what_the_owner_makes_of_its_migrations_is_not_read_by_the_superuser(box: Node) -> None:
    """A cast belongs to its type and is found from everywhere."""
    left = hostile.left(
        box,
        {"told(mine)": ("text", "'feed'")},
        "create cast (public.mine as text) with function public.told(public.mine)",
        "create table public.django_migrations (app public.mine, name text)",
        "insert into public.django_migrations values ('feed', '0001_initial')",
    )
    query(box, "set role korobka_owner; create type public.mine as enum ('feed')")
    try:
        with left:
            assert setup.applied(box) == ("feed.0001_initial",)
            assert not hostile.have_taken(box)
    finally:
        query(box, "drop table if exists public.django_migrations; drop type public.mine cascade")


def test_a_box_without_tables_has_no_migrations(box: Node) -> None:
    assert setup.applied(box) == ()


@pytest.mark.usefixtures("as_root")
def test_no_process_of_the_portals_user_reads_the_owners_password(box: Node) -> None:
    """What a migration starts is another process of that user, as a web worker is."""
    looking = (
        "import os, subprocess\n"
        "from django.conf import settings\n"
        "print(settings.DATABASES['default']['PASSWORD'])\n"
        "look = ['cat', f'/proc/{os.getpid()}/environ', '/proc/self/environ', f'/proc/{os.getpid()}/maps']\n"
        "seen = subprocess.run(look, capture_output=True, text=True)\n"
        "print(repr(seen.stdout), seen.stderr, os.getresuid(), os.getgroups())\n"
        "gdb = ['gdb', '--batch', '-p', str(os.getpid())]\n"
        "print(subprocess.run(gdb, capture_output=True, text=True).stderr)\n"
    )
    password, *said = manage(
        box, "shell", "-v", "0", "--no-imports", f"--command={looking}", as_owner=True
    ).stdout.splitlines()
    assert password == box.secrets.database_owner_password
    told, portal = "\n".join(said), users.account(users.PORTAL)
    assert password not in told
    assert told.count("Permission denied") == 2 and "KOROBKA_CONFIG" in told
    assert "ptrace: Operation not permitted" in told
    assert f"({portal.uid}, {portal.uid}, {portal.uid}) [{portal.gid}]" in told


@pytest.mark.usefixtures("as_root")
def test_another_local_user_gets_nowhere(box: Node) -> None:
    for role, password in (
        ("postgres", ""),
        ("korobka_app", ""),
        ("korobka_owner", box.secrets.database_owner_password),
    ):
        assert "Permission denied" in sql(box, "select 1", role=role, by=NOBODY, password=password).stderr


@pytest.mark.usefixtures("as_root")
def test_the_portal_is_not_the_superuser(box: Node) -> None:
    portal = users.account(users.PORTAL)
    assert "Peer authentication failed" in sql(box, "select 1", role="postgres", by=portal).stderr
    wrong = sql(box, "select 1", role="korobka_owner", by=portal, password="wrong")
    assert "password authentication failed" in wrong.stderr


def test_what_people_write_is_not_logged(box: Node) -> None:
    portal = users.account(users.PORTAL)
    sql(box, "select 'very private words' from no_such_table", role="korobka_app", by=portal)
    assert "no_such_table" in (box.paths.log / "database.log").read_text()
    assert "very private words" not in (box.paths.log / "database.log").read_text()


def test_memory_follows_the_machine(box: Node) -> None:
    assert query(box, "select pg_size_bytes(current_setting('shared_buffers')) >> 20") == str(
        min(max(box.machine.memory_mb // 4, 256) // 4, 4096)
    )
    assert config.parse("[database]\nmemory_mb = 512").database.memory_mb == 512


def test_one_that_is_abandoned_waits_for_no_archive_and_has_what_was_committed(box: Node) -> None:
    supervisor = supervisor_for(box)
    query(box, "create table kept (word text); insert into kept values ('committed')")
    query(box, "alter system set archive_command = 'sleep 600'", database="postgres")
    query(box, "select pg_reload_conf()")
    try:
        query(box, "select pg_switch_wal()")
        (before,) = supervisor.status("database")
        assert before.pid
        wait_until(lambda: "sleep 600" in commands_below(before.pid))
        supervisor.abandon("database")
        (now,) = supervisor.status("database")
        assert now.state is State.STOPPED
        assert "received immediate shutdown request" in "\n".join(supervisor.logs(["database"], lines=20))
    finally:
        supervisor.abandon("database")
        (cluster(box) / "postgresql.auto.conf").write_text("")
        supervisor.start("database")
    assert query(box, "select word from kept") == "committed"
    query(box, "drop table kept")


def commands_below(pid: int | None) -> list[str]:
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found.append(" ".join(process.cmdline()))
    return found
