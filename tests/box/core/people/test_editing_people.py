"""The right to edit people, which is no way to become an administrator; and the list as a file."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.utils import timezone

from box.core.access.actions import create_role, grant_role
from box.core.accounts.access import EDIT_PEOPLE
from box.core.accounts.actions import NewUser, create_user, invite
from box.core.accounts.models import User
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.imports.actions import begin_import, go_on, start_import
from box.core.imports.importers import importers
from box.core.people.importing import MAKES_DEPARTMENTS
from box.core.portal.actions import decide_day
from box.core.structure.access import EDIT_STRUCTURE
from box.core.structure.actions import add_member, create_department, merge_departments
from box.core.structure.models import Department, Membership
from box.lib.tables import read_table
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    type Browser = Callable[[User], Client]


@pytest.fixture
def hanna(person: Callable[..., User], olga: User) -> User:
    """Of the personnel department: she may edit people, and nothing else."""
    hanna = person("Hanna")
    role = create_role("Personnel", [EDIT_PEOPLE], by=olga)
    grant_role(role, f"U{hanna.pk}", by=olga)
    hanna.refresh_from_db()
    return hanna


def test_who_holds_the_right_employs_edits_and_dismisses(as_person: Browser, hanna: User, anna: User) -> None:
    browser = as_person(hanna)
    sent = {"last_name": "New", "first_name": "Nina", "email": "nina@example.com", "language": "en"}
    page = browser.get("/employees/new/").content.decode()
    assert "Administrator of the box" not in page
    answer = browser.post(
        "/employees/new/",
        {**sent, "password": "long enough, and new", "is_administrator": "on", "nonce": str(uuid4())},
    )
    assert answer.status_code == 302
    assert not User.objects.get(login="nina@example.com").is_administrator
    browser.post(f"/employees/{anna.pk}/details/", {"first_name": "Anna", "position": "Head of sales"})
    browser.post(f"/employees/{anna.pk}/dismissal/")
    anna.refresh_from_db()
    assert (anna.position, anna.status) == ("Head of sales", User.Status.DISMISSED)


def test_but_never_an_administrator(as_person: Browser, hanna: User, olga: User) -> None:
    browser = as_person(hanna)
    for method, address in (
        ("get", "details"),
        ("post", "details"),
        ("get", "dismissal"),
        ("post", "dismissal"),
        ("post", "suspension"),
        ("post", "photo"),
    ):
        answer = getattr(browser, method)(f"/employees/{olga.pk}/{address}/")
        assert answer.status_code == 403, address
    assert browser.delete(f"/employees/{olga.pk}/second-factor/").status_code == 403
    olga.refresh_from_db()
    assert olga.status == User.Status.ACTIVE


def test_the_link_by_which_an_administrator_joins_is_not_hers_to_see(
    as_person: Browser, hanna: User, olga: User
) -> None:
    invited = invite(NewUser(email="chief@example.com", is_administrator=True), by=olga)
    assert as_person(hanna).get(f"/employees/{invited.pk}/invitation/").status_code == 403


def test_nor_is_that_of_who_has_rights_in_the_console(as_person: Browser, hanna: User, olga: User) -> None:
    invited = invite(NewUser(email="watcher@example.com"), by=olga)
    address, at = f"/employees/{invited.pk}/invitation/", invited.invited_at
    assert as_person(hanna).get(address).status_code == 200
    grant_role(create_role("Watchers", ["console.see"], by=olga), f"U{invited.pk}", by=olga)
    for method in ("get", "post"):
        answer = getattr(as_person(hanna), method)(address)
        assert answer.status_code == 403
        assert "ask an administrator to invite them" in answer.content.decode()
    assert User.objects.get(pk=invited.pk).invited_at == at
    assert "/join/" in as_person(olga).get(address).content.decode()


def test_an_import_of_hers_leaves_administrators_alone(hanna: User, olga: User) -> None:
    table = io.BytesIO(f"Name;Login;Position\nTest Olga;{olga.login};Nobody\n".encode())
    run = begin_import(importers["people"], table, "people.csv", by=hanna)
    start_import(run, ["full_name", "login", "position"], by=hanna)
    run.refresh_from_db()
    go_on(run)
    olga.refresh_from_db()
    assert olga.position == ""
    assert "Only administrators" in run.problems.get().text


def imported_by(hanna: User, head: str, *rows: str) -> list[str]:
    """What was said of the rows."""
    columns = {"Name": "full_name", "E-mail": "email", "Department": "department", "Position": "position"}
    table = io.BytesIO("\n".join((head, *rows)).encode())
    run = begin_import(importers["people"], table, "people.csv", by=hanna)
    start_import(run, [columns[one] for one in head.split(";")], options=[MAKES_DEPARTMENTS], by=hanna)
    run.refresh_from_db()
    go_on(run)
    return list(run.problems.order_by("row").values_list("text", flat=True))


def where(person: User) -> dict[str, str]:
    rows = Membership.objects.filter(user=person).values_list("department__name", "role")
    return dict(rows)


FOR_EDITORS = "is for whoever may change the structure"
WITH_RIGHTS = "Rights in the console come with this department"


@pytest.fixture
def office(sales: Department, olga: User) -> Department:
    """The keepers of backups are all who belong to IT, or to what stands below it."""
    it = create_department("IT", parent=sales.parent, by=None)
    keepers = create_role("Keepers", ["console.backups"], by=olga)
    grant_role(keepers, f"DR{it.pk}", by=olga)
    return create_department("Office", parent=it, by=None)


def test_an_import_of_hers_moves_nobody_and_makes_no_departments(
    hanna: User, boris: User, cara: User, sales: Department
) -> None:
    buyers = create_department("Buyers", parent=sales.parent, by=None)
    add_member(buyers, cara, by=None)
    said = imported_by(
        hanna,
        "Name;E-mail;Department;Position",
        f"Test Hanna;{hanna.email};Sales;Head",
        f"Test Boris;{boris.email};Buyers;Clerk",
        f"Test Cara;{cara.email};Buyers;Clerk",
        "New Nina;nina@example.com;Company / Sales / North;Clerk",
        "New Nick;nick@example.com;Sales;Clerk",
    )
    assert len(said) == 3
    assert all(FOR_EDITORS in one for one in said[:2])
    assert "only whoever may change the structure makes one" in said[2]
    assert (where(hanna), where(boris), where(cara)) == ({}, {"Sales": "member"}, {"Buyers": "member"})
    hanna.refresh_from_db()
    cara.refresh_from_db()
    # Of a row that is refused nothing is taken.
    assert (hanna.position, cara.position) == ("", "Clerk")
    assert where(User.objects.get(login="nick@example.com")) == {"Sales": "member"}
    assert not Department.objects.filter(name="North").exists()
    assert not User.objects.filter(login="nina@example.com").exists()


def test_whoever_may_change_the_structure_moves_people_by_an_import(
    hanna: User, boris: User, office: Department, olga: User
) -> None:
    grant_role(create_role("Structure", [EDIT_STRUCTURE], by=olga), f"U{hanna.pk}", by=olga)
    hanna.refresh_from_db()
    rows = (f"Test Boris;{boris.email};Office", "New Nina;nina@example.com;Office / North")
    assert imported_by(hanna, "Name;E-mail;Department", *rows) == []
    assert where(boris) == {"Sales": "member", "Office": "member"}
    assert where(User.objects.get(login="nina@example.com")) == {"North": "member"}


@pytest.mark.parametrize("way", ["import", "employ", "invite", "program"])
def test_she_takes_nobody_into_a_department_that_gives_rights_in_the_console(
    way: str, as_person: Browser, hanna: User, office: Department, olga: User
) -> None:
    grant_role(create_role("Programs", ["rest.use"], by=olga), f"U{hanna.pk}", by=olga)
    hanna = User.objects.get(pk=hanna.pk)
    sent = {"language": "en", "department": str(office.pk), "nonce": str(uuid4())}
    match way:
        case "import":
            row = "New Nina;nina@example.com;Office"
            said = " ".join(imported_by(hanna, "Name;E-mail;Department", row))
        case "employ":
            form = sent | {"last_name": "New", "first_name": "Nina", "email": "nina@example.com"}
            password = {"password": "long enough, and new"}
            said = as_person(hanna).post("/employees/new/", form | password).content.decode()
        case "invite":
            form = sent | {"emails": "nina@example.com"}
            said = as_person(hanna).post("/employees/invitations/", form).content.decode()
        case _:
            fields: dict[str, Any] = {"EMAIL": "nina@example.com", "UF_DEPARTMENT": [office.pk]}
            answer = program_of(hanna, "user").ask("user.add", **fields)
            assert answer.status_code == 403
            said = answer.json()["error_description"]
    assert WITH_RIGHTS in said
    assert not Membership.objects.filter(department=office).exists()
    assert not User.objects.filter(email="nina@example.com").exists()


def test_nor_does_a_program_of_hers_give_her_a_place(hanna: User, sales: Department, olga: User) -> None:
    grant_role(create_role("Programs", ["rest.use"], by=olga), f"U{hanna.pk}", by=olga)
    hanna = User.objects.get(pk=hanna.pk)
    program = program_of(hanna, "user")
    assert program.error("user.update", ID=hanna.pk, UF_DEPARTMENT=[sales.pk]) == (403, "ACCESS_DENIED")
    assert where(hanna) == {}


def test_whom_she_dismisses_is_followed_by_one_of_the_department_or_who_heads_it_from_above(
    as_person: Browser, hanna: User, person: Callable[..., User], sales: Department, olga: User
) -> None:
    anna, boris, cara, dan = (person(name) for name in ("Anna", "Boris", "Cara", "Dan"))
    company = sales.parent
    assert company is not None
    for one, department, role in (
        (anna, sales, "head"), (boris, sales, "member"), (cara, company, "member"), (dan, company, "head"),
    ):  # fmt: skip
        add_member(department, one, role=Membership.Role(role), by=None)
    place = f"/employees/{anna.pk}/dismissal/"
    for other in (hanna, cara):
        answer = as_person(hanna).post(place, {"successor": other.login})
        assert FOR_EDITORS in answer.content.decode()
        anna.refresh_from_db()
        assert (anna.status, where(anna)) == (User.Status.ACTIVE, {"Sales": "head"})
    assert (where(hanna), where(cara)) == ({}, {"Company": "member"})
    assert as_person(hanna).post(place, {"successor": boris.login}).status_code < 400
    assert (where(anna), where(boris)) == ({"Sales": "member"}, {"Sales": "head"})
    assert (
        as_person(hanna).post(f"/employees/{boris.pk}/dismissal/", {"successor": dan.login}).status_code < 400
    )
    assert where(dan) == {"Company": "head", "Sales": "head"}
    assert as_person(hanna).post(f"/employees/{dan.pk}/dismissal/").status_code < 400
    assert where(dan) == {"Company": "member", "Sales": "member"}


def test_nor_does_she_say_who_heads_a_department_whose_heads_have_rights_in_the_console(
    as_person: Browser, hanna: User, anna: User, boris: User, sales: Department, olga: User
) -> None:
    add_member(sales, anna, role=Membership.Role.HEAD, by=None)
    grant_role(create_role("Keepers", ["console.backups"], by=olga), f"H{sales.pk}", by=olga)
    answer = as_person(hanna).post(f"/employees/{anna.pk}/dismissal/", {"successor": boris.login})
    assert WITH_RIGHTS in answer.content.decode()
    assert where(boris) == {"Sales": "member"}


def test_a_department_answers_for_those_that_were_merged_into_it(
    hanna: User, office: Department, sales: Department, olga: User
) -> None:
    merge_departments(office, sales, by=olga)
    assert imported_by(hanna, "Name;E-mail;Department", "New Nina;nina@example.com;Sales") == []
    grant_role(create_role("Others", ["console.see"], by=olga), f"D{office.pk}", by=olga)
    (said,) = imported_by(hanna, "Name;E-mail;Department", "New Nick;nick@example.com;Sales")
    assert WITH_RIGHTS in said


def test_the_list_is_saved_as_it_is_chosen_and_that_is_told(
    as_person: Browser, olga: User, anna: User, cara: User, sales: Department
) -> None:
    User.objects.filter(pk=anna.pk).update(
        position="=cmd()", phone="+7 900 000-00-00", birthday_on=date(1990, 2, 3)
    )
    browser = as_person(olga)
    answer: Any = browser.get(f"/employees/?department={sales.pk}&as=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    head, row = (list(one.cells) for one in read_table(io.BytesIO(text.encode())))
    assert dict(zip(head, row, strict=False)) | {"Login": anna.login, "Department": "Sales"} == dict(
        zip(head, row, strict=False)
    )
    assert "'=cmd()" in text
    assert cara.email not in text
    told = AuditRecord.objects.get(kind="lists.exported")
    details = {"list": "Employees", "format": "csv", "filter": f"department={sales.pk}", "rows": 1}
    assert (told.by_id, told.details) == (olga.pk, details)
    assert browser.get("/employees/", {"as": "pdf"}).status_code == 404


def test_a_saved_list_is_imported_again_and_changes_nothing(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    answer: Any = as_person(olga).get("/employees/", {"as": "xlsx"})
    data = b"".join(answer.streaming_content)
    run = begin_import(importers["people"], io.BytesIO(data), "employees.xlsx", by=olga)
    columns = run.columns
    assert {"last_name", "first_name", "login", "email", "department"} <= set(columns)
    start_import(run, columns, by=olga)
    run.refresh_from_db()
    go_on(run)
    run.refresh_from_db()
    assert (run.created, run.changed, run.failed) == (0, 0, 0)


def test_who_is_new_is_an_address(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    User.objects.filter(pk=boris.pk).update(joined_at=timezone.now() - timedelta(days=31))
    page = as_person(cara).get("/employees/", {"new": "yes"}).content.decode()
    shown = page.partition('id="list"')[2]
    assert "Test Anna" in shown
    assert "Test Boris" not in shown
    assert 'class="chip" href="/employees/"' in shown


def test_each_choice_is_taken_back_by_itself(as_person: Browser, anna: User, sales: Department) -> None:
    page = as_person(anna).get("/employees/", {"department": str(sales.pk), "new": "yes", "q": "Test"})
    shown = page.content.decode()
    assert f'href="/employees/?department={sales.pk}&amp;new=yes"' in shown
    assert f'href="/employees/?q=Test&amp;department={sales.pk}"' in shown
    assert 'href="/employees/?q=Test&amp;new=yes"' in shown


def test_nonsense_in_the_address_finds_nobody_and_is_said(as_person: Browser, anna: User) -> None:
    page = as_person(anna).get("/employees/", {"department": "9'><b>", "status": "<b>"}).content.decode()
    shown = page.partition('id="list"')[2]
    assert "Choose again from the list." in shown
    assert "This list has no such filter any more." in shown
    assert "Test Anna" not in shown
    assert "<b>" not in shown


def test_the_working_calendar_is_in_the_audit_log(olga: User) -> None:
    decide_day(date(2026, 12, 31), "off", by=olga)
    deliver_all()
    record = AuditRecord.objects.get(kind="portal.calendar")
    assert (record.by_id, record.details["on"], record.details["kind"]) == (olga.pk, "2026-12-31", "off")


def test_nobody_else_may(as_person: Browser, anna: User, olga: User) -> None:
    create_user(NewUser(email="x@example.com"), password=None, by=olga)
    assert as_person(anna).get("/employees/new/").status_code == 403
    assert as_person(anna).get("/employees/", {"as": "csv"}).status_code == 403
