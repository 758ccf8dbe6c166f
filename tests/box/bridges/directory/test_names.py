"""Logins and e-mails that change hands in an Active Directory, and people whose entries were made anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.bridges.directory.conflicts import link_entry, separate_entry, unlink_person
from box.bridges.directory.explanation import explain
from box.bridges.directory.models import Conflict, Connection, Link, Run
from box.bridges.directory.sync import perform_run
from box.core.accounts.actions import NewUser, create_user, dismiss_user
from box.core.accounts.custom_fields import EDITORS, PROFILE, write_texts
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.fields.actions import FieldDraft, add_field
from box.core.groups.models import Group
from tests.box.bridges.directory.companies import connected, person, previewed, synchronised, told
from tests.directory import entries
from tests.directory.samba import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.directory.samba import Samba

pytestmark = pytest.mark.django_db

PEOPLE = f"OU=People,{BASE}"
LOGINS = ("anna", "boris", "cara", "dora")
UNGUARDED = {"guard_people": 1000, "guard_percent": 100.0, "guard_base_percent": 100.0}


def dn(login: str) -> str:
    return f"CN={login},{PEOPLE}"


@pytest.fixture(scope="module", autouse=True)
def _people(samba: Samba) -> None:
    samba.seed(
        samba.unit("People"),
        *(
            samba.person(
                login, PEOPLE, givenName=login.title(), sn=f"{login.title()}ova", mail=f"{login}@corp.test",
                employeeID=f"10-{login}", userPrincipalName=f"{login}@elsewhere.test",
            )
            for login in LOGINS
        ),
    )  # fmt: skip
    samba.keep("people")


@pytest.fixture(autouse=True)
def _anew(samba: Samba) -> Iterator[None]:
    yield
    samba.restore("people")


@pytest.fixture
def connection(samba: Samba) -> Connection:
    made = connected(samba, PEOPLE, rules=UNGUARDED)
    assert synchronised(made).error == ""
    return made


def names() -> dict[str, tuple[str, str]]:
    """By first name the login and the e-mail."""
    rows = User.objects.exclude(first_name="").values_list("first_name", "login", "email")
    return {first: (login, email.partition("@")[0]) for first, login, email in rows}


def give(samba: Samba, names_of: dict[str, str]) -> None:
    """Logins and e-mails by whom they were of; a login is another's only after that one has left it."""
    for login in names_of:
        samba.apply(entries.modify(dn(login), sAMAccountName=f"tmp-{login}"))
    for login, new in names_of.items():
        samba.apply(entries.modify(dn(login), sAMAccountName=new, mail=f"{new}@corp.test"))


def anew(samba: Samba, who: str, **changed: str) -> None:
    """The entry is deleted, and another made for the same person."""
    samba.apply(entries.delete(dn(who)))
    attributes = {
        "givenName": who.title(), "sn": f"{who.title()}ova", "mail": f"{who}@corp.test",
        "employeeID": f"10-{who}", "userPrincipalName": f"{who}@anew.test", **changed,
    }  # fmt: skip
    login = attributes.pop("login", who)
    held = {name: value for name, value in attributes.items() if value}
    samba.add(samba.person(login, PEOPLE, name=who, **held))


def open_conflicts() -> list[tuple[str, str, str]]:
    return sorted(Conflict.objects.open().values_list("name", "kind", "rule"))


@pytest.mark.parametrize("is_full", [False, True])
def test_names_that_were_swapped_and_rotated_are_where_they_belong(
    samba: Samba, connection: Connection, is_full: bool
) -> None:
    ids = dict(User.objects.values_list("first_name", "pk"))
    give(samba, {"anna": "boris", "boris": "anna"})
    run = synchronised(connection, is_full=is_full)
    assert (run.state, run.error, run.is_full) == (Run.State.DONE, "", is_full)
    assert names()["Anna"] == ("boris", "boris")
    assert names()["Boris"] == ("anna", "anna")
    give(samba, {"anna": "cara", "boris": "boris", "cara": "anna"})
    run = synchronised(connection, is_full=is_full)
    assert names() == {
        "Anna": ("cara", "cara"), "Boris": ("boris", "boris"), "Cara": ("anna", "anna"),
        "Dora": ("dora", "dora"),
    }  # fmt: skip
    assert dict(User.objects.values_list("first_name", "pk")) == ids
    assert told(synchronised(connection, is_full=True)) == []
    assert open_conflicts() == []


