"""What the bind account may not read is unknown, and never 'no'."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from box.bridges.directory.actions import answer_guard
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Connection, Cursor, Link, Run
from box.bridges.directory.probe import Step, probe
from box.bridges.directory.sync import perform_run
from box.core.accounts.models import User
from box.core.groups.models import Group
from box.core.structure.models import Department, Membership
from tests.box.bridges.directory.companies import connected, person, picture, synchronised, told
from tests.directory import entries
from tests.directory.samba import BASE, DISABLED, WITHOUT_PASSWORD, harden, soften

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.directory.samba import Samba

pytestmark = pytest.mark.django_db

PEOPLE = f"OU=People,{BASE}"
READER = "Reader-Passw0rd"
LONG_AGO = "116444736000000000"
UNITS = [f"OU=Unit {number},{PEOPLE}" for number in range(6)]
# Of the schema.
MEMBER, TITLE = "bf9679c0-0de6-11d0-a285-00aa003049e2", "bf967a55-0de6-11d0-a285-00aa003049e2"
PHOTO, MANAGER = "8d3bca50-1d7e-11d0-a081-00aa006c33ed", "bf9679b5-0de6-11d0-a285-00aa003049e2"


@pytest.fixture(scope="module", autouse=True)
def _domain(samba: Samba) -> None:
    """anna works, dora is disabled, and six units have two people each."""
    crowd = [
        samba.person(f"p{number}", UNITS[number % 6], givenName="P", title="Clerk") for number in range(12)
    ]
    samba.seed(
        samba.unit("People"), *(samba.unit(f"Unit {number}", PEOPLE) for number in range(6)),
        samba.person("reader", password=READER),
        samba.person("anna", PEOPLE, givenName="Anna", title="Buyer"),
        samba.person("dora", PEOPLE, givenName="Dora", userAccountControl=str(WITHOUT_PASSWORD + DISABLED)),
        *crowd,
        samba.group("Clerks", PEOPLE, members=[one.dn for one in crowd]),
    )  # fmt: skip
    samba.keep("people")


@pytest.fixture(autouse=True)
def _anew(samba: Samba) -> Iterator[None]:
    yield
    samba.restore("people")


def connected_as_reader(samba: Samba, **changes: object) -> Connection:
    connection = connected(samba, PEOPLE, bind_dn="reader@corp.test", **changes)
    connection.bind_password = READER
    connection.save()
    return connection


def reports(run: Run) -> list[str]:
    return [line for line in told(run, "report") if "may not read" in line]


def rights(connection: Connection) -> Step:
    return next(step for step in probe(connection) if step.key == "rights")


def test_after_hardening_nobody_returns_and_nobody_expired_comes(samba: Samba) -> None:
    connection = connected_as_reader(samba)
    assert rights(connection).state == "good"
    synchronised(connection)
    assert person("dora").status == User.Status.SUSPENDED
    samba.add(samba.person("gone", PEOPLE, givenName="Gone", accountExpires=LONG_AGO))
    harden(samba)
    samba.apply(entries.modify(f"CN=dora,{PEOPLE}", title="Seller"))
    samba.apply(entries.modify(f"CN=anna,{PEOPLE}", sn="Smirnova"))
    for is_full in (False, True):
        run = synchronised(connection, is_full=is_full)
        assert (run.state, run.error) == (Run.State.DONE, "")
        assert person("dora").status == User.Status.SUSPENDED
        assert person("anna").status == User.Status.ACTIVE
        assert not User.objects.filter(login="gone").exists()
    assert (person("dora").position, person("anna").last_name) == ("Seller", "Smirnova")
    assert any("skip Gone" in line and "may not read" in line for line in told(run, "skip"))
    assert {line.split()[1] for line in reports(run)} == {"accountExpires", "userAccountControl"}
    soften(samba)
    run = synchronised(connection)
    assert run.is_full, "nothing in the entries tells that they can be read again"
    assert not reports(run)
    samba.apply(entries.modify(f"CN=dora,{PEOPLE}", userAccountControl=str(WITHOUT_PASSWORD)))
    synchronised(connection)
    assert person("dora").status == User.Status.ACTIVE
    assert not Cursor.objects.get(connection=connection).unread


def test_the_expired_stay_expired_and_are_not_dismissed(samba: Samba) -> None:
    connection = connected_as_reader(samba, rules={"dismiss_after_days": 30})
    synchronised(connection)
    samba.apply(entries.modify(f"CN=anna,{PEOPLE}", accountExpires=LONG_AGO))
    synchronised(connection)
    assert person("anna").status == User.Status.SUSPENDED
    harden(samba)
    samba.apply(entries.modify(f"CN=anna,{PEOPLE}", title="Seller"))
    connection.rules = replace(connection.rules, dismiss_after_days=0)
    connection.save()
    synchronised(connection, is_full=True)
    assert person("anna").status == User.Status.SUSPENDED
    link = Link.objects.people().get(object_id=person("anna").pk)
    assert (link.leaving_why, link.expires_at is not None) == ("expired", True)


def test_test_names_the_right_that_is_missing(samba: Samba) -> None:
    harden(samba)
    step = rights(connected_as_reader(samba))
    assert step.state == "bad"
    assert "14 of 14 people" in step.text
    assert "accountExpires, userAccountControl" in step.text
    assert "Read Account Restrictions" in step.text
    assert f'dsacls "{PEOPLE}" /I:S /G "reader@corp.test:RP;Account Restrictions;user"' in step.text


def _deny(samba: Samba, dn: str) -> None:
    samba.tool("dsacl", "set", f"--objectdn={dn}", f"--sddl=(D;;RP;;;{_sid(samba)})")


def _deny_attribute(samba: Samba, dn: str, guid: str) -> None:
    samba.tool("dsacl", "set", f"--objectdn={dn}", f"--sddl=(OD;;RP;{guid};;{_sid(samba)})")


def _sid(samba: Samba) -> str:
    return samba.read(f"CN=reader,CN=Users,{BASE}", "objectSid").partition("objectSid: ")[2].split()[0]


def test_units_that_become_unreadable_leave_everybody_where_they_are(samba: Samba) -> None:
    connection = connected_as_reader(samba)
    synchronised(connection)
    before = set(Membership.objects.values_list("user", "department"))
    known = set(Department.objects.standing().values_list("pk", "name", "parent", "source"))
    assert len(known) == 7
    for unit in UNITS[:5]:
        _deny(samba, unit)
    samba.add(samba.person("newcomer", UNITS[0], givenName="New"))
    assert rights(connection).state == "warn"
    assert "unit 0" in rights(connection).text
    for is_full in (False, True):
        run = synchronised(connection, is_full=is_full)
        assert run.state == Run.State.DONE
        assert before <= set(Membership.objects.values_list("user", "department"))
        assert set(Department.objects.standing().values_list("pk", "name", "parent", "source")) == known
        assert len(reports(run)) == 5
    assert person("newcomer").memberships.get().department.name == "Unit 0"


def test_who_moves_into_a_unit_that_is_not_shown_stays_where_they_were(samba: Samba) -> None:
    connection = connected_as_reader(samba)
    synchronised(connection)
    before = set(person("p0").memberships.values_list("department", flat=True))
    samba.add(samba.unit("Secret", PEOPLE))
    _deny(samba, f"OU=Secret,{PEOPLE}")
    samba.apply(entries.move(f"CN=p0,{UNITS[0]}", new_rdn="CN=p0", parent=f"OU=Secret,{PEOPLE}"))
    synchronised(connection, is_full=True)
    assert set(person("p0").memberships.values_list("department", flat=True)) == before


def test_many_departments_that_go_are_asked_about(samba: Samba, olga: User) -> None:
    connection = connected_as_reader(samba)
    synchronised(connection)
    for number in range(12):
        samba.apply(entries.move(f"CN=p{number},{UNITS[number % 6]}", new_rdn=f"CN=p{number}", parent=PEOPLE))
    for unit in UNITS[:4]:
        samba.apply(entries.delete(unit))
    run = synchronised(connection)
    assert run.state == Run.State.ASKING
    assert "4 of 6 departments" in run.question
    assert Department.objects.standing().count() == 7
    answer_guard(run, is_allowed=True, by=olga)
    run.refresh_from_db()
    perform_run(run)
    assert Department.objects.standing().count() == 3


def test_a_group_that_is_nearly_emptied_is_asked_about(samba: Samba, olga: User) -> None:
    groups = (GroupRule("", f"CN=Clerks,{PEOPLE}"),)
    connection = connected_as_reader(samba, mapping={"groups": groups})
    synchronised(connection)
    group = Group.objects.get(name="Clerks")
    assert group.members.filter(role="member").count() == 12
    samba.apply(entries.modify(f"CN=Clerks,{PEOPLE}", member=[f"CN=p0,{UNITS[0]}"]))
    run = synchronised(connection)
    assert (run.state, "11 of the 12 people of the group Clerks" in run.question) == (Run.State.ASKING, True)
    assert group.members.filter(role="member").count() == 12


def test_members_that_cannot_be_read_leave_no_group(samba: Samba, olga: User) -> None:
    groups = (GroupRule("", f"CN=Clerks,{PEOPLE}"),)
    connection = connected_as_reader(samba, mapping={"groups": groups})
    synchronised(connection)
    group = Group.objects.get(name="Clerks")
    _deny_attribute(samba, f"CN=Clerks,{PEOPLE}", MEMBER)
    run = synchronised(connection, is_full=True)
    assert run.state == Run.State.DONE
    assert group.members.filter(role="member").count() == 12
    assert [line.split()[1] for line in reports(run)] == ["member"]


def test_a_value_that_nobody_shows_any_more_stays(samba: Samba) -> None:
    connection = connected_as_reader(samba, people_bases=[UNITS[0]])
    synchronised(connection)
    for number in (0, 6):
        _deny_attribute(samba, f"CN=p{number},{UNITS[0]}", TITLE)
    samba.apply(entries.modify(f"CN=p0,{UNITS[0]}", sn="Petrov"))
    run = synchronised(connection, is_full=True)
    assert run.state == Run.State.DONE
    assert (person("p0").position, person("p6").position) == ("Clerk", "Clerk")
    assert person("p0").last_name == "Petrov"
    assert [line.split()[1] for line in reports(run)] == ["title"]
    assert "title" in rights(connection).text


def test_photos_and_managers_that_nobody_shows_any_more_stay(samba: Samba) -> None:
    """As long as one of somebody's is seen, an absent one was taken away."""
    unit = UNITS[0]
    samba.apply(entries.modify(f"CN=p0,{unit}", thumbnailPhoto=picture("red")))
    samba.apply(entries.modify(f"CN=p6,{unit}", manager=f"CN=p0,{unit}"))
    connection = connected_as_reader(samba)
    synchronised(connection)
    heads = Membership.objects.filter(role="head")
    photo = person("p0").photo
    assert (photo is not None, heads.get().user.login) == (True, "p0")
    for name, guid in ((f"CN=p0,{unit}", PHOTO), (f"CN=p6,{unit}", MANAGER)):
        _deny_attribute(samba, name, guid)
    samba.apply(entries.modify(f"CN=p0,{unit}", title="Seller"))
    samba.apply(entries.modify(f"CN=p6,{unit}", title="Buyer"))
    for is_full in (False, True):
        run = synchronised(connection, is_full=is_full)
        assert (run.state, run.error) == (Run.State.DONE, "")
        assert (person("p0").photo, heads.get().user.login) == (photo, "p0")
        assert {line.split()[1] for line in reports(run)} == {"manager", "thumbnailPhoto"}
    assert (person("p0").position, person("p6").position) == ("Seller", "Buyer")
    missing = rights(connection).text
    assert "thumbnailPhoto" in missing
    assert "manager" in missing


