"""Whatever is done to a directory, with runs between: after the last of them the box is as it says.

A thorough run (`KOROBKA_THOROUGH=1`, which every release needs) tells 200 companies, 50 of them on an Active
Directory; `KOROBKA_DIRECTORY_SEEDS=20` so many of each kind; `KOROBKA_DIRECTORY_SEED=7` that one again, which
the name of a failed test gives.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.bridges.directory.conflicts import link_entry, separate_entry
from box.bridges.directory.models import Conflict, Connection, Link, Run
from box.bridges.directory.sync import perform_run
from box.core.accounts.models import SignInName, User
from box.core.groups.models import Group
from box.core.structure.models import Department, Membership
from tests import randomness
from tests.box.bridges.directory import oracle
from tests.box.bridges.directory.companies import connected, synchronised
from tests.box.bridges.directory.random_directory import Company

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.box.bridges.directory.oracle import Human, Truth
    from tests.directory.samba import Samba
    from tests.directory.slapd import Slapd

pytestmark = pytest.mark.django_db

READER = "Reader-Passw0rd"
ROUNDS = 8
# Before a release: 200 together.
OPENLDAP_SEEDS, AD_SEEDS = 150, 50
UNGUARDED = {
    "guard_people": 10_000,
    "guard_percent": 100.0,
    "guard_base_percent": 100.0,
    "guard_least": 10_000,
}


def seeds(few: int, thorough: int) -> list[int]:
    """What a release needs no variable makes fewer."""
    first = randomness.seed() % 1_000_000
    if randomness.is_thorough():
        return [first + number for number in range(thorough)]
    if again := os.environ.get("KOROBKA_DIRECTORY_SEED"):
        return [int(again)]
    count = int(os.environ.get("KOROBKA_DIRECTORY_SEEDS", few))
    return [first + number for number in range(count)]


@pytest.fixture(scope="module")
def openldap(slapd: Slapd) -> Slapd:
    slapd.add(slapd.unit("Company"), slapd.unit("Elsewhere"))
    slapd.keep("nobody")
    return slapd


@pytest.fixture(scope="module")
def active_directory(samba: Samba) -> Samba:
    reader = samba.person("reader", password=READER)
    # Where nobody is seen in any group a domain does not say whether that is hidden, and nobody leaves.
    samba.add(
        samba.unit("Company"),
        samba.unit("Elsewhere"),
        reader,
        samba.group("Kept", f"OU=Company,{samba.base}", members=[reader.dn]),
    )
    samba.keep("nobody")
    return samba


def test_a_release_needs_two_hundred_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(randomness.THOROUGH, raising=False)
    monkeypatch.delenv("KOROBKA_DIRECTORY_SEED", raising=False)
    monkeypatch.setenv("KOROBKA_DIRECTORY_SEEDS", "1")
    assert len(seeds(3, OPENLDAP_SEEDS)) == 1
    monkeypatch.setenv(randomness.THOROUGH, "1")
    assert len({*seeds(3, OPENLDAP_SEEDS)}) + len({*seeds(1, AD_SEEDS)}) >= 200


@pytest.mark.parametrize("seed", seeds(3, OPENLDAP_SEEDS))
def test_an_openldap_and_the_box_agree(openldap: Slapd, olga: User, seed: int) -> None:
    openldap.restore("nobody")
    base = f"ou=Company,{openldap.base}"
    company = Company(openldap, base, f"ou=Elsewhere,{openldap.base}", random.Random(seed))
    rules = {**UNGUARDED, "again": "number" if seed % 3 == 0 else "ask"}
    connection = connected(
        openldap, base, rules=rules, mapping={"disabled": "employeeType", "all_groups": True}
    )
    told(company, connection, olga)


@pytest.mark.parametrize("seed", seeds(1, AD_SEEDS))
def test_an_active_directory_and_the_box_agree(active_directory: Samba, olga: User, seed: int) -> None:
    active_directory.restore("nobody")
    base = f"OU=Company,{active_directory.base}"
    outside = f"OU=Elsewhere,{active_directory.base}"
    company = Company(active_directory, base, outside, random.Random(seed), frozenset({"Kept"}))
    rules = {**UNGUARDED, "again": "number" if seed % 3 == 0 else "ask"}
    connection = connected(active_directory, base, rules=rules, mapping={"all_groups": True})
    # An ordinary account, from which rights can be taken away.
    connection.bind_dn, connection.bind_password = "reader@corp.test", READER
    connection.save()
    told(company, connection, olga)


def told(company: Company, connection: Connection, olga: User) -> None:
    dice = company.dice
    company.begin()
    numbers: dict[str, int] = {}
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
        # A unit that was away has the department back that it had.
        standing = dict(connection.links.departments().standing().values_list("stable_id", "object_id"))
        assert standing == {**standing, **{key: numbers[key] for key in standing.keys() & numbers.keys()}}
        numbers |= standing
    company.show()
    run = synchronised(connection, is_full=True)
    assert (run.state, run.error, run.counts.get("failed")) == (Run.State.DONE, "", None)
    truth = oracle.read(company.server, company.base)
    assert company.is_as(truth), company.log
    wrong = list(differences(connection, truth))
    assert not wrong, "\n".join([*wrong, "", *company.log])
    # And there is nothing left to do.
    run = synchronised(connection)
    assert set(run.counts) <= {"skip"}, run.counts


def differences(connection: Connection, truth: Truth) -> list[str]:
    """Where the box is other than the directory says, by the rules."""
    links = {link.stable_id: link for link in connection.links.people()}
    people = {one.pk: one for one in User.objects.filter(pk__in=[link.object_id for link in links.values()])}
    departments = dict(connection.links.departments().standing().values_list("stable_id", "object_id"))
    wrong: list[str] = []
    for stable_id, entry in truth.people.items():
        waits = {one.kind: one for one in connection.conflicts.filter(stable_id=stable_id)}
        reasons = [text for one in waits.values() if (text := baseless(one, truth, links))]
        link = links.get(stable_id)
        if link is not None:
            reasons += of_person(entry, people[link.object_id], waits, departments)
        elif not waits:
            reasons.append("is nobody, and nothing says why")
        wrong += [f"{entry.dn}: {text}" for text in reasons]
    for stable_id in links.keys() - truth.people.keys():
        if people[links[stable_id].object_id].status == User.Status.ACTIVE:
            wrong.append(f"{links[stable_id].dn} is gone, and works here")
    wrong += of_groups(connection, truth, links)
    wrong += of_heads(truth, links, departments)
    return [*wrong, *of_units(connection, truth, departments)]


def of_person(
    entry: Human, person: User, waits: dict[str, Conflict], departments: dict[str, int]
) -> Iterator[str]:
    for name in ("login", "email", "first_name", "last_name"):
        wanted = getattr(entry, name)
        if name == "email" and name in waits:
            wanted = ""
        # Whoever has a login here keeps it where the directory's can be none.
        if name == "login" and (name in waits or " " in wanted):
            continue
        if getattr(person, name) != wanted:
            yield f"the {name} is {getattr(person, name)} and not {wanted}"
    status = User.Status.SUSPENDED if entry.is_disabled else User.Status.ACTIVE
    if person.status != status:
        yield f"is {person.status} and not {status}"
    places = set(person.memberships.values_list("department", flat=True))
    if entry.unit and places != {departments.get(entry.unit)}:
        yield f"belongs to {places} and not to {departments.get(entry.unit)}"


def of_groups(connection: Connection, truth: Truth, links: dict[str, Link]) -> Iterator[str]:
    """Each is a workgroup of its name, of those who are in it, however deep."""
    rows = {one.pk: one for one in Group.objects.filter(source=connection.name)}
    known = dict(connection.links.groups().standing().values_list("stable_id", "object_id"))
    for stable_id, entry in truth.groups.items():
        group = rows.get(known.get(stable_id, 0))
        if group is None or group.name != entry.name:
            yield f"{entry.dn} is {group} here"
            continue
        there = {links[one].object_id for one in entry.people if one in links}
        here = set(group.members.filter(role="member").values_list("user", flat=True))
        if here != there:
            yield f"in {entry.dn} are {here} and not {there}"
    yield from (f"{one} is no group" for pk, one in rows.items() if pk not in known.values())


def of_heads(truth: Truth, links: dict[str, Link], departments: dict[str, int]) -> Iterator[str]:
    wanted = oracle.heads(truth, links.keys() & truth.people.keys())
    for key, department in departments.items():
        heads = list(
            Membership.objects.filter(department=department, role="head").values_list("user", flat=True)
        )
        head = [links[wanted[key]].object_id] if key in wanted else []
        if heads != head:
            yield f"{heads} head department {department}, and not {head}"


def baseless(conflict: Conflict, truth: Truth, links: dict[str, Link]) -> str:
    """Why the list should not say it."""
    if conflict.kind == "again":
        link = Link.objects.people().filter(object_id=conflict.person_id or 0).first()
        return "" if link is not None and link.stable_id not in truth.people else "asks about who is there"
    if conflict.kind not in ("login", "email"):
        return ""
    holder = SignInName.objects.filter(name=conflict.wanted).values_list("person", flat=True).first()
    if holder is None:
        return f"waits for {conflict.wanted}, which nobody has"
    own = next((one for one in links.values() if one.object_id == holder), None)
    entry = truth.people.get(own.stable_id) if own is not None else None
    if own is None or entry is None or conflict.wanted in (entry.login, entry.email):
        return ""
    holds_on = Conflict.objects.filter(stable_id=own.stable_id, kind__in=["login", "email"]).exists()
    return "" if holds_on else f"waits for {conflict.wanted}, which its holder should have given up"


def of_units(connection: Connection, truth: Truth, departments: dict[str, int]) -> Iterator[str]:
    rows = {one.pk: one for one in Department.objects.standing().filter(source=connection.name)}
    for key, unit in truth.units.items():
        department = rows.get(departments.get(key, 0))
        if department is None or department.name != unit.name:
            yield f"{unit.dn} is {department} here"
            continue
        above = departments.get(unit.parent)
        if unit.parent and department.parent_id != above:
            yield f"{unit.dn} stands below {department.parent_id} and not {above}"
    shown = {departments.get(key) for key in truth.units}
    yield from (f"{one} is no unit" for pk, one in rows.items() if pk not in shown)
