"""An import of 10,000 people in 200 units from an OpenLDAP, beside a loop that saves person by person; and of
as many from a Samba Active Directory.

    python -m tests.bench.directory [--people 10000] [--changes 50] [--loop 1000] [--server slapd|samba]

Seconds of the full import, of a run in which nothing changed and of one with 50 changes, each with the
searches that the server was asked for, a page being one, and the load of the machine; memory above the start
for this many people and for a tenth of them; and the loop, on fewer people, as seconds for as many. On the
Samba 13 groups are followed, each with another one in it, and one change is of who is in a group in one of
these, outside of the search bases.
Besides it is looked whether everybody whom the directory shows is here and nobody else, and whether those are
suspended who are deleted and moved out of the search base. Samba needs root, for its ports.

Its database is made anew: one that a killed run has left is taken over, and while another run has it this one
is refused.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests import parts
from tests.directory.lines import administrator
from tests.directory.samba import Samba
from tests.directory.slapd import Slapd
from tests.prefixes import scratch_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.bridges.directory.models import Connection
    from tests.directory.entries import Entry
    from tests.directory.server import Server

UNITS = 200
FULL_AT_MOST, SAME_AT_MOST, CHANGES_AT_MOST = 40.0, 2.0, 5.0
TIMES_AT_LEAST, MEMORY_AT_MOST = 8.0, 1.2
SERVERS = ("slapd", "samba")
EVERYTHING = ["unpaged", "import", "same", "changes", "nested", "leavers"]
GROUPS = 13
SEARCHES_AT_MOST = 15
DATABASE = "bench_directory"
_LOCK = 0x64697262
READER, READER_PASSWORD = "reader", "Reader-Passw0rd"
# Few enough for the guard.
LEAVING, FEWEST = 5, 500


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=50, help="of how many people, in one run")
    parser.add_argument("--loop", type=int, default=1_000)
    parser.add_argument("--server", choices=SERVERS, action="append", help="one alone")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        sys.stdout.write(json.dumps(_measured(json.load(sys.stdin))))
        return 0
    if arguments.people < FEWEST:
        parser.error(f"--people is {FEWEST} or more: of fewer the guard asks about those who leave.")
    if not 0 < arguments.changes <= arguments.people:
        parser.error("--changes is of as many people as there are, at most.")
    os.environ["KOROBKA_CONFIG"] = str(parts.start())
    servers = arguments.server or [name for name in SERVERS if name != "samba" or os.geteuid() == 0]
    if "slapd" in servers:
        small = _with_people("slapd", arguments.people // 10, ["import"])
        what = ["import", "same", "changes", "leavers"]
        large = _with_people("slapd", arguments.people, what, changes=arguments.changes)
        loop = _with_people("slapd", arguments.loop, ["loop"])
        _print_times(arguments.people, arguments.changes, large, "OpenLDAP")
        _print_beside(small, large, loop["loop"] * arguments.people / arguments.loop)
    if "samba" in servers:
        large = _with_people("samba", arguments.people, EVERYTHING, changes=arguments.changes)
        _print_times(arguments.people, arguments.changes, large, "Samba AD")
        _print_samba(large)
    return 0


def _print_times(people: int, changes: int, large: dict[str, float], server: str) -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{people} people in {UNITS} units, {server}; load {load}")
    print("                             seconds   target   searches")
    for what, label, most in (
        ("import", "full import", FULL_AT_MOST),
        ("same", "nothing changed", SAME_AT_MOST),
        ("changes", f"{changes} changes", CHANGES_AT_MOST),
        ("nested", "one in a nested group", CHANGES_AT_MOST),
    ):
        if what in large:
            print(f"  {label:<24} {large[what]:10.2f} {most:8.0f} {large[f'searches-{what}']:10.0f}")
    print(f"    of the import this process {large['cpu']:6.1f}")


def _print_beside(small: dict[str, float], large: dict[str, float], loop: float) -> None:
    print(f"  person by person         {loop:8.1f}")
    print(f"  times faster             {loop / large['import']:8.1f}   {TIMES_AT_LEAST:.0f} at least")
    times = large["memory"] / small["memory"]
    print(
        f"  memory above the start   {large['memory']:8.1f} MB, for a tenth of them {small['memory']:.1f} MB:"
        f" {times:.2f} times   {MEMORY_AT_MOST} at most"
    )


def _print_samba(large: dict[str, float]) -> None:
    print(f"    searches of the nested change: {SEARCHES_AT_MOST} at most")
    print(f"  {LEAVING} deleted, {LEAVING} moved out  {large['leavers']:8.2f}")
    print(f"  memory above the start   {large['memory']:8.1f} MB")
    print(f"  entries that the domain controller tells without pages: {large['unpaged']:.0f}")


def _with_people(kind: str, count: int, what: list[str], *, changes: int = 0) -> dict[str, float]:
    folder = scratch_prefix(f"bench-{kind}-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    server: Server = Samba(folder) if kind == "samba" else Slapd(folder)
    try:
        told = _seeded(server, count) | {"what": what, "changes": changes, "ca": str(server.authority.file)}
        server.start()
        command = [sys.executable, "-m", "tests.bench.directory", "--measure"]
        answer = subprocess.run(
            command, input=json.dumps(told), check=False, stdout=subprocess.PIPE, text=True
        )
        if answer.returncode:
            raise SystemExit(f"Nothing was measured: the process ended with {answer.returncode}.")
        figures: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
        return figures
    finally:
        server.remove()


def _seeded(server: Server, count: int) -> dict[str, Any]:
    """Where the company is, and as whom it is read: on Active Directory as an ordinary user."""
    assert isinstance(server, Slapd | Samba)
    company = server.unit("Company")
    server.seed(company, server.unit("Outside"), *_company(server, company.dn, count))
    known = {
        "base": company.dn,
        "root": server.base,
        "admin": server.admin,
        "admin_password": server.password,
    }
    if isinstance(server, Samba):
        server.seed(*_groups(server, company.dn))
        server.seed(server.person(READER, password=READER_PASSWORD))
        reader = f"{READER}@corp.test"
        return known | {"kind": "ad", "server": server.address, "reader": reader, "password": READER_PASSWORD}
    return known | {
        "kind": "openldap",
        "server": f"{server.address}:{server.port}",
        "reader": server.reader,
        "password": server.reader_password,
    }


def _groups(server: Samba, base: str) -> Iterator[Entry]:
    """Each of the followed has another one in it, and the last of these one elsewhere."""
    yield server.group("Elsewhere", f"OU=Outside,{server.base}")
    for number in range(GROUPS):
        members = [f"CN=Elsewhere,OU=Outside,{server.base}"] if number == 0 else []
        yield server.group(f"Inner {number}", base, members=members)
        yield server.group(f"Group {number}", base, members=[f"CN=Inner {number},{base}"])


def _company(server: Slapd | Samba, base: str, count: int) -> Iterator[Entry]:
    units = [server.unit(f"Unit {number}", base) for number in range(UNITS)]
    yield from units
    for number in range(count):
        unit = units[number % UNITS]
        boss = number % UNITS
        manager = {"manager": f"CN=Person {boss},{unit.dn}"} if number != boss else {}
        phone = f"+7 495 {number % 1000:03}-{number // 1000 % 100:02}-{number % 100:02}"
        yield server.person(
            f"p{number}", unit.dn, name=f"Person {number}", givenName=f"Имя{number}", sn=f"Фамилия{number}",
            mail=f"p{number}@corp.test", title=f"Position {number % 50}",
            telephoneNumber=phone, **manager,
        )  # fmt: skip


def _measured(told: dict[str, Any]) -> dict[str, float]:
    """In a process of its own, with a database of its own: its memory is the import's alone."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "box.settings"
    import django

    django.setup()
    from django.db import connection as database

    from tests.databases import migrated

    # Beside the database of tests, which may be running.
    database.settings_dict["TEST"] |= {"NAME": DATABASE, "TEMPLATE": migrated()}
    with _alone():
        database.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            connection = _connection(told)
            figures: dict[str, float] = {}
            for what in told["what"]:
                with _searches() as asked:
                    figures |= _MEASURES[what](connection, told)
                figures[f"searches-{what}"] = asked[0]
            return figures
        finally:
            database.creation.destroy_test_db(database.settings_dict["NAME"], verbosity=0)


