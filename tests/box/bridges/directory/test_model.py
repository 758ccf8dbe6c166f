"""Whatever is done to a directory, with runs between: after the last of them the box is as it says.

`KOROBKA_DIRECTORY_SEEDS=200` tells 200 companies of each kind, before a release; `KOROBKA_DIRECTORY_SEED=7`
that one again, which the name of a failed test gives.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.bridges.directory import distinguished_names
from box.bridges.directory.client import connect
from box.bridges.directory.conflicts import link_entry, separate_entry
from box.bridges.directory.models import Conflict, Connection, Link, Run
from box.bridges.directory.plan.units import without_circles
from box.bridges.directory.reader import GroupEntry, PersonEntry, Reader, Unit
from box.bridges.directory.sync import perform_run
from box.core.accounts.models import SignInName, User
from box.core.groups.models import Group
from box.core.structure.models import Department, Membership
from tests import randomness
from tests.box.bridges.directory.companies import connected, synchronised
from tests.box.bridges.directory.random_directory import Company

if TYPE_CHECKING:
    from tests.directory.samba import Samba
    from tests.directory.slapd import Slapd

pytestmark = pytest.mark.django_db

READER = "Reader-Passw0rd"
ROUNDS = 8
UNGUARDED = {
    "guard_people": 10_000,
    "guard_percent": 100.0,
    "guard_base_percent": 100.0,
    "guard_least": 10_000,
}


def seeds(count: int) -> list[int]:
    if again := os.environ.get("KOROBKA_DIRECTORY_SEED"):
        return [int(again)]
    count = int(os.environ.get("KOROBKA_DIRECTORY_SEEDS", count))
    first = randomness.seed() % 1_000_000
    return [first + number for number in range(count)]


@pytest.fixture(scope="module")
def openldap(slapd: Slapd) -> Slapd:
    slapd.keep("nobody")
    return slapd


@pytest.fixture(scope="module")
def active_directory(samba: Samba) -> Samba:
    reader = samba.person("reader", password=READER)
    # Where nobody is seen in any group a domain does not say whether that is hidden, and nobody leaves.
    samba.add(
        samba.unit("Company"), reader, samba.group("Kept", f"OU=Company,{samba.base}", members=[reader.dn])
    )
    samba.keep("nobody")
    return samba


@pytest.mark.parametrize("seed", seeds(3))
def test_an_openldap_and_the_box_agree(openldap: Slapd, olga: User, seed: int) -> None:
    openldap.restore("nobody")
    company = Company(openldap, openldap.base, random.Random(seed))
    rules = {**UNGUARDED, "again": "number" if seed % 3 == 0 else "ask"}
    connection = connected(
        openldap, openldap.base, rules=rules, mapping={"disabled": "employeeType", "all_groups": True}
    )
    told(company, connection, olga)


@pytest.mark.parametrize("seed", seeds(1))
def test_an_active_directory_and_the_box_agree(active_directory: Samba, olga: User, seed: int) -> None:
    active_directory.restore("nobody")
    base = f"OU=Company,{active_directory.base}"
    company = Company(active_directory, base, random.Random(seed))
    rules = {**UNGUARDED, "again": "number" if seed % 3 == 0 else "ask"}
    connection = connected(active_directory, base, rules=rules, mapping={"all_groups": True})
    # An ordinary account, from which rights can be taken away.
    connection.bind_dn, connection.bind_password = "reader@corp.test", READER
    connection.save()
    told(company, connection, olga)


def told(company: Company, connection: Connection, olga: User) -> None:
    dice = company.dice
    company.begin()
    for _round in range(ROUNDS):
        for _change in range(dice.randint(1, 2)):
            company.change()
        if dice.random() < 0.1:
            company.server.stop()
            assert synchronised(connection).state == Run.State.FAILED
            company.server.start()
        if company.is_hidden:
            company.show()
        elif dice.random() < 0.25:
            company.hide()
        run = synchronised(connection, is_full=dice.random() < 0.2)
        assert (run.state, run.error, run.counts.get("failed")) == (Run.State.DONE, "", None), company.log
        for conflict in connection.conflicts.open().filter(kind="again"):
            if dice.random() < 0.5:
                decide = link_entry if dice.random() < 0.6 else separate_entry
                with suppress(ValidationError):
                    perform_run(decide(conflict, by=olga))
    company.show()
    run = synchronised(connection, is_full=True)
    assert (run.state, run.error, run.counts.get("failed")) == (Run.State.DONE, "", None)
    wrong = list(differences(connection))
    assert not wrong, "\n".join([*wrong, "", *company.log])
    # And there is nothing left to do.
    run = synchronised(connection)
    assert set(run.counts) <= {"skip"}, run.counts


def differences(connection: Connection) -> list[str]:
    """Where the box is other than the directory says, by the rules."""
    with connect(connection) as line:
        reader = Reader(line, connection)
        units = reader.units()
        entries = {entry.stable_id: entry for entry in reader.people()}
        groups = {distinguished_names.key(one.dn): one for one in reader.groups(with_members=True)}
    links = {link.stable_id: link for link in connection.links.people()}
    people = {one.pk: one for one in User.objects.filter(pk__in=[link.object_id for link in links.values()])}
    departments = dict(connection.links.departments().standing().values_list("stable_id", "object_id"))
    wrong: list[str] = []
    for stable_id, entry in entries.items():
        waits = {one.kind: one for one in connection.conflicts.filter(stable_id=stable_id)}
        link = links.get(stable_id)
        if link is None:
            if not waits:
                wrong.append(f"{entry.dn} is nobody, and nothing says why")
            wrong += [
                f"{entry.dn}: {text}" for one in waits.values() if (text := baseless(one, entries, links))
            ]
            continue
        wrong += [
            f"{entry.dn}: {text}" for text in of_person(entry, people[link.object_id], waits, departments)
        ]
        wrong += [f"{entry.dn}: {text}" for one in waits.values() if (text := baseless(one, entries, links))]
    for stable_id in links.keys() - entries.keys():
        if people[links[stable_id].object_id].status == User.Status.ACTIVE:
            wrong.append(f"{links[stable_id].dn} is gone, and works here")
    wrong += of_groups(connection, groups, entries, links)
    wrong += of_heads(entries, links, departments)
    return [*wrong, *of_units(connection, units, departments)]


def of_person(
    entry: PersonEntry, person: User, waits: dict[str, Conflict], departments: dict[str, int]
) -> list[str]:
    wrong: list[str] = []
    has_login = " " not in entry.fields.get("login", "")
    for name in ("login", "email", "first_name", "last_name"):
        wanted = entry.fields.get(name, "")
        if name == "email" and name in waits:
            wanted = ""
        if getattr(person, name) != wanted and (name != "login" or (has_login and name not in waits)):
            wrong.append(f"the {name} is {getattr(person, name)} and not {wanted}")
    status = User.Status.SUSPENDED if entry.is_disabled else User.Status.ACTIVE
    if person.status != status:
        wrong.append(f"is {person.status} and not {status}")
    places = set(person.memberships.values_list("department", flat=True))
    if entry.unit and places != {departments.get(entry.unit)}:
        wrong.append(f"belongs to {places} and not to {departments.get(entry.unit)}")
    return wrong


def of_groups(
    connection: Connection,
    groups: dict[str, GroupEntry],
    entries: dict[str, PersonEntry],
    links: dict[str, Link],
) -> list[str]:
    """Each is a workgroup of its name, of those who are in it, however deep."""
    wrong: list[str] = []
    ids = {distinguished_names.key(entry.dn): stable_id for stable_id, entry in entries.items()}
    rows = {one.pk: one for one in Group.objects.filter(source=connection.name)}
    known = dict(connection.links.groups().standing().values_list("stable_id", "object_id"))
    for key, entry in groups.items():
        group = rows.get(known.get(entry.stable_id, 0))
        if group is None or group.name != entry.name:
            wrong.append(f"{entry.dn} is {group} here")
            continue
        inside, names = {key}, set[str]()
        while True:
            names = {distinguished_names.key(dn) for one in inside for dn in groups[one].members}
            more = (names & groups.keys()) - inside
            if not more:
                break
            inside |= more
        there = {links[ids[name]].object_id for name in names & ids.keys() if ids[name] in links}
        here = set(group.members.filter(role="member").values_list("user", flat=True))
        if here != there:
            wrong.append(f"in {entry.dn} are {here} and not {there}")
    return [*wrong, *(f"{one} is no group" for pk, one in rows.items() if pk not in known.values())]


def of_heads(
    entries: dict[str, PersonEntry], links: dict[str, Link], departments: dict[str, int]
) -> list[str]:
    """Whom most in a department name, of those in it; of each circle one edge is left out."""
    ids = {distinguished_names.key(entry.dn): stable_id for stable_id, entry in entries.items()}
    here = {stable_id: entry for stable_id, entry in entries.items() if stable_id in links}
    managers = {
        stable_id: manager
        for stable_id, entry in here.items()
        if entry.manager
        and (manager := ids.get(distinguished_names.key(entry.manager), "")) not in ("", stable_id)
    }
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for stable_id, manager in without_circles(managers).managers.items():
        if manager in here and here[manager].unit == here[stable_id].unit:
            votes[here[stable_id].unit][manager] += 1
    wrong = []
    for key, department in departments.items():
        most = max(votes[key].values(), default=0)
        able = sorted(one for one, count in votes[key].items() if count == most)
        wanted = [links[able[0]].object_id] if able else []
        heads = list(
            Membership.objects.filter(department=department, role="head").values_list("user", flat=True)
        )
        if heads != wanted:
            wrong.append(f"{heads} head department {department}, and not {wanted}")
    return wrong


def baseless(conflict: Conflict, entries: dict[str, PersonEntry], links: dict[str, Link]) -> str:
    """Why the list should not say it."""
    if conflict.kind == "again":
        link = Link.objects.people().filter(object_id=conflict.person_id or 0).first()
        return "" if link is not None and link.stable_id not in entries else "asks about who is there"
    if conflict.kind not in ("login", "email"):
        return ""
    holder = SignInName.objects.filter(name=conflict.wanted).values_list("person", flat=True).first()
    if holder is None:
        return f"waits for {conflict.wanted}, which nobody has"
    own = next((one for one in links.values() if one.object_id == holder), None)
    entry = entries.get(own.stable_id) if own is not None else None
    if entry is None or conflict.wanted in (entry.fields.get("login"), entry.fields.get("email")):
        return ""
    holds_on = Conflict.objects.filter(stable_id=entry.stable_id, kind__in=["login", "email"]).exists()
    return "" if holds_on else f"waits for {conflict.wanted}, which its holder should have given up"


def of_units(connection: Connection, units: list[Unit], departments: dict[str, int]) -> list[str]:
    wrong: list[str] = []
    rows = {one.pk: one for one in Department.objects.standing().filter(source=connection.name)}
    shown = {unit.key: unit for unit in units}
    for key, unit in shown.items():
        department = rows.get(departments.get(key, 0))
        if department is None or department.name != unit.name:
            wrong.append(f"{unit.dn} is {department} here")
            continue
        above = departments.get(unit.parent)
        if unit.parent and department.parent_id != above:
            wrong.append(f"{unit.dn} stands below {department.parent_id} and not {above}")
    wrong += [
        f"{one} is no unit" for pk, one in rows.items() if pk not in {departments.get(key) for key in shown}
    ]
    return wrong
