"""What a Samba domain controller holds, and what becomes of it here."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ldap3
import pytest

from box.bridges.directory import reader
from box.bridges.directory.client import Directory
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Cursor, Run
from box.core.access.actions import create_role
from box.core.access.principals import codes_of
from box.core.accounts.actions import NewUser, create_user
from box.core.accounts.models import User
from box.core.groups.models import Group
from box.core.structure.models import Department, Membership
from tests.box.bridges.directory.companies import connected, person, picture, previewed, synchronised, told
from tests.directory import entries
from tests.directory.samba import BASE, DISABLED, WITHOUT_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from box.bridges.directory.client import Entry
    from tests.directory.samba import Samba

pytestmark = pytest.mark.django_db

COMPANY = f"OU=Company,{BASE}"
SALES = f"OU=Sales\\, North,{COMPANY}"
# More than a group's members (1,500) or a page of people (1,000) that one answer holds.
MANY = 1600
# Without the crowd.
FEW = "(&(objectCategory=person)(objectClass=user)(!(cn=c*)))"
UNGUARDED = {"guard_people": 10_000, "guard_percent": 100.0, "guard_base_percent": 100.0}


@pytest.fixture(scope="module", autouse=True)
def _company(samba: Samba) -> None:
    groups = [samba.group("Level 0", COMPANY, members=[f"CN=Anna,{SALES}"])]
    for level in range(1, 6):
        groups.append(samba.group(f"Level {level}", COMPANY, members=[groups[-1].dn]))
    crowd = [samba.person(f"c{number}", f"OU=Crowd,{COMPANY}", givenName="C") for number in range(MANY)]
    samba.seed(
        samba.unit("Company"), samba.unit("Sales, North", COMPANY), samba.unit("Crowd", COMPANY),
        samba.unit("Outside"),
        samba.person("anna", SALES, name="Anna", givenName="Анна 🙂", sn="Смирнова", mail="anna@corp.test"),
        samba.person("boris", SALES, name="Boris", givenName="Boris", manager=f"CN=Anna,{SALES}"),
        *crowd, *groups,
        samba.group("Crowd", COMPANY, members=[one.dn for one in crowd]),
    )  # fmt: skip
    samba.keep("company")


@pytest.fixture(autouse=True)
def _anew(samba: Samba) -> Iterator[None]:
    yield
    samba.restore("company")


def rule(name: str, target: str = "workgroup", target_id: int | None = None) -> GroupRule:
    """By its name alone, as long as nobody has looked its id up."""
    return GroupRule("", f"CN={name},{COMPANY}", target, target_id)


def test_nested_groups_five_deep_and_one_of_more_than_an_answer_holds(samba: Samba, olga: User) -> None:
    role = create_role("Sellers", ["feed.announce"], by=olga)
    groups = (rule("Level 5"), rule("Crowd"), rule("Level 3", "role", role.pk))
    connection = connected(samba, COMPANY, rules=UNGUARDED, mapping={"groups": groups})
    run = synchronised(connection)
    assert (run.state, run.error) == (Run.State.DONE, "")
    anna = person("anna")
    assert f"G{Group.objects.get(name='Level 5').pk}" in codes_of(anna)
    crowd = Group.objects.get(name="Crowd")
    assert crowd.members.filter(role="member").count() == MANY
    assert list(role.grants.current().values_list("code", flat=True)) == [f"U{anna.pk}"]
    # The same by reading every group and who is in it, in ranges.
    crowd.delete()
    connection.links.filter(kind="group").delete()
    connection.mapping = replace(connection.mapping, groups=(), all_groups=True)
    connection.save()
    synchronised(connection)
    assert Group.objects.get(name="Crowd").members.filter(role="member").count() == MANY
    five = Group.objects.filter(name="Level 5").latest("id")
    assert set(five.members.filter(role="member").values_list("user", flat=True)) == {anna.pk}

    samba.apply(entries.modify(f"CN=Crowd,{COMPANY}", member=[f"CN=c1,OU=Crowd,{COMPANY}"]))
    run = synchronised(connection)
    assert not run.is_full
    assert Group.objects.get(name="Crowd").members.filter(role="member").count() == 1


def test_groups_in_a_circle_elsewhere_and_the_primary_one(samba: Samba, olga: User) -> None:
    """Where the groups between stand makes no difference, and neither does a group that contains itself."""
    outside = f"OU=Outside,{BASE}"
    inner, loop = (samba.group(name, outside) for name in ("Inner", "Loop"))
    wide = samba.group("Wide", COMPANY)
    samba.add(inner, loop, wide)
    boris_dn, anna_dn = f"CN=Boris,{SALES}", f"CN=Anna,{SALES}"
    samba.apply(entries.modify(wide.dn, member=[inner.dn]))
    samba.apply(entries.modify(inner.dn, member=[loop.dn, boris_dn]))
    samba.apply(entries.modify(loop.dn, member=[wide.dn, inner.dn, anna_dn]))
    everybody = f"CN=Domain Users,CN=Users,{BASE}"
    connection = connected(
        samba, COMPANY, mapping={"groups": (rule("Wide"), GroupRule("", everybody))}, people_filter=FEW,
        group_bases=[COMPANY, everybody],
    )  # fmt: skip
    run = synchronised(connection)
    assert (run.state, run.error) == (Run.State.DONE, "")
    for name in ("Wide", "Domain Users"):
        members = Group.objects.get(name=name).members.filter(role="member")
        assert set(members.values_list("user__login", flat=True)) == {"anna", "boris"}, name
    samba.apply(entries.modify(loop.dn, member=[wide.dn]))
    # Nothing in the bases tells of it, and nothing of any person.
    run = synchronised(connection)
    assert (run.is_full, run.read, run.counts) == (False, 0, {"leave": 1})
    members = Group.objects.get(name="Wide").members.filter(role="member")
    assert set(members.values_list("user__login", flat=True)) == {"boris"}


def test_what_has_not_changed_is_not_read(samba: Samba, olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(samba, COMPANY, mapping={"groups": (rule("Level 5"), rule("Level 3"))})
    assert synchronised(connection).read == 2 + MANY
    search, told_of = Directory.search, Counter[str]()

    def counted(
        self: Directory, base: str, question: str, attributes: Iterable[str], **more: Any
    ) -> Iterator[Entry]:
        wanted = list(attributes)
        kind = next((name for name in ("mail", "member", "uSNChanged") if name in wanted), "others")
        for entry in search(self, base, question, wanted, **more):
            told_of[kind] += 1
            yield entry

    monkeypatch.setattr(Directory, "search", counted)
    run = synchronised(connection)
    assert (run.read, told(run)) == (0, [])
    # Who is there, and how new they and the groups are.
    followed, all_in_them = 2, 6
    assert (told_of["mail"], told_of["member"]) == (0, 0)
    assert told_of["uSNChanged"] == 2 + MANY + followed + all_in_them
    told_of.clear()
    samba.apply(entries.modify(f"CN=Anna,{SALES}", title="Head"))
    run = synchronised(connection)
    assert (run.read, run.counts) == (1, {"change": 1})
    # In which groups she is she says herself.
    assert (told_of["mail"], told_of["member"]) == (1, 0)
    told_of.clear()
    samba.apply(
        entries.modify(f"CN=Level 1,{COMPANY}", member=[f"CN=Level 0,{COMPANY}", f"CN=Boris,{SALES}"])
    )
    run = synchronised(connection)
    assert (run.read, run.counts) == (0, {"join": 2})
    # Both of the followed are read together, with what is in them: six groups, of which one is met twice.
    assert told_of["member"] == 7


def test_disabled_moved_out_deleted_renamed_and_returned(samba: Samba) -> None:
    small = f"OU=Sales\\, North,{COMPANY}"
    people = [samba.person(f"p{number}", small, givenName="P") for number in range(5)]
    samba.add(*people)
    connection = connected(samba, COMPANY, rules=UNGUARDED, people_filter=FEW)
    synchronised(connection)
    ids = dict(User.objects.values_list("login", "pk"))
    sales = Department.objects.get(name="Sales, North")
    assert person("boris").memberships.get().department == sales

    disabled = str(WITHOUT_PASSWORD | DISABLED)
    for one in people:
        samba.apply(entries.modify(one.dn, userAccountControl=disabled))
    samba.apply(entries.move(f"CN=Boris,{SALES}", new_rdn="CN=Boris", parent=f"OU=Outside,{BASE}"))
    run = synchronised(connection)
    assert run.counts["suspend"] == 6
    assert not run.is_full
    gone = User.objects.filter(status="suspended").values_list("login", flat=True)
    assert set(gone) == {"boris", *(f"p{number}" for number in range(5))}

    samba.apply(entries.move(f"CN=Boris,OU=Outside,{BASE}", new_rdn="CN=Boris", parent=SALES))
    samba.apply(entries.modify(f"CN=Anna,{SALES}", sAMAccountName="anna.s"))
    samba.apply(entries.move(SALES, new_rdn="OU=Trade", parent=f"OU=Crowd,{COMPANY}"))
    run = synchronised(connection)
    sales.refresh_from_db()
    assert sales.parent is not None
    assert (sales.name, sales.parent.name) == ("Trade", "Crowd")
    assert person("anna.s").pk == ids["anna"]
    assert (person("boris").pk, person("boris").status) == (ids["boris"], "active")
    assert person("anna.s").memberships.get().department == sales
    assert told(synchronised(connection)) == []


def test_another_domain_controller_means_that_everything_is_read(samba: Samba) -> None:
    connection = connected(samba, COMPANY, people_filter=FEW)
    assert synchronised(connection).is_full
    assert not synchronised(connection).is_full
    server = Cursor.objects.get().server
    assert uuid.UUID(server)
    Cursor.objects.update(server=str(uuid.uuid4()))
    assert synchronised(connection).is_full
    # The same one, put back to an older state: lower numbers.
    Cursor.objects.update(position="9" * 20)
    run = synchronised(connection)
    assert (run.is_full, told(run)) == (True, [])
    assert Cursor.objects.get().server == server


def test_whom_a_unit_names_heads_its_department(samba: Samba) -> None:
    trade = samba.unit("Trade", COMPANY)
    samba.add(trade, samba.person("dora", trade.dn, givenName="Dora"))
    samba.apply(entries.modify(trade.dn, managedBy=f"CN=Anna,{SALES}"))
    connection = connected(samba, COMPANY, mapping={"heads": "managedBy"}, people_filter=FEW)
    synchronised(connection)
    department = Department.objects.get(name="Trade")

    def roles() -> set[tuple[str, str]]:
        return set(department.memberships.values_list("user__login", "role"))

    assert roles() == {("anna", "head"), ("dora", "member")}
    # Nothing but the unit has changed. Who headed it from outside has nothing more to do with it.
    samba.apply(entries.modify(trade.dn, managedBy=f"CN=dora,{trade.dn}"))
    run = synchronised(connection)
    assert (run.is_full, told(run)) == (False, ["head Trade head Анна 🙂 Смирнова>Dora "])
    assert roles() == {("dora", "head")}
    assert person("anna").memberships.get().department.name == "Sales, North"
    samba.apply(entries.modify(trade.dn, managedBy=None))
    synchronised(connection)
    assert roles() == {("dora", "member")}
    assert told(synchronised(connection)) == []


def test_what_is_hard_about_entries(samba: Samba) -> None:
    names = ['Иванов, Иван "Ваня"', "Back\\slash", "plus+sign #1", "Émile 🙂"]
    units = [samba.unit(name, COMPANY) for name in names]
    people = [
        samba.person(f"p{number}", unit.dn, name=name, givenName="P", mail="same@corp.test")
        for number, (unit, name) in enumerate(zip(units, names, strict=True))
    ]
    samba.add(*units, *people, samba.person("nameless", SALES), samba.person("gone", SALES, givenName="G"))
    for one, manager in zip(people, [*people[1:], people[0]], strict=True):
        samba.apply(entries.modify(one.dn, manager=manager.dn, thumbnailPhoto=picture("red")))
    samba.apply(entries.modify(f"CN=gone,{SALES}", manager=f"CN=Administrator,CN=Users,{BASE}"))
    connection = connected(samba, COMPANY, rules=UNGUARDED, people_filter=FEW)
    run = synchronised(connection)
    assert (run.state, run.error) == (Run.State.DONE, "")
    placed = dict(
        User.objects.filter(login__startswith="p").values_list("login", "memberships__department__name")
    )
    assert placed == {f"p{number}": name for number, name in enumerate(names)}
    assert User.objects.filter(email="same@corp.test").count() == 1
    assert not User.objects.filter(login="nameless").exists()
    lines = "\n".join(told(run))
    assert lines.count("same@corp.test is somebody else's") == len(names) - 1
    for reason in ("go round in a circle", "manager Administrator is not among", "It has no name"):
        assert lines.count(reason) == 1, (reason, lines)
    first = person("p0").photo
    assert first is not None
    assert told(synchronised(connection)) == []

    samba.apply(entries.modify(people[0].dn, thumbnailPhoto=picture("blue")))
    samba.apply(entries.delete(f"CN=gone,{SALES}"))
    run = synchronised(connection)
    assert not run.is_full
    second = person("p0").photo
    assert second is not None
    assert second.pk != first.pk
    assert person("gone").status == "suspended"


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that the domain controller is asked, a page being one."""
    asked: list[str] = []
    search = ldap3.Connection.search

    def counted(self: ldap3.Connection, base: str, question: str, **more: Any) -> Any:
        asked.append(f"{base} {question}")
        return search(self, base, question, **more)

    monkeypatch.setattr(ldap3.Connection, "search", counted)
    return asked