@contextmanager
def _alone() -> Iterator[None]:
    """The database server lets a lock go with the process that holds it, however that ends."""
    import psycopg
    from django.db import connection as database

    parameters = database.get_connection_params()
    for option in ("cursor_factory", "prepare_threshold", "context", "pool"):
        parameters.pop(option, None)
    with psycopg.connect(**{**parameters, "dbname": "postgres"}, autocommit=True) as server:
        row = server.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if row != (True,):
            raise SystemExit("Another run of this bench has the database: wait for it, or end it.")
        yield


def _connection(told: dict[str, Any]) -> Connection:
    from box.bridges.directory.mapping import GroupRule
    from box.bridges.directory.models import Connection
    from box.bridges.directory.presets import preset
    from box.core.accounts.actions import NewUser, create_user

    mapping = preset(told["kind"]).mapping
    if told["kind"] == "ad":
        # Who leads the workgroups that are made.
        create_user(NewUser(login="administrator", is_administrator=True), password=None, by=None)
        rules = tuple(GroupRule("", f"CN=Group {number},{told['base']}") for number in range(GROUPS))
        mapping = replace(mapping, groups=rules)
    connection = Connection(
        name="Corp", kind=told["kind"], servers=[told["server"]], security="starttls",
        ca_pem=Path(told["ca"]).read_text(), bind_dn=told["reader"], people_bases=[told["base"]],
        mapping=mapping, is_on=True, is_confirmed=True,
    )  # fmt: skip
    connection.bind_password = told["password"]
    connection.save()
    return connection