def test_a_name_passes_to_somebody_new_in_the_same_run(samba: Samba, connection: Connection) -> None:
    samba.apply(entries.modify(dn("anna"), sAMAccountName="anna.a", mail="anna.a@corp.test"))
    samba.add(samba.person("anna", PEOPLE, name="Another", givenName="Another", mail="anna@corp.test"))
    run = synchronised(connection)
    assert run.counts == {"change": 2, "create": 1}
    assert (names()["Anna"], names()["Another"]) == (("anna.a", "anna.a"), ("anna", "anna"))


def test_who_waits_for_a_name_gets_it_when_it_is_free(samba: Samba, connection: Connection) -> None:
    local = create_user(NewUser(login="lodger", email="dora.b@corp.test"), password=None, by=None)
    User.objects.filter(pk=local.pk).update(is_extranet=True)
    samba.apply(entries.modify(dn("dora"), mail="dora.b@corp.test"))
    samba.add(samba.person("lodger", PEOPLE, givenName="Waiting"))
    for counts in ({"change": 1, "report": 1, "skip": 1}, {}):
        run = synchronised(connection)
        assert (run.counts, run.is_full) == (counts, False)
        assert open_conflicts() == [("Dora Doraova", "email", ""), ("Waiting", "login", "")]
    # Nobody keeps an e-mail that the directory says is another's.
    assert names()["Dora"] == ("dora", "")
    conflict = Conflict.objects.get(kind="login")
    assert (conflict.person_id, conflict.wanted) == (local.pk, "lodger")
    assert "somebody else's already" in conflict.reason
    assert "another login" in conflict.cure
    with pytest.raises(ValidationError, match="outside guest"):
        link_entry(conflict, by=local)
    User.objects.filter(pk=local.pk).update(login="visitor", email="")
    run = synchronised(connection)
    assert (run.counts, run.is_full) == ({"change": 1, "create": 1}, False)
    assert names()["Dora"] == ("dora", "dora.b")
    assert (names()["Waiting"], open_conflicts()) == (("lodger", ""), [])


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"mail": "other@corp.test", "sn": "Other", "login": "other"}, "number"),
        ({"mail": "other@corp.test", "sn": "Other", "employeeID": "9"}, "login"),
        ({"login": "other", "sn": "Other", "employeeID": "9"}, "email"),
        ({"login": "other", "mail": "other@corp.test", "employeeID": "9"}, "name"),
    ],
)
def test_an_entry_made_anew_is_asked_about_and_linked_in_one_step(
    samba: Samba, connection: Connection, olga: User, changed: dict[str, str], rule: str
) -> None:
    anna = person("anna")
    anew(samba, "anna", **changed)
    preview = previewed(connection)
    assert any("The same person again?" in line for line in told(preview, "skip"))
    for is_full in (False, True):
        synchronised(connection, is_full=is_full)
        assert [(kind, by) for _name, kind, by in open_conflicts()] == [("again", rule)]
    anna.refresh_from_db()
    assert anna.status == User.Status.SUSPENDED
    # Nobody dismisses who is asked about.
    synchronised(connection, now=timezone.now() + timedelta(days=60))
    anna.refresh_from_db()
    assert anna.status == User.Status.SUSPENDED
    conflict = Conflict.objects.get()
    assert conflict.person == anna
    perform_run(link_entry(conflict, by=olga))
    anna.refresh_from_db()
    assert anna.status == User.Status.ACTIVE
    assert (anna.login, anna.first_name) == (changed.get("login", "anna"), "Anna")
    assert Link.objects.people().filter(object_id=anna.pk).count() == 1
    assert (open_conflicts(), User.objects.filter(first_name="Anna").count()) == ([], 1)
    assert told(synchronised(connection, is_full=True)) == []
    with pytest.raises(ValidationError, match="done already"):
        link_entry(conflict, by=olga)


def test_an_entry_made_anew_is_somebody_else_if_an_administrator_says_so(
    samba: Samba, connection: Connection, olga: User
) -> None:
    anna = person("anna")
    anew(samba, "anna")
    synchronised(connection)
    perform_run(separate_entry(Conflict.objects.get(), by=olga))
    anna.refresh_from_db()
    assert (anna.login, anna.email, anna.status) == (f"anna.{anna.pk}", "", "suspended")
    assert person("anna").pk != anna.pk
    assert person("anna").email == "anna@corp.test"
    assert open_conflicts() == []
    assert told(synchronised(connection, is_full=True)) == []
    synchronised(connection, now=timezone.now() + timedelta(days=31))
    anna.refresh_from_db()
    assert anna.status == User.Status.DISMISSED


