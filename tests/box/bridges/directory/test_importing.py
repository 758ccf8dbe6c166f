"""What an OpenLDAP holds, and what becomes of it here."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from PIL import Image

from box.bridges.directory.actions import delete_connection, save_connection
from box.bridges.directory.apply import Performer
from box.bridges.directory.department_heads import HeadStep, perform_heads
from box.bridges.directory.explanation import explain
from box.bridges.directory.mapping import FieldRule, GroupRule
from box.bridges.directory.models import Change, Conflict, Connection, Link, Run
from box.bridges.directory.reader import DEEPEST
from box.core.access.actions import create_role, delete_role
from box.core.accounts.actions import NewUser, create_user, dismiss_user
from box.core.accounts.custom_fields import PROFILE, texts_of_many
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import Session, User
from box.core.events.models import Event
from box.core.fields.actions import FieldDraft, add_field, archive_field
from box.core.fields.models import Field
from box.core.fields.values import rows_of
from box.core.files import decoder, decoder_client
from box.core.files.store import store
from box.core.groups.actions import GroupRefused, NewGroup, create_group, leave_group
from box.core.groups.models import Group
from box.core.people.merging import merge_people
from box.core.structure.actions import create_department
from box.core.structure.models import Department, Membership
from tests.box.bridges.directory.companies import connected, person, picture, previewed, synchronised, told
from tests.directory import entries
from tests.directory.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.directory.slapd import Slapd

pytestmark = pytest.mark.django_db

DISABLED = {"mapping": {"disabled": "employeeType"}}
# Few people in these companies: one of them is many percent.
UNGUARDED = {"guard_people": 1000, "guard_percent": 100.0, "guard_base_percent": 100.0}


@pytest.fixture(scope="module", autouse=True)
def _kept(slapd: Slapd) -> None:
    slapd.keep("nobody")


@pytest.fixture(autouse=True)
def _anew(slapd: Slapd) -> Iterator[None]:
    yield
    if not slapd.is_running:
        slapd.start()
    slapd.restore("nobody")


def test_people_and_departments_are_imported_once(slapd: Slapd) -> None:
    sales = slapd.unit("Sales, North", slapd.base)
    slapd.seed(
        sales,
        slapd.person("anna", sales.dn, name="Anna", givenName="Анна", sn="Смирнова 🙂", mail="Anna@Corp.test",
                     telephoneNumber="8 (495) 123-45-67", title="Sales"),
        slapd.person("boris", sales.dn, name="Boris", givenName="Boris", manager=f"cn=Anna,{sales.dn}"),
    )  # fmt: skip
    connection = connected(slapd)
    preview = previewed(connection)
    assert (preview.state, User.objects.count(), Department.objects.count()) == (Run.State.DONE, 0, 0)
    assert {line.split(" ")[0] for line in told(preview)} == {"create", "head"}
    run = synchronised(connection)
    assert (run.state, run.error) == (Run.State.DONE, "")
    anna = person("anna")
    assert (anna.name, anna.email, anna.phone) == ("Анна Смирнова 🙂", "anna@corp.test", "+74951234567")
    department = Department.objects.get(name="Sales, North")
    assert department.source == "Corp"
    assert set(department.memberships.values_list("user__login", "role")) == {
        ("anna", "head"),
        ("boris", "member"),
    }
    owned = ["login", "email", "first_name", "last_name", "phone", "position", "departments"]
    assert anna.owners == dict.fromkeys(owned, "Corp")
    again = synchronised(connection)
    assert (again.counts, told(again), again.is_full) == ({}, [], False)
    assert User.objects.count() == Link.objects.filter(kind="person").count() == 2
    assert set(User.objects.filter(search_text__contains="smirnova").values_list("login", flat=True)) == {
        "anna"
    }


def test_hard_names_get_the_right_person_and_department(slapd: Slapd) -> None:
    names = ['Иванов, Иван "Ваня"', "Back\\slash", "trailing ", "#hash", "plus+sign", "Émile 🙂", " leading"]
    units = [slapd.unit(name) for name in names]
    slapd.seed(
        *units,
        *(slapd.person(f"p{number}", unit.dn, name=name, givenName="P", sn=str(number))
          for number, (unit, name) in enumerate(zip(units, names, strict=True))),
        slapd.person("boss", units[0].dn, name="Boss, the"),
    )  # fmt: skip
    for number, (unit, name) in enumerate(zip(units, names, strict=True)):
        slapd.apply(entries.modify(entries.rdn("cn", name, unit.dn), manager=f"cn=Boss\\, the,{units[0].dn}"))
        assert number < 99
    assert synchronised(connected(slapd)).state == Run.State.DONE
    placed = dict(Membership.objects.values_list("user__login", "department__name"))
    assert placed == {
        **{f"p{number}": " ".join(name.split()) for number, name in enumerate(names)},
        "boss": " ".join(names[0].split()),
    }
    boss = person("boss")
    assert Membership.objects.get(user=boss).role == "head"


def test_what_is_wrong_with_an_entry_is_reported_and_the_rest_goes_on(slapd: Slapd) -> None:
    here = slapd.base
    slapd.seed(
        slapd.person("anna", here, givenName="Anna", mail="same@corp.test", manager=f"cn=boris,{here}"),
        slapd.person("boris", here, givenName="Boris", mail="same@corp.test", manager=f"cn=cara,{here}"),
        slapd.person("cara", here, givenName="Cara", mail="no address", manager=f"cn=anna,{here}"),
        slapd.person("dina", here, givenName="Dina", manager=f"cn=nobody,{here}"),
        slapd.person("with space", here, givenName="Erik"),
        slapd.person("long", here, givenName="F" * 300),
        slapd.person("root", here, givenName="R"),
    )
    admin = create_user(
        NewUser(login="root", email="root@corp.test", is_administrator=True), password=None, by=None
    )
    run = synchronised(connected(slapd))
    assert run.state == Run.State.DONE
    assert set(User.objects.values_list("login", flat=True)) == {
        "anna", "boris", "cara", "dina", "long", "root",
    }  # fmt: skip
    assert sorted(User.objects.filter(email="same@corp.test").values_list("login", flat=True)) == ["anna"]
    assert len(person("long").first_name) == 100
    lines = "\n".join(told(run))
    for reason in (
        "same@corp.test is somebody else's", "is no e-mail address", "manager nobody is not among",
        "has a space", "the end of it is left out", "go round in a circle", "holds a role of the Console",
    ):  # fmt: skip
        assert lines.count(reason) == 1, (reason, lines)
    assert not Link.objects.filter(object_id=admin.pk).exists()
    again = synchronised(connected_again())
    assert told(again) == []


def test_a_circle_of_managers_is_told_of_when_it_is_new(slapd: Slapd) -> None:
    sales = slapd.unit("Sales")
    first = {"anna": "boris", "boris": "anna", "cara": "anna", "dina": "cara"}
    people = {
        login: slapd.person(login, sales.dn, givenName=login, manager=f"cn={manager},{sales.dn}")
        for login, manager in first.items()
    }
    slapd.seed(sales, *people.values())
    connection = connected(slapd)

    def circles(*, is_full: bool = False) -> int:
        run = synchronised(connection, is_full=is_full)
        assert run.state == Run.State.DONE
        return "\n".join(told(run)).count("go round in a circle")

    assert circles() == 1
    slapd.apply(entries.modify(people["cara"].dn, title="Head"))
    assert circles() == 0
    # Another one; that the first is still there was said.
    slapd.apply(entries.modify(people["cara"].dn, manager=people["dina"].dn))
    assert circles() == 1
    # Once a day everything is looked at anew.
    assert circles(is_full=True) == 2
    # Who is back in a circle is in a new one.
    slapd.apply(entries.modify(people["anna"].dn, manager=None))
    assert circles() == 0
    slapd.apply(entries.modify(people["anna"].dn, manager=people["boris"].dn))
    assert circles() == 1


def test_heads_change_places_at_once_and_one_that_fails_stops_no_other(slapd: Slapd) -> None:
    units = [slapd.unit(name) for name in ("Sales", "Trade", "Works")]
    logins = ("anna", "boris", "cara")
    bosses = [
        slapd.person(login, unit.dn, givenName=login) for login, unit in zip(logins, units, strict=True)
    ]
    clerks = [
        slapd.person(f"clerk-{login}", unit.dn, manager=boss.dn)
        for login, boss, unit in zip(logins, bosses, units, strict=True)
    ]
    slapd.seed(*units, *bosses, *clerks)
    connection = connected(slapd)
    assert synchronised(connection).counts["head"] == 3

    def roles() -> dict[tuple[str, str], str]:
        bosses_only = Membership.objects.exclude(user__login__startswith="clerk")
        rows = bosses_only.values_list("user__login", "department__name", "role")
        return {(login, name): role for login, name, role in rows}

    keys = dict(connection.links.departments().values_list("dn", "stable_id"))
    people = dict(connection.links.people().values_list("dn", "stable_id"))

    def headed_by(*heads: Entry) -> dict[str, int]:
        run = Run.objects.create(connection=connection, mode=Run.Mode.SYNC)
        performer = Performer(run, now=timezone.now(), moved=lambda count: None)
        named = zip(units, heads, strict=True)
        steps = [HeadStep(keys[unit.dn], unit.dn, head=people[head.dn]) for unit, head in named]
        perform_heads(steps, performer)
        assert run.changes.count() == 3
        return performer.counts

    anna, boris, cara = bosses
    assert headed_by(boris, anna, cara) == {"head": 3}
    exchanged = {
        ("anna", "Sales"): "member", ("boris", "Sales"): "head", ("anna", "Trade"): "head",
        ("boris", "Trade"): "member", ("cara", "Works"): "head",
    }  # fmt: skip
    assert roles() == exchanged

    # One of the departments has been merged into another meanwhile.
    works = Department.objects.get(name="Works")
    Department.objects.filter(name="Trade").update(merged_into=works)
    assert headed_by(anna, cara, cara) == {"head": 2, "failed": 1}
    # Boris headed it from outside.
    assert roles() == {key: role for key, role in exchanged.items() if key != ("boris", "Sales")} | {
        ("anna", "Sales"): "head"
    }


def connected_again() -> Connection:
    return Connection.objects.get()


def test_an_entry_that_no_table_takes_as_it_is_stops_no_other(slapd: Slapd) -> None:
    """A zero byte, in a value and in the name of an entry; a department of more letters than a link has."""
    long, deep = "D" * 600, "/".join("abc" * 99)
    slapd.seed(
        slapd.person("anna", slapd.base, givenName="An\0na", sn="\0", ou=long, title="\0"),
        slapd.person("boris", slapd.base, givenName="Boris", ou=f"{long}/Inner", manager="cn=a\\00,dc=x"),
        Entry(f"cn=c\\00,{slapd.base}", {
            "objectClass": ["inetOrgPerson"], "cn": "c\0", "sn": "\0", "uid": "cara", "ou": deep,
        }),
    )  # fmt: skip
    by_text = {"departments": "attribute", "department_attribute": "ou", "department_separator": "/"}
    connection = connected(slapd, mapping=by_text, rules={"without_name": "import"})
    assert "c" in "\n".join(told(previewed(connection)))
    run = synchronised(connection)
    assert (run.state, run.counts.get("failed")) == (Run.State.DONE, None), told(run)
    assert (person("anna").first_name, person("anna").last_name) == ("Anna", "")
    placed = dict(Membership.objects.values_list("user__login", "department__name"))
    assert (placed["anna"], placed["boris"]) == ("D" * 200, "Inner")
    inner = Department.objects.get(memberships__user__login="boris")
    assert inner.parent == Department.objects.get(memberships__user__login="anna")
    assert Department.objects.filter(name__in="abc").count() == DEEPEST
    assert told(synchronised(connection, is_full=True)) == []


def test_photos_are_stored_small_replaced_when_changed_and_taken_away(slapd: Slapd) -> None:
    anna = slapd.person("anna", slapd.base, givenName="Anna", jpegPhoto=picture("red"))
    slapd.seed(anna, slapd.person("boris", slapd.base, givenName="Boris", jpegPhoto=b"no picture"))
    connection = connected(slapd)
    run = synchronised(connection)
    first = person("anna").photo
    assert first is not None
    with Image.open(BytesIO(b"".join(store().read(first.key)))) as image:
        assert (image.size, image.format) == ((256, 256), "WEBP")
    assert person("boris").photo is None
    assert "This is no picture" in "\n".join(told(run))
    assert person("anna").owners["photo"] == "Corp"
    assert told(synchronised(connection, is_full=True)) == []
    slapd.apply(entries.modify(anna.dn, jpegPhoto=picture("blue")))
    synchronised(connection)
    second = person("anna").photo
    assert second is not None
    assert second.pk != first.pk
    slapd.apply(entries.modify(anna.dn, jpegPhoto=None))
    synchronised(connection)
    assert person("anna").photo is None


def test_a_photo_waits_for_those_of_others(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    slapd.seed(slapd.person("anna", slapd.base, givenName="Anna", jpegPhoto=picture("red")))
    connection = connected(slapd)
    with monkeypatch.context() as busy, Path(decoder.__file__).open("rb") as turn:
        busy.setattr(decoder_client, "SECONDS", 1.0)
        fcntl.flock(turn, fcntl.LOCK_EX)
        run = synchronised(connection)
    assert "busy with other pictures" in "\n".join(told(run))
    assert person("anna").photo is None
    synchronised(connection)
    assert person("anna").photo is not None


def test_disabled_gone_moved_out_of_scope_and_returned(slapd: Slapd) -> None:
    inside, outside = slapd.unit("Inside"), slapd.unit("Outside")
    people = [slapd.person(f"p{number}", inside.dn, givenName="P") for number in range(6)]
    slapd.seed(inside, outside, *people)
    connection = connected(slapd, inside.dn, rules=UNGUARDED, **DISABLED)
    synchronised(connection)
    ids = dict(User.objects.values_list("login", "pk"))

    Session.objects.create(session_key="s" * 32, user_id=ids["p0"], expire_date=timezone.now())
    slapd.apply(entries.modify(people[0].dn, employeeType="disabled"))
    slapd.apply(entries.delete(people[1].dn))
    slapd.apply(entries.move(people[2].dn, new_rdn="cn=p2", parent=outside.dn))
    slapd.apply(entries.move(people[3].dn, new_rdn="cn=Another name", parent=inside.dn))
    run = synchronised(connection)
    assert not run.is_full
    assert dict(User.objects.values_list("login", "status")) == {
        "p0": "suspended", "p1": "suspended", "p2": "suspended",
        "p3": "active", "p4": "active", "p5": "active",
    }  # fmt: skip
    assert Membership.objects.filter(user=ids["p1"]).exists()
    # Open pages are told by push to go.
    ended = Event.objects.filter(kind="accounts.SessionsEnded", payload__user_id=ids["p0"])
    assert (Session.objects.count(), ended.count()) == (0, 1)

    slapd.apply(entries.modify(people[0].dn, employeeType=None))
    slapd.apply(entries.move(f"cn=p2,{outside.dn}", new_rdn="cn=p2", parent=inside.dn))
    run = synchronised(connection)
    assert run.counts == {"return": 2}
    later = timezone.now() + timedelta(days=31)
    synchronised(connection, now=later)
    assert dict(User.objects.exclude(status="active").values_list("login", "status")) == {"p1": "dismissed"}
    assert dict(User.objects.values_list("login", "pk")) == ids


def test_a_unit_renamed_moved_and_deleted_keeps_and_ends_its_department(slapd: Slapd) -> None:
    north, south = slapd.unit("North"), slapd.unit("South")
    sales = slapd.unit("Sales", north.dn)
    slapd.seed(north, south, sales, slapd.person("anna", sales.dn, givenName="Anna"))
    connection = connected(slapd)
    synchronised(connection)
    department = Department.objects.get(name="Sales")
    slapd.apply(entries.move(sales.dn, new_rdn="ou=Trade", parent=south.dn))
    run = synchronised(connection)
    department.refresh_from_db()
    assert department.parent is not None
    assert (department.name, department.parent.name) == ("Trade", "South")
    assert Membership.objects.get(user__login="anna").department == department
    assert run.counts == {"change": 1, "move": 1}
    slapd.apply(entries.delete(north.dn))
    synchronised(connection)
    assert not Department.objects.filter(name="North").exists()
    assert told(synchronised(connection)) == []


def test_departments_come_from_an_attribute(slapd: Slapd) -> None:
    slapd.seed(
        slapd.person("anna", slapd.base, givenName="Anna", departmentNumber="Sales / North"),
        slapd.person("boris", slapd.base, givenName="Boris", departmentNumber="sales/ South"),
        slapd.person("cara", slapd.base, givenName="Cara"),
    )
    mapping = {
        "departments": "attribute", "department_attribute": "departmentNumber", "department_separator": "/",
    }  # fmt: skip
    connection = connected(slapd, mapping=mapping)
    synchronised(connection)
    north = Department.objects.get(name="North")
    assert north.parent is not None
    assert north.parent.name == "Sales"
    assert Department.objects.get(name="South").parent == north.parent
    assert Membership.objects.get(user__login="cara").department.parent is None
    assert told(synchronised(connection, is_full=True)) == []


def test_a_local_colleague_is_recognised_and_then_follows_the_directory(slapd: Slapd) -> None:
    known = create_user(
        NewUser(login="a.smirnova", email="anna@corp.test", first_name="Anya"), password=None, by=None
    )
    slapd.seed(slapd.person("anna", slapd.base, givenName="Anna", mail="anna@corp.test"))
    run = synchronised(connected(slapd))
    known.refresh_from_db()
    assert (known.login, known.first_name) == ("anna", "Anna")
    assert run.counts["link"] == 1
    assert User.objects.count() == 1


def test_who_is_erased_comes_back_by_no_run_and_stands_in_no_log(slapd: Slapd, olga: User) -> None:
    sales = slapd.unit("Sales")
    named = {"givenName": "Anna", "mail": "anna@corp.test", "telephoneNumber": "+74951234567"}
    anna = slapd.person("anna", sales.dn, sn="Smirnova", employeeType="TRUE", **named)
    boris = slapd.person("boris", sales.dn, givenName="Boris", mail="boris@corp.test", manager=anna.dn)
    slapd.seed(sales, anna, boris)
    connection = connected(slapd, slapd.base, rules=UNGUARDED, **DISABLED)
    synchronised(connection)
    slapd.apply(entries.modify(anna.dn, mail="a.smirnova@corp.test"))
    synchronised(connection)
    left = person("anna")
    dismiss_user(left, by=olga)
    with pytest.raises(ValidationError, match="Corp still has Anna"):
        erase_person(left, by=olga)
    assert person("anna").first_name == "Anna"
    stable_id = Link.objects.people().get(object_id=left.pk).stable_id
    slapd.apply(entries.delete(anna.dn))
    synchronised(connection)
    Conflict.objects.create(connection=connection, stable_id=stable_id, name="Anna", dn=anna.dn)
    lines = Change.objects.count()
    erase_person(left, by=olga)
    synchronised(connection)
    said = "\n".join(str(row) for row in Change.objects.values_list("name", "dn", "old", "new", "reason"))
    for told_of in ("anna", "Anna", "Smirnova", "+7495", "a.smirnova"):
        assert told_of not in said
    assert "boris" in said
    assert Change.objects.count() >= lines
    assert not Conflict.objects.exists()
    others = User.objects.exclude(pk__in=[olga.pk, left.pk])
    assert list(others.values_list("login", flat=True)) == ["boris"]


@pytest.mark.parametrize(
    ("there", "may_be"),
    [
        ({}, False),
        ({"rules": {"gone": "keep"}}, False),
        # Whom no run takes in as somebody new.
        ({"rules": {"leavers": "ou=Left"}}, True),
    ],
)
def test_only_whom_a_run_would_bring_back_is_not_erased(
    slapd: Slapd, olga: User, there: dict[str, dict[str, str]], may_be: bool
) -> None:
    left = slapd.unit("Left")
    slapd.seed(left, slapd.person("anna", left.dn, givenName="Anna"))
    rules = {**UNGUARDED, **there.get("rules", {})}
    leavers = rules.pop("leavers", None)
    connection = connected(slapd, slapd.base, rules=rules)
    synchronised(connection)
    if leavers:
        connection.rules = replace(connection.rules, leavers=left.dn)
        connection.save()
        synchronised(connection)
    anna = person("anna")
    dismiss_user(anna, by=olga)
    if may_be:
        erase_person(anna, by=olga)
    else:
        with pytest.raises(ValidationError, match="still has"):
            erase_person(anna, by=olga)
    assert Link.objects.people().exists() is not may_be


def test_who_is_gone_and_kept_is_as_before_and_may_be_erased(slapd: Slapd, olga: User) -> None:
    sales = slapd.unit("Sales")
    slapd.seed(sales, *(slapd.person(name, sales.dn, givenName=name.title()) for name in ("anna", "boris")))
    heads = {"mapping": {"heads": "manager", **DISABLED["mapping"]}}
    # By her word alone he is their head.
    slapd.apply(entries.modify(f"cn=anna,{sales.dn}", manager=f"cn=boris,{sales.dn}"))
    connection = connected(slapd, slapd.base, rules={**UNGUARDED, "gone": "keep"}, **heads)
    synchronised(connection)
    anna = person("anna")
    usual, without_her = connection.people_filter, "(&(objectClass=inetOrgPerson)(!(uid=anna)))"

    def asked_with(people_filter: str) -> Link:
        connection.people_filter = people_filter
        connection.save()
        assert synchronised(connection).counts == {}
        anna.refresh_from_db()
        assert anna.status == User.Status.ACTIVE
        assert Membership.objects.filter(user=person("boris"), role=Membership.Role.HEAD).exists()
        return Link.objects.people().get(object_id=anna.pk)

    for asked in (without_her, usual, without_her, without_her):
        link = asked_with(asked)
        assert (link.leaving_why, link.leaving_since) == ("gone" if asked == without_her else "", None)
    dismiss_user(anna, by=olga)
    erase_person(anna, by=olga)
    assert not Link.objects.people().filter(object_id=anna.pk).exists()
    connection.people_filter = usual
    connection.save()
    synchronised(connection)
    assert person("anna").pk != anna.pk


def test_of_two_accounts_one_may_become_the_other_once_its_entry_is_gone_and_kept(
    slapd: Slapd, olga: User
) -> None:
    sales = slapd.unit("Sales")
    both = [slapd.person(name, sales.dn, givenName="Anna") for name in ("anna", "ann")]
    slapd.seed(sales, *both)
    connection = connected(slapd, slapd.base, rules={**UNGUARDED, "gone": "keep"})
    synchronised(connection)
    gone, kept = person("ann"), person("anna")
    with pytest.raises(ValidationError, match="two entries"):
        merge_people(gone, kept, by=olga)
    slapd.apply(entries.delete(both[1].dn))
    synchronised(connection)
    merge_people(gone, kept, by=olga)
    assert Link.objects.people().get().object_id == kept.pk


def test_explain_says_why_somebody_is_and_is_not_imported(slapd: Slapd) -> None:
    inside, outside = slapd.unit("Inside"), slapd.unit("Outside")
    slapd.seed(
        inside, outside,
        slapd.person("anna", inside.dn, givenName="Anna"),
        slapd.person("out", outside.dn, givenName="Out"),
        slapd.person("robot", inside.dn, givenName="R", employeeType="service"),
    )  # fmt: skip
    only_people = "(&(objectClass=inetOrgPerson)(!(employeeType=service)))"
    connection = connected(slapd, inside.dn, people_filter=only_people)
    now = timezone.now()
    previewed(connection)
    assert "The next run: created" in "\n".join(explain(connection, "anna", now=now))
    synchronised(connection)
    assert "comes from Corp" in "\n".join(explain(connection, "ANNA", now=now))
    # What was only looked at has not happened.
    assert "\n".join(explain(connection, "anna", now=now)).count(" created") == 1
    # Nor what the guard has stopped.
    slapd.apply(entries.delete(f"cn=anna,{inside.dn}"))
    connection.rules = replace(connection.rules, guard_least=0)
    connection.save()
    run = synchronised(connection)
    assert (run.state, run.changes.filter(action="suspend").count()) == (Run.State.ASKING, 1)
    assert "suspended" not in "\n".join(explain(connection, "anna", now=now))
    assert "The filter does not take it" in "\n".join(explain(connection, "robot", now=now))
    assert "outside of the search bases" in "\n".join(explain(connection, "out", now=now))
    assert "no entry with the login" in "\n".join(explain(connection, "*)(uid=*", now=now))


def test_explain_asks_whether_it_is_the_same_person_again(slapd: Slapd) -> None:
    """Before the run that will, and after it; and whose entry is there is somebody else."""
    named = {"givenName": "Anna", "mail": "anna@corp.test"}
    boris = slapd.person("boris", slapd.base, name="Boris", givenName="Boris")
    slapd.seed(slapd.person("anna", slapd.base, name="Anna", **named), boris)
    connection = connected(slapd, slapd.base, rules=UNGUARDED)
    synchronised(connection)
    slapd.apply(entries.delete(f"cn=Anna,{slapd.base}"))
    slapd.add(slapd.person("anna", slapd.base, name="Anna anew", **named))

    def said() -> str:
        return "\n".join(explain(connection, "anna", now=timezone.now()))

    assert "The same person again?" in said()
    synchronised(connection)
    assert "The same person again?" in said()
    slapd.add(slapd.person("boris", slapd.base, name="Boris anew", givenName="Boris"))
    told_of = "\n".join(explain(connection, "boris", now=timezone.now()))
    assert "The same person again?" not in told_of
    assert "is somebody else's already" in told_of


def test_fields_that_administrators_have_defined_are_filled_in_and_locked(slapd: Slapd) -> None:
    olga = create_user(NewUser(login="olga", is_administrator=True), password=None, by=None)
    room = add_field(PROFILE, FieldDraft("Room"), by=olga)
    cars = add_field(PROFILE, FieldDraft("Cars"), by=olga)
    each = add_field(PROFILE, FieldDraft("Each car", is_several=True), by=olga)
    since = add_field(PROFILE, FieldDraft("Here since", Field.Kind.DATE), by=olga)
    anna = slapd.person("anna", slapd.base, name="Anna", roomNumber="12 a", carLicense=["B 2", "A;1"],
                         employeeNumber="20200131000000Z")  # fmt: skip
    boris = slapd.person("boris", slapd.base, name="Boris", employeeNumber="soon")
    slapd.seed(anna, boris)
    connection = connected(slapd)
    rules = (
        FieldRule(room.key, "roomNumber"),
        FieldRule(cars.key, "carLicense", "all"),
        FieldRule(each.key, "carLicense", "all"),
        FieldRule(since.key, "employeeNumber"),
    )
    connection.mapping = replace(connection.mapping, fields=(*connection.mapping.fields, *rules))
    connection.save()
    run = synchronised(connection)
    assert any("is no date" in line for line in told(run))
    assert texts_of_many([person("anna").pk])[person("anna").pk] == {
        room.key: "12 a",
        cars.key: "A;1, B 2",
        each.key: "A 1; B 2",
        since.key: "2020-01-31",
    }
    assert texts_of_many([person("boris").pk]) == {}
    assert {room.key, since.key} <= person("anna").owners.keys()
    assert since.key not in person("boris").owners
    assert synchronised(connection).counts.keys() <= {"report"}
    slapd.apply(entries.modify(anna.dn, roomNumber="7"))
    assert synchronised(connection).counts["change"] == 1
    assert texts_of_many([person("anna").pk])[person("anna").pk][room.key] == "7"
    archive_field(room, by=olga)
    slapd.apply(entries.modify(anna.dn, roomNumber="8"))
    synchronised(connection)
    assert [row.text for row in rows_of(PROFILE, [person("anna").pk]) if row.field == room] == ["7"]


def test_departments_are_its_own_until_it_fills_them_no_more(slapd: Slapd) -> None:
    """So is who is in them, also of those who stand in no unit."""
    sales = slapd.unit("Sales")
    slapd.seed(
        sales, slapd.person("anna", sales.dn, givenName="A"), slapd.person("boris", slapd.base, givenName="B")
    )
    connection = connected(slapd, slapd.base)
    synchronised(connection)
    theirs = create_department("Theirs", parent=None, by=None)
    Department.objects.filter(pk=theirs.pk).update(source="Other")

    def owned() -> list[bool]:
        return ["departments" in person(login).owners for login in ("anna", "boris")]

    assert (Department.objects.get(name="Sales").source, owned()) == ("Corp", [True, True])
    for how, source in (("", ""), ("ou", "Corp"), ("ou", "Corp")):
        connection.mapping = replace(connection.mapping, departments=how)
        save_connection(connection, by=None)
        assert Department.objects.get(name="Sales").source == source
        # What else is saved makes nobody be read anew.
        save_connection(connection, by=None)
        synchronised(connection)
        assert (Department.objects.get(name="Sales").source, owned()) == (source, [bool(how)] * 2)
    save_connection(connection, by=None)
    assert not connection.links.people().filter(fingerprint="").exists()
    assert Department.objects.get(pk=theirs.pk).source == "Other"


def test_a_workgroup_that_it_fills_is_its_own_until_it_fills_it_no_more(slapd: Slapd, olga: User) -> None:
    anna = slapd.person("anna", slapd.base, givenName="Anna")
    sellers = slapd.group("Sellers", members=[anna.dn])
    slapd.seed(anna, slapd.person("boris", slapd.base, givenName="Boris"), sellers)
    rule = GroupRule("", sellers.dn)
    connection = connected(slapd, slapd.base, mapping={"groups": (rule,)})
    synchronised(connection)
    group = Group.objects.get(name="Sellers")
    with pytest.raises(GroupRefused, match="Corp decides who is in “Sellers”"):
        leave_group(group, by=person("anna"))

    # The group is gone there: who is in it stays, but nothing says any more who that is.
    slapd.apply(entries.delete(sellers.dn))
    run = synchronised(connection)
    (line,) = told(run)
    assert "report Sellers  > The directory shows it no more: who is in it stays" in line
    group.refresh_from_db()
    assert (group.source, group.members.filter(user=person("anna")).count()) == ("", 1)
    assert told(synchronised(connection, is_full=True)) == []


def test_who_leaves_a_group_leaves_though_others_in_it_are_nobody_here(slapd: Slapd, olga: User) -> None:
    anna = slapd.person("anna", slapd.base, givenName="Anna")
    nobody = f"cn=nobody,{slapd.base}"
    inner = slapd.group("Inner", members=[nobody, anna.dn])
    slapd.seed(anna, inner, slapd.group("Top", members=[inner.dn]))
    connection = connected(slapd, slapd.base, mapping={"all_groups": True}, rules=UNGUARDED)
    synchronised(connection)

    def inside() -> set[str]:
        return set(Group.objects.filter(members__user=person("anna")).values_list("name", flat=True))

    assert inside() == {"Inner", "Top"}
    # Hidden is not empty: not even of a group in a group that is seen.
    slapd.change(rules=(f'access to dn.exact="{inner.dn}" attrs=member by * none',))
    slapd.apply(entries.modify(inner.dn, member=[nobody]))
    run = synchronised(connection, is_full=True)
    assert (run.counts.get("leave"), inside()) == (None, {"Inner", "Top"})
    slapd.change(rules=())
    synchronised(connection, is_full=True)
    assert inside() == set()


def test_groups_outside_of_the_bases_are_followed_at_once(slapd: Slapd, olga: User) -> None:
    groups, elsewhere = slapd.unit("Groups"), slapd.unit("Elsewhere")
    people = slapd.unit("People")
    names = ("anna", "boris", "cara")
    anna, boris, cara = (slapd.person(name, people.dn, givenName=name.title()) for name in names)
    slapd.seed(groups, elsewhere, people, anna, boris, cara)
    inner = slapd.group("Inner", elsewhere.dn, members=[boris.dn])
    middle = slapd.group("Middle", elsewhere.dn, members=[inner.dn, f"cn=nobody,{slapd.base}"])
    top = slapd.group("Top", groups.dn, members=[anna.dn, middle.dn])
    slapd.add(inner, middle, top)
    slapd.apply(entries.modify(inner.dn, member=[boris.dn, top.dn]))
    connection = connected(
        slapd, people.dn, group_bases=[groups.dn], mapping={"groups": (GroupRule("", top.dn),)},
        rules=UNGUARDED,
    )  # fmt: skip
    assert synchronised(connection).error == ""

    def members() -> set[str]:
        of_it = Group.objects.get(name="Top").members.filter(role="member")
        return set(of_it.values_list("user__login", flat=True))

    assert members() == {"anna", "boris"}
    assert told(synchronised(connection)) == []
    # Nothing in the bases tells of it, and nothing of any person.
    slapd.apply(entries.modify(inner.dn, member=[cara.dn]))
    run = synchronised(connection)
    assert (run.is_full, run.read, run.counts) == (False, 0, {"join": 1, "leave": 1})
    assert members() == {"anna", "cara"}
    slapd.apply(entries.delete(inner.dn))
    assert synchronised(connection).counts == {"leave": 1}
    assert members() == {"anna"}
    assert told(synchronised(connection)) == []


def test_a_workgroup_is_the_portals_again_without_its_rule_or_its_directory(slapd: Slapd, olga: User) -> None:
    anna = slapd.person("anna", slapd.base, givenName="Anna")
    sellers, buyers = (slapd.group(name, members=[anna.dn]) for name in ("Sellers", "Buyers"))
    slapd.seed(anna, sellers, buyers)
    rules = (GroupRule("", sellers.dn), GroupRule("", buyers.dn))
    connection = connected(slapd, slapd.base, mapping={"groups": rules})
    synchronised(connection)

    def sources() -> dict[str, str]:
        return dict(Group.objects.values_list("name", "source"))

    connection.refresh_from_db()
    connection.name = "Head office"
    save_connection(connection, by=olga)
    assert sources() == {"Sellers": "Head office", "Buyers": "Head office"}
    connection.mapping = replace(connection.mapping, groups=rules[:1])
    save_connection(connection, by=olga)
    assert sources() == {"Sellers": "Head office", "Buyers": ""}
    delete_connection(connection, by=olga)
    assert sources() == {"Sellers": "", "Buyers": ""}


def test_a_group_that_is_made_something_else_takes_its_people_out_of_what_it_was(
    slapd: Slapd, olga: User
) -> None:
    anna, boris = (slapd.person(name, slapd.base, givenName=name.title()) for name in ("anna", "boris"))
    sales, east = (slapd.group(name, members=[anna.dn]) for name in ("Sales", "East"))
    slapd.seed(anna, boris, sales, east)
    before, after = (create_role(name, [], by=olga) for name in ("Sellers", "Buyers"))
    team = create_group(NewGroup("Team", "", Group.Kind.CLOSED), by=olga)

    def follow_rules(*made: tuple[str, str, int]) -> None:
        connection.mapping = replace(
            connection.mapping, groups=tuple(GroupRule("", dn, kind, pk) for dn, kind, pk in made)
        )
        save_connection(connection, by=olga)
        assert synchronised(connection, is_full=True).counts.get("failed") is None
        assert told(synchronised(connection, is_full=True)) == []

    def there() -> tuple[set[str], ...]:
        found = []
        for role in (before, after):
            codes = role.grants.current().values_list("code", flat=True)
            granted = User.objects.filter(pk__in=[int(code[1:]) for code in codes])
            found.append(set(granted.values_list("login", flat=True)))
        inside = team.members.filter(role="member").values_list("user__login", flat=True)
        return (*found, set(inside))

    connection = connected(slapd, slapd.base, rules=UNGUARDED)
    follow_rules((sales.dn, "role", before.pk))
    assert there() == ({"anna"}, set(), set())
    follow_rules((sales.dn, "role", after.pk))
    assert there() == (set(), {"anna"}, set())
    follow_rules((sales.dn, "workgroup", team.pk))
    assert there() == (set(), set(), {"anna"})
    follow_rules((sales.dn, "role", before.pk))
    assert there() == ({"anna"}, set(), set())
    # By another group she keeps what this one gives her no more.
    follow_rules((sales.dn, "role", before.pk), (east.dn, "role", before.pk))
    follow_rules((sales.dn, "role", after.pk), (east.dn, "role", before.pk))
    assert there() == ({"anna"}, {"anna"}, set())
    # A rule that is taken away takes nobody out.
    follow_rules()
    assert there() == ({"anna"}, {"anna"}, set())
    # Nor is anybody looked for in what is gone.
    follow_rules((east.dn, "role", before.pk))
    delete_role(before, by=olga)
    follow_rules((east.dn, "workgroup", team.pk))
    assert there()[2] == {"anna"}


def test_who_moves_between_groups_that_give_one_role_keeps_it(slapd: Slapd, olga: User) -> None:
    """In whichever order the groups are done; and a workgroup that several fill is the same."""
    anna, boris = (slapd.person(name, slapd.base, givenName=name.title()) for name in ("anna", "boris"))
    east, west = slapd.group("East", members=[anna.dn]), slapd.group("West", members=[boris.dn])
    slapd.seed(anna, boris, east, west)
    role = create_role("Sellers", [], by=olga)
    team = create_group(NewGroup("Team", "", Group.Kind.CLOSED), by=olga)
    rules = (
        *(GroupRule("", one.dn, "role", role.pk) for one in (west, east)),
        *(GroupRule("", one.dn, "workgroup", team.pk) for one in (west, east)),
    )
    connection = connected(slapd, slapd.base, mapping={"groups": rules}, rules=UNGUARDED)
    assert synchronised(connection).counts.get("failed") is None

    def there() -> tuple[set[str], set[str]]:
        codes = role.grants.current().values_list("code", flat=True)
        granted = User.objects.filter(pk__in=[int(code[1:]) for code in codes])
        inside = team.members.filter(role="member").values_list("user__login", flat=True)
        return set(granted.values_list("login", flat=True)), set(inside)

    both = {"anna", "boris"}
    assert there() == (both, both)
    # They change places: of each group one comes, and one leaves.
    slapd.apply(entries.modify(east.dn, member=[boris.dn]))
    slapd.apply(entries.modify(west.dn, member=[anna.dn]))
    assert synchronised(connection, is_full=True).counts.get("failed") is None
    assert there() == (both, both)
    # Who is in one of them only by what was remembered, stays by it.
    slapd.apply(entries.modify(east.dn, member=[anna.dn, boris.dn]))
    synchronised(connection, is_full=True)
    slapd.apply(entries.modify(west.dn, member=[f"cn=nobody,{slapd.base}"]))
    synchronised(connection, is_full=True)
    assert there() == (both, both)
    # Who has left the last of them has left.
    slapd.apply(entries.modify(east.dn, member=[boris.dn]))
    synchronised(connection, is_full=True)
    assert there() == ({"boris"}, {"boris"})
    assert told(synchronised(connection, is_full=True)) == []
    # What a group without a rule remembers holds nobody.
    slapd.apply(entries.modify(west.dn, member=[boris.dn]))
    synchronised(connection, is_full=True)
    stored = connected_again()
    stored.mapping = replace(stored.mapping, groups=tuple(one for one in rules if one.dn == west.dn))
    save_connection(stored, by=olga)
    slapd.apply(entries.modify(west.dn, member=[f"cn=nobody,{slapd.base}"]))
    synchronised(stored, is_full=True)
    assert there() == (set(), set())