def _import(connection: Connection, told: dict[str, Any]) -> dict[str, float]:
    # A first look at the directory loads what every process loads once.
    _run(connection, "preview", most=1)
    before, busy = _resident(), time.process_time()
    with _watched() as peak:
        seconds = _run(connection, "sync")
    figures = {"import": seconds, "cpu": time.process_time() - busy, "memory": max(peak) - before}
    _compare(connection)
    return figures


def _compare(connection: Connection) -> None:
    """Everybody whom the directory shows is here, by their stable ids, and nobody else is."""
    from box.bridges.directory import client, reader

    with client.connect(connection) as line:
        there = {one.stable_id for one in reader.Reader(line, connection).sightings()}
    here = set(connection.links.people().filter(leaving_since=None).values_list("stable_id", flat=True))
    if there != here or not there:
        raise SystemExit(f"{len(there - here)} are missing, and {len(here - there)} are not in the directory")


def _unpaged(connection: Connection, told: dict[str, Any]) -> dict[str, float]:
    """How many entries the server tells in one answer, for it to be seen that pages are needed."""
    line = administrator(told["server"], told["admin"], told["admin_password"])
    line.search(told["base"], "(objectClass=person)", attributes=["1.1"])
    count = len(line.entries)
    line.unbind()
    return {"unpaged": count}


def _same(connection: Connection, told: dict[str, Any]) -> dict[str, float]:
    return {"same": min(_run(connection, "sync") for _ in range(3))}


def _changes(connection: Connection, told: dict[str, Any]) -> dict[str, float]:
    import ldap3

    line = administrator(told["server"], told["admin"], told["admin_password"])
    for number in range(told["changes"]):
        _did(line, line.modify(_dn(number, told), {"title": [(ldap3.MODIFY_REPLACE, [f"New {number}"])]}))
    line.unbind()
    return {"changes": _run(connection, "sync", expected={"change": told["changes"]})}


def _nested(connection: Connection, told: dict[str, Any]) -> dict[str, float]:
    """Of a group in a group in a followed one, outside of the search bases."""
    import ldap3

    line = administrator(told["server"], told["admin"], told["admin_password"])
    elsewhere = f"CN=Elsewhere,OU=Outside,{told['root']}"
    _did(line, line.modify(elsewhere, {"member": [(ldap3.MODIFY_ADD, [_dn(1, told)])]}))
    line.unbind()
    return {"nested": _run(connection, "sync", expected={"join": 1})}