def test_by_rule_the_same_employee_number_is_the_same_person(samba: Samba, connection: Connection) -> None:
    connection.rules = replace(connection.rules, again="number")
    connection.save()
    anna = person("anna")
    anew(samba, "anna", login="anna.b", mail="anna.b@corp.test")
    anew(samba, "boris", employeeID="")
    run = synchronised(connection)
    anna.refresh_from_db()
    assert (anna.login, anna.status) == ("anna.b", User.Status.ACTIVE)
    assert run.counts["link"] == 1
    assert [(kind, by) for _name, kind, by in open_conflicts()] == [("again", "login")]
    assert told(synchronised(connection)) == []


@pytest.mark.parametrize("is_asked", [False, True])
def test_whose_entry_was_made_anew_is_in_the_groups_of_the_new_one_alone(
    samba: Samba, connection: Connection, olga: User, is_asked: bool
) -> None:
    old, both = (samba.group(name, PEOPLE, members=[dn("anna")]) for name in ("Old", "Both"))
    samba.add(old, both)
    connection.rules = replace(connection.rules, again="ask" if is_asked else "number")
    connection.mapping = replace(connection.mapping, all_groups=True)
    connection.save()
    synchronised(connection)
    anna = person("anna")

    def inside() -> set[str]:
        return set(Group.objects.filter(members__user=anna, source="Corp").values_list("name", flat=True))

    assert inside() == {"Old", "Both"}
    anew(samba, "anna")
    samba.apply(entries.modify(both.dn, member=[dn("anna")]))
    synchronised(connection)
    if is_asked:
        perform_run(link_entry(Conflict.objects.get(), by=olga))
    assert inside() == {"Both"}
    # Unlinked, they keep what they have; linked again, the group says it.
    unlink_person(Link.objects.people().get(object_id=anna.pk), by=olga)
    samba.apply(entries.modify(both.dn, member=None))
    synchronised(connection)
    assert inside() == {"Both"}
    assert told(synchronised(connection)) == []


def test_who_works_here_already_is_known_by_the_employee_number(
    samba: Samba, connection: Connection, olga: User
) -> None:
    numbers = add_field(PROFILE, FieldDraft("Personnel number", writers=EDITORS), by=olga)
    connection.rules = replace(connection.rules, number_field=numbers.key)
    connection.save()
    here = create_user(NewUser(login="frida.hr", email="frida@elsewhere.test"), password=None, by=olga)
    successor = create_user(NewUser(login="gleb.hr", email="gleb@corp.test"), password=None, by=olga)
    write_texts({here.pk: {numbers.key: "20-1"}, successor.pk: {numbers.key: "20-9"}})
    samba.add(
        samba.person("frida", PEOPLE, mail="frida@corp.test", givenName="Frida", sn="F", employeeID="20-1"),
        samba.person("gleb", PEOPLE, mail="gleb@corp.test", givenName="Gleb", sn="G", employeeID="20-2"),
    )
    run = synchronised(connection)
    assert (run.counts["link"], run.counts["create"]) == (1, 1)
    here.refresh_from_db()
    assert (here.login, here.email) == ("frida", "frida@corp.test")
    # Another number, another person: the e-mail stays whose it is, and the list says so.
    assert person("gleb").email == ""
    assert open_conflicts() == [("Gleb G", "email", "")]


def test_nobody_becomes_another_by_a_number_that_they_have_written_themselves(
    samba: Samba, connection: Connection, olga: User
) -> None:
    numbers = add_field(PROFILE, FieldDraft("Personnel number"), by=olga)
    connection.rules = replace(connection.rules, number_field=numbers.key)
    connection.save()
    sly = create_user(NewUser(login="sly"), password=None, by=olga)
    known = create_user(NewUser(login="gleb.hr", email="gleb@corp.test"), password=None, by=olga)
    write_texts({sly.pk: {numbers.key: "20-1"}, known.pk: {numbers.key: "20-9"}})
    samba.add(
        samba.person("frida", PEOPLE, givenName="Frida", sn="F", employeeID="20-1"),
        samba.person("gleb", PEOPLE, mail="gleb@corp.test", givenName="Gleb", sn="G", employeeID="20-2"),
    )
    synchronised(connection)
    people = Link.objects.people()
    assert not people.filter(object_id=sly.pk).exists()
    # The rules about e-mails are as they would be without.
    assert people.filter(object_id=known.pk).exists()