def test_of_many_groups_a_change_reads_those_that_it_touches(
    samba: Samba, olga: User, searches: list[str]
) -> None:
    """Thirteen followed groups, each with another one in it, and in one of them a group elsewhere."""
    elsewhere = samba.group("Elsewhere", f"OU=Outside,{BASE}")
    inner = [samba.group(f"In {number}", COMPANY) for number in range(13)]
    outer = [samba.group(f"Out {number}", COMPANY, members=[inner[number].dn]) for number in range(13)]
    samba.add(elsewhere, *inner, *outer)
    samba.apply(entries.modify(inner[3].dn, member=[elsewhere.dn]))
    rules = tuple(rule(f"Out {number}") for number in range(13))
    connection = connected(samba, COMPANY, people_filter=FEW, mapping={"groups": rules})
    assert synchronised(connection).error == ""

    def asked(*changes: str) -> tuple[dict[str, int], int]:
        for change in changes:
            samba.apply(change)
        searches.clear()
        run = synchronised(connection)
        assert (run.state, run.is_full) == (Run.State.DONE, False)
        return run.counts, len(searches)

    anna, boris = f"CN=Anna,{SALES}", f"CN=Boris,{SALES}"
    for changes, counts in (
        ((), {}),
        ((entries.modify(anna, title="Head"),), {"change": 1}),
        ((entries.modify(inner[7].dn, member=[anna]),), {"join": 1}),
        ((entries.modify(elsewhere.dn, member=[boris]),), {"join": 1}),
        ((entries.modify(elsewhere.dn, member=None),), {"leave": 1}),
        ((entries.delete(inner[7].dn),), {"leave": 1}),
    ):
        told_counts, count = asked(*changes)
        assert told_counts == counts
        assert count <= 15, searches
    assert not Group.objects.get(name="Out 3").members.filter(role="member").exists()