def _leavers(connection: Connection, told: dict[str, Any]) -> dict[str, float]:
    line = administrator(told["server"], told["admin"], told["admin_password"])
    for number in range(UNITS, UNITS + LEAVING):
        _did(line, line.delete(_dn(number, told)))
    for number in range(UNITS + LEAVING, UNITS + 2 * LEAVING):
        outside = f"OU=Outside,{told['root']}"
        _did(line, line.modify_dn(_dn(number, told), f"CN=Person {number}", new_superior=outside))
    line.unbind()
    seconds = _run(connection, "sync", expected={"suspend": 2 * LEAVING})
    _compare(connection)
    return {"leavers": seconds}


def _dn(number: int, told: dict[str, Any]) -> str:
    return f"CN=Person {number},OU=Unit {number % UNITS},{told['base']}"


def _did(line: Any, is_done: bool) -> None:
    if not is_done:
        raise SystemExit(f"the directory refuses: {line.result}")


def _run(
    connection: Connection, mode: str, *, most: int = 0, expected: dict[str, int] | None = None
) -> float:
    from box.bridges.directory.models import Run
    from box.bridges.directory.sync import perform_run

    if most:
        # Nobody in it: only what is loaded.
        connection.people_filter = "(cn=nobody at all)"
    run = Run.objects.create(connection=connection, mode=mode)
    began = time.perf_counter()
    perform_run(run)
    seconds = time.perf_counter() - began
    connection.people_filter = ""
    run.refresh_from_db()
    if run.state != Run.State.DONE or run.counts.get("failed"):
        raise SystemExit(f"the run is {run.state}: {run.error or run.question or run.counts}")
    if expected is not None and run.counts != expected:
        raise SystemExit(f"the run did {run.counts}, and not {expected}")
    return seconds


def _loop(connection: Connection, told: dict[str, Any]) -> dict[str, float]:
    """What one writes first: of each entry its person is looked for, made, described, placed and linked."""
    from box.bridges.directory import client, reader
    from box.bridges.directory.models import Link
    from box.bridges.directory.plan.values import ACTIVE
    from box.core.accounts.actions import NewUser, create_user, update_profile
    from box.core.accounts.models import Profile, User
    from box.core.structure import actions as org

    began = time.perf_counter()
    root = org.create_department("Company", parent=None, by=None)
    with client.connect(connection) as line:
        directory = reader.Reader(line, connection)
        units = {
            unit.key: org.create_department(unit.name, parent=root, by=None) for unit in directory.units()
        }
        for entry in directory.people():
            person = User.objects.filter(login=entry.fields["login"]).first()
            if person is None:
                fields: dict[str, Any] = dict(entry.fields)
                person = create_user(NewUser(**fields), password=None, by=None)
            changes: dict[str, object] = {
                name: value for name, value in entry.fields.items() if name not in ("login", "email")
            }
            update_profile(person, changes, by=person)
            org.add_member(units.get(entry.unit, root), person, by=None)
            Profile.objects.update_or_create(
                user=person, defaults={"owners": dict.fromkeys(entry.fields, connection.name)}
            )
            Link.objects.update_or_create(
                connection=connection, kind="person", stable_id=entry.stable_id,
                defaults={"object_id": person.pk, "dn": entry.dn, "status": ACTIVE},
            )  # fmt: skip
    return {"loop": time.perf_counter() - began}


_MEASURES = {
    "unpaged": _unpaged,
    "import": _import,
    "same": _same,
    "changes": _changes,
    "nested": _nested,
    "leavers": _leavers,
    "loop": _loop,
}


@contextmanager
def _searches() -> Iterator[list[int]]:
    """How many the server was asked for in the last run, a page being one."""
    import ldap3

    from box.bridges.directory import sync

    asked = [0]
    search, begin = ldap3.Connection.search, sync.perform_run

    def counted(line: Any, *of: Any, **more: Any) -> Any:
        asked[0] += 1
        return search(line, *of, **more)

    def begun(*of: Any, **more: Any) -> None:
        asked[0] = 0
        begin(*of, **more)

    with patch.object(ldap3.Connection, "search", counted), patch.object(sync, "perform_run", begun):
        yield asked


@contextmanager
def _watched() -> Iterator[list[float]]:
    """How much memory this process holds, in MB, looked at 50 times a second."""
    seen = [_resident()]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            seen.append(_resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    raise SystemExit(main())