def test_who_was_erased_and_works_here_again_is_in_their_groups(
    samba: Samba, connection: Connection, olga: User
) -> None:
    samba.add(samba.group("Team", PEOPLE, members=[dn("anna")]))
    connection.mapping = replace(connection.mapping, all_groups=True)
    connection.save()
    synchronised(connection)
    anna = person("anna")
    dismiss_user(anna, by=olga)
    usual = connection.people_filter
    connection.people_filter = "(&(objectCategory=person)(!(sAMAccountName=anna)))"
    connection.save()
    synchronised(connection)
    erase_person(anna, by=olga)
    connection.people_filter = usual
    connection.save()
    synchronised(connection)
    again = person("anna")
    assert again.pk != anna.pk
    assert Group.objects.filter(members__user=again).exists()


def test_nobody_of_the_console_is_taken_over_or_renamed_by_an_entry_made_anew(
    samba: Samba, connection: Connection, olga: User
) -> None:
    connection.rules = replace(connection.rules, again="number")
    connection.save()
    anna = person("anna")
    User.objects.filter(pk=anna.pk).update(is_administrator=True)
    anew(samba, "anna", login="anna.b", mail="anna.b@corp.test")
    synchronised(connection)
    assert [(kind, by) for _name, kind, by in open_conflicts()] == [("again", "number")]
    for decide in (link_entry, separate_entry):
        with pytest.raises(ValidationError, match="role of the Console"):
            decide(Conflict.objects.get(), by=olga)
    anna.refresh_from_db()
    assert (anna.login, anna.email) == ("anna", "anna@corp.test")


def test_whose_entry_is_back_gives_nothing_up(samba: Samba, connection: Connection, olga: User) -> None:
    anna = person("anna")
    anew(samba, "anna")
    synchronised(connection)
    # Before a run has seen it.
    Link.objects.people().filter(object_id=anna.pk).update(leaving_why="", leaving_since=None)
    for decide in (link_entry, separate_entry):
        with pytest.raises(ValidationError, match="another entry already"):
            decide(Conflict.objects.get(), by=olga)
    anna.refresh_from_db()
    assert anna.login == "anna"


def test_where_who_is_gone_is_kept_an_entry_made_anew_is_linked_too(
    samba: Samba, connection: Connection, olga: User
) -> None:
    connection.rules = replace(connection.rules, gone="keep")
    connection.save()
    anna = person("anna")
    anew(samba, "anna", login="anna.b")
    synchronised(connection)
    perform_run(link_entry(Conflict.objects.get(), by=olga))
    anna.refresh_from_db()
    assert (anna.login, anna.status, open_conflicts()) == ("anna.b", User.Status.ACTIVE, [])


def test_one_person_is_unlinked_and_linked_again(samba: Samba, connection: Connection, olga: User) -> None:
    anna = person("anna")
    unlink_person(Link.objects.people().get(object_id=anna.pk), by=olga)
    anna.refresh_from_db()
    assert not anna.owners
    for is_full in (False, True):
        samba.apply(entries.modify(dn("anna"), title=f"Changed {is_full}"))
        synchronised(connection, is_full=is_full)
        assert open_conflicts() == [("Anna Annaova", "apart", "")]
    anna.refresh_from_db()
    assert (anna.position, anna.status) == ("", "active")
    perform_run(link_entry(Conflict.objects.get(), by=olga))
    anna.refresh_from_db()
    assert (anna.position, anna.owners["login"], open_conflicts()) == ("Changed True", "Corp", [])


def test_what_waits_goes_with_its_entry(samba: Samba, connection: Connection) -> None:
    samba.add(samba.person("nameless", PEOPLE))
    synchronised(connection)
    assert open_conflicts() == [("nameless", "no_name", "")]
    assert "It has no name" in "\n".join(explain(connection, "nameless", now=timezone.now()))
    samba.apply(entries.delete(dn("nameless")))
    synchronised(connection)
    assert open_conflicts() == []