def test_samba_tells_at_once_who_is_there_where_they_are_not_too_many(
    samba: Samba, searches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SIGHTINGS", 100)
    connection = connected(samba, COMPANY)

    def asked() -> int:
        searches.clear()
        assert (synchronised(connection).state, connection.links.people().count()) == (
            Run.State.DONE,
            2 + MANY,
        )
        return len(searches)

    # How many they are is not known before they were read once.
    asked()
    at_once = asked()
    monkeypatch.setattr(reader, "TOLD_AT_ONCE", MANY)
    in_pages = asked()
    assert in_pages - at_once == (2 + MANY) // 100


def test_a_renamed_group_renames_its_workgroup_unless_somebody_has_called_it_otherwise(
    samba: Samba, olga: User
) -> None:
    samba.add(samba.group("Sellers", COMPANY), samba.group("Buyers", COMPANY))
    connection = connected(samba, COMPANY, people_filter=FEW, mapping={"all_groups": True})
    synchronised(connection)
    ids = dict(Group.objects.values_list("name", "pk"))
    Group.objects.filter(name="Buyers").update(name="Our buyers")
    for name in ("Sellers", "Buyers"):
        samba.apply(entries.move(f"CN={name},{COMPANY}", new_rdn=f"CN={name} 2", parent=COMPANY))
    run = synchronised(connection)
    assert "change Sellers 2 name Sellers>Sellers 2 " in told(run)
    assert Group.objects.get(name="Sellers 2").pk == ids["Sellers"]
    assert Group.objects.get(name="Our buyers").pk == ids["Buyers"]
    assert told(synchronised(connection)) == []


def test_who_is_in_a_group_and_left_out_here_joins_once_they_come(samba: Samba, olga: User) -> None:
    nameless = samba.person("nameless", SALES)
    samba.add(nameless, samba.group("Sellers", COMPANY, members=[nameless.dn, f"CN=Anna,{SALES}"]))
    connection = connected(samba, COMPANY, people_filter=FEW, mapping={"groups": (rule("Sellers"),)})
    assert synchronised(connection).counts["join"] == 1
    for is_full in (False, True):
        assert "join" not in synchronised(connection, is_full=is_full).counts
    samba.apply(entries.modify(nameless.dn, givenName="Now"))
    assert synchronised(connection).counts == {"create": 1, "join": 1}
    members = Group.objects.get(name="Sellers").members.filter(role="member")
    assert set(members.values_list("user__login", flat=True)) == {"anna", "nameless"}


def test_a_manager_who_comes_into_the_base_gets_their_people(samba: Samba) -> None:
    boss = samba.person("boss", f"OU=Outside,{BASE}", givenName="Boss")
    samba.add(boss)
    trade = samba.unit("Trade", COMPANY)
    dora = samba.person("dora", trade.dn, givenName="Dora", manager=boss.dn)
    samba.add(trade, dora)
    connection = connected(samba, COMPANY, people_filter=FEW)
    synchronised(connection)
    heads = Membership.objects.filter(department__name="Trade", role="head")
    assert not heads.exists()
    samba.apply(entries.move(boss.dn, new_rdn="CN=boss", parent=trade.dn))
    run = synchronised(connection)
    assert not run.is_full
    assert heads.get().user.login == "boss"
    # By another name they are the same.
    samba.apply(entries.move(f"CN=boss,{trade.dn}", new_rdn="CN=The boss", parent=trade.dn))
    synchronised(connection)
    assert heads.get().user.login == "boss"
    assert told(synchronised(connection, is_full=True)) == []


def test_a_unit_emptied_and_deleted_goes_with_its_head(samba: Samba) -> None:
    trade = samba.unit("Trade", COMPANY)
    samba.add(trade, samba.person("boss", trade.dn, givenName="Boss"))
    samba.add(samba.person("dora", trade.dn, givenName="Dora", manager=f"CN=boss,{trade.dn}"))
    connection = connected(samba, COMPANY, people_filter=FEW)
    synchronised(connection)
    assert Membership.objects.get(department__name="Trade", role="head").user.login == "boss"
    for login in ("boss", "dora"):
        samba.apply(entries.move(f"CN={login},{trade.dn}", new_rdn=f"CN={login}", parent=SALES))
    samba.apply(entries.delete(trade.dn))
    run = synchronised(connection)
    assert not run.is_full
    assert not Department.objects.filter(name="Trade").exists()
    assert told(synchronised(connection, is_full=True)) == []


def test_a_department_that_the_portal_keeps_is_found_again_by_its_unit(samba: Samba) -> None:
    trade = samba.unit("Trade", COMPANY)
    samba.add(trade, samba.person("dora", trade.dn, givenName="Dora"))
    connection = connected(samba, COMPANY, people_filter=FEW, rules=UNGUARDED)
    synchronised(connection)
    department = Department.objects.get(name="Trade")
    local = create_user(NewUser(login="local"), password=None, by=None)
    Membership.objects.create(user=local, department=department)
    samba.apply(entries.move(trade.dn, new_rdn="OU=Trade", parent=f"OU=Outside,{BASE}"))
    synchronised(connection)
    department.refresh_from_db()
    assert department.source == ""
    assert told(synchronised(connection)) == []
    samba.apply(entries.move(f"OU=Trade,OU=Outside,{BASE}", new_rdn="OU=Trade", parent=COMPANY))
    run = synchronised(connection)
    department.refresh_from_db()
    assert (department.source, Department.objects.filter(name="Trade").count()) == ("Corp", 1)
    assert any(line.startswith("return Trade") for line in told(run))
    assert person("dora").memberships.get().department == department


def test_an_empty_department_whose_unit_comes_back_keeps_its_number(samba: Samba, olga: User) -> None:
    trade = samba.unit("Trade", COMPANY)
    samba.add(trade)
    connection = connected(samba, COMPANY, people_filter=FEW)
    synchronised(connection)
    number = Department.objects.get(name="Trade").pk
    outside = f"OU=Trade,OU=Outside,{BASE}"
    for _time in range(2):
        samba.apply(entries.move(trade.dn, new_rdn="OU=Trade", parent=f"OU=Outside,{BASE}"))
        run = synchronised(connection)
        assert [line.split()[:2] for line in told(run)] == [["leave", "Trade"]]
        assert not Department.objects.filter(pk=number).exists()
        assert told(synchronised(connection, is_full=True)) == []
        samba.apply(entries.move(outside, new_rdn="OU=Trade", parent=COMPANY))
        for run in (previewed(connection), synchronised(connection)):
            assert told(run) == ["return Trade  > is in the directory again"]
        department = Department.objects.get(name="Trade")
        assert (department.pk, department.source) == (number, "Corp")
    # Made anew it has another id, and is another.
    samba.apply(entries.delete(trade.dn))
    synchronised(connection)
    samba.add(trade)
    synchronised(connection)
    assert Department.objects.get(name="Trade").pk != number


def test_a_broken_picture_hides_no_good_one(samba: Samba) -> None:
    samba.apply(
        entries.modify(f"CN=Anna,{SALES}", thumbnailPhoto=picture("red")[:200], jpegPhoto=picture("blue"))
    )
    connection = connected(samba, COMPANY, people_filter=FEW)
    synchronised(connection)
    assert person("anna").photo is not None


def test_units_that_are_left_out_are_nobodys_and_no_departments(samba: Samba) -> None:
    service = samba.unit("Service", COMPANY)
    samba.add(service, samba.person("robot", service.dn, givenName="Robot"))
    rules = {**UNGUARDED, "excluded": (service.dn.lower(),)}
    connection = connected(samba, COMPANY, people_filter=FEW, rules=rules)
    synchronised(connection)
    assert not User.objects.filter(login="robot").exists()
    assert not Department.objects.filter(name="Service").exists()
    connection.rules = replace(connection.rules, excluded=())
    connection.save()
    synchronised(connection)
    assert person("robot").memberships.get().department.name == "Service"