def test_photos_and_managers_that_are_taken_away_go(samba: Samba) -> None:
    unit = UNITS[0]
    samba.add(samba.person("other", unit, givenName="Other", manager=f"CN=p0,{unit}"))
    for name in ("p0", "p6"):
        samba.apply(
            entries.modify(f"CN={name},{unit}", thumbnailPhoto=picture("red"), manager=f"CN=p0,{unit}")
        )
    connection = connected_as_reader(samba, people_bases=[unit])
    synchronised(connection)
    samba.apply(entries.modify(f"CN=p6,{unit}", thumbnailPhoto=None, manager=None))
    run = synchronised(connection)
    assert (run.state, reports(run)) == (Run.State.DONE, [])
    assert (person("p0").photo is None, person("p6").photo is None) == (False, True)
    link = Link.objects.people().get(object_id=person("p6").pk)
    assert "manager_key" not in link.values


def test_a_value_that_is_taken_away_there_goes_here(samba: Samba) -> None:
    connection = connected_as_reader(samba)
    synchronised(connection)
    samba.apply(f"dn: CN=anna,{PEOPLE}\nchangetype: modify\ndelete: title\n")
    synchronised(connection)
    assert person("anna").position == ""


def test_many_values_that_go_are_asked_about(samba: Samba) -> None:
    """Where some show it and others do not, nobody knows whether it was taken away."""
    connection = connected_as_reader(samba)
    synchronised(connection)
    for number in range(4):
        _deny_attribute(samba, f"CN=p{number},{UNITS[number]}", TITLE)
    run = synchronised(connection, is_full=True)
    assert run.state == Run.State.ASKING
    assert "4 of 14 people" in run.question
    assert "position" in run.question
