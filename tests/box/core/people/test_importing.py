from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from openpyxl import Workbook

from box.bridges.storage.client import S3Store
from box.core.accounts.actions import dismiss_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.files.garbage_collection import sweep_blobs
from box.core.files.models import Blob
from box.core.imports import actions as imports
from box.core.imports import jobs
from box.core.imports.importers import importers
from box.core.imports.models import ImportRun
from box.core.imports.tables import guessed
from box.core.structure import actions
from box.core.structure.models import Department

if TYPE_CHECKING:
    from django.test import Client

type Browser = Callable[[User], Client]

HEAD = ["ФИО", "Электронная почта", "Отдел", "Должность", "Мобильный телефон", "Дата рождения"]


def row(number: int, **cells: str) -> list[Any]:
    usual = {
        "name": f"Иванов{number} Иван Иванович", "email": f"ivan{number}@example.com",
        "department": "Company / Sales", "position": "Инженер",
        "phone": f"+7 916 {number:07}", "born": "24.11.1990",
    }  # fmt: skip
    return list((usual | cells).values())


def table(*rows: list[Any], head: list[str] = HEAD) -> io.BytesIO:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for one in (head, *rows):
        sheet.append(one)
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


def begin_import(file: io.BytesIO, name: str, *, by: User) -> ImportRun:
    return imports.begin_import(importers["people"], file, name, by=by)


def imported(file: io.BytesIO, by: User, *options: str) -> ImportRun:
    run = begin_import(file, "people.xlsx", by=by)
    imports.start_import(run, run.columns, options=options, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


def test_a_login_that_is_anothers_email_stops_the_row(olga: User, anna: User) -> None:
    """People sign in with either."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for one in (
        ["Фамилия", "Электронная почта", "Логин"],
        ["Verina", "vera@example.com", "vera"],
        ["Ivanov", "ivan@example.com", anna.email],
        ["Petrov", "petr@example.com", "vera@example.com"],
    ):
        sheet.append(one)
    User.objects.filter(pk=anna.pk).update(login="anna")
    User.objects.create(login="ivan", email="ivan@example.com")
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    run = imported(out, olga)
    assert (run.created, run.failed) == (1, 2)
    assert dict(run.problems.values_list("row", "text")) == {
        3: f"This is in several already: {anna.email}, ivan@example.com.",
        4: "Row 2 above is the same.",
    }


@pytest.mark.django_db
def test_headings_are_understood_in_both_languages() -> None:
    fields = importers["people"].fields()
    assert guessed(HEAD, fields) == ["full_name", "email", "department", "position", "phone", "birthday_on"]
    head = ["Last Name", "first_name", "E-mail", "Job title", "Shoe size", "Name", "E-Mail"]
    assert guessed(head, fields) == ["last_name", "first_name", "email", "position", "", "full_name", ""]


@pytest.mark.parametrize(
    ("said", "gender"), [("Ж", "F"), ("муж.", "M"), ("Female", "F"), ("man", "M"), ("мужской", "M")]
)
def test_city_and_gender_come_as_tables_call_them(said: str, gender: str, olga: User, store: S3Store) -> None:
    head = ["Имя", "Почта", "Город", "Пол"]
    run = imported(table(["Анна", "anna9@example.com", "Казань", said], head=head), olga)
    assert (run.created, run.failed) == (1, 0)
    anna = User.objects.get(email="anna9@example.com")
    assert (anna.city, anna.gender) == ("Казань", gender)


def test_what_is_no_gender_is_named(olga: User, store: S3Store) -> None:
    head = ["Имя", "Почта", "Пол"]
    run = imported(table(["Анна", "anna9@example.com", "кошка"], head=head), olga)
    (problem,) = run.problems.values_list("text", flat=True)
    assert problem == "кошка is no gender: write woman or man, or leave it empty."


BAD = {
    "no e-mail": {"email": ""},
    "no address": {"email": "ivan at example"},
    "no name": {"name": " "},
    "no birthday": {"born": "soon"},
    "no department": {"department": "Nowhere"},
    "twice": {"email": "ivan1@example.com"},
    "too long": {"position": "x" * 201},
}


def test_five_thousand_rows_of_which_37_are_bad(olga: User, sales: Department, store: S3Store) -> None:
    rows: list[list[Any]] = []
    bad: dict[int, str] = {}
    for number in range(5_000):
        cells: dict[str, str] = {}
        if number % 135 == 134 and len(bad) < 37:
            word, cells = list(BAD.items())[len(bad) % len(BAD)]
            bad[number + 2] = word
        rows.append(row(number, **cells))
    assert len(bad) == 37
    run = imported(table(*rows), olga)
    assert (run.status, run.total, run.done) == ("done", 5_000, 5_000)
    assert (run.created, run.changed, run.failed, run.unchanged) == (4_963, 0, 37, 0)
    problems = dict(run.problems.values_list("row", "text"))
    assert problems.keys() == bad.keys()
    assert {text for number, text in problems.items() if bad[number] == "twice"} == {
        "Row 3 above is the same."
    }
    assert sales.memberships.count() == 4_963
    ivan = User.objects.get(email="ivan7@example.com")
    assert (ivan.last_name, ivan.first_name, ivan.patronymic) == ("Иванов7", "Иван", "Иванович")
    assert str(ivan.birthday_on) == "1990-11-24"
    events = Event.objects.count()
    again = imported(table(*rows), olga)
    assert (again.created, again.changed, again.failed, again.unchanged) == (0, 0, 37, 4_963)
    assert dict(again.problems.values_list("row", "text")) == problems
    assert Event.objects.count() == events + 2  # that it was started, and what came of it


def test_who_is_here_is_corrected(olga: User, anna: User, sales: Department, store: S3Store) -> None:
    works = actions.create_department("Works", parent=sales.parent, by=None)
    run = imported(table(row(1, email="ANNA@example.com", department="works")), olga)
    anna.refresh_from_db()
    assert (run.changed, run.created) == (1, 0)
    assert (anna.last_name, anna.position) == ("Иванов1", "Инженер")
    assert actions.roles_of(anna).keys() == {sales.pk, works.pk}


def test_missing_departments_are_made_if_that_is_wanted(
    olga: User, sales: Department, store: S3Store
) -> None:
    run = imported(table(row(1, department="Company > Works > West")), olga, "makes_departments")
    assert run.created == 1
    west = Department.objects.get(name="West")
    assert west.parent is not None
    assert (west.parent.name, west.parent.parent_id) == ("Works", sales.parent_id)


def test_a_dismissed_person_and_a_guest_are_not_touched(
    olga: User, anna: User, erik: User, sales: Department, store: S3Store
) -> None:
    from box.core.accounts.actions import dismiss_user

    dismiss_user(anna, by=olga)
    run = imported(table(row(1, email=anna.email), row(2, email=erik.email)), olga)
    assert run.failed == 2
    assert "is dismissed: let them return first" in run.problems.order_by("row")[0].text


def test_everybody_may_be_invited(olga: User, sales: Department, store: S3Store) -> None:
    imported(table(row(1), row(2)), olga, "invites")
    assert Event.objects.filter(kind="accounts.PersonInvited").count() == 2
    assert User.objects.exclude(invited_at=None).count() == 2


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        (["full_name", "", "", "", "", ""], "which column is the e-mail"),
        (["", "email", "", "", "", ""], "which column is the name"),
        (["full_name", "email", "email", "", "", ""], "the same field"),
        (["full_name", "email", "is_administrator", "", "", ""], "no such field"),
        (["full_name", "email", "password", "", "", ""], "no such field"),
    ],
)
def test_columns_that_make_no_sense_are_refused(
    olga: User, sales: Department, store: S3Store, columns: list[str], word: str
) -> None:
    run = begin_import(table(row(1)), "people.xlsx", by=olga)
    with pytest.raises(ValidationError, match=word):
        imports.start_import(run, columns, by=olga)
    assert not User.objects.filter(email="ivan1@example.com").exists()


def test_an_administrator_imports_in_the_browser(
    as_person: Browser, olga: User, sales: Department, store: S3Store
) -> None:
    browser = as_person(olga)
    file = SimpleUploadedFile("<b>people</b>.csv", b"Name;E-mail\n<b>Bold</b> Bob;bob@example.com\n;no\n")
    answer = browser.post("/imports/people/", {"table": file, "nonce": str(uuid4())})
    address = answer.headers["Location"]
    page = browser.get(address).content.decode()
    assert "&lt;b&gt;Bold&lt;/b&gt; Bob" in page
    assert '<option value="email" selected>' in " ".join(page.split())
    browser.post(address, {"column-0": "full_name", "column-1": "email"})
    run = ImportRun.objects.get()
    jobs.import_once(run.pk)
    page = browser.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "2 of 2 rows" in page
    assert "no is no e-mail address." in page
    assert b"".join(browser.get(f"{address}problems/"))[:2] == b"PK"


def test_nobody_else_imports(as_person: Browser, anna: User, store: S3Store) -> None:
    file = SimpleUploadedFile("people.csv", b"Name;E-mail\nBob;bob@example.com\n")
    assert as_person(anna).post("/imports/people/", {"table": file}).status_code == 403
    assert not ImportRun.objects.exists()


def test_the_table_goes_when_it_is_imported(olga: User, sales: Department, store: S3Store) -> None:
    run = begin_import(table(row(1)), "people.xlsx", by=olga)
    assert run.blob is not None
    assert run.blob not in Blob.objects.unreferenced()
    imports.start_import(run, run.columns, by=olga)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.status, run.created) == ("done", 1)
    assert run.blob_id is None
    assert swept(store) == []


def test_a_table_that_waits_goes_with_who_is_erased(
    as_person: Browser, olga: User, anna: User, sales: Department, store: S3Store
) -> None:
    # Further down than what the page shows of it.
    others = [row(number) for number in range(20)]
    named = begin_import(table(*others, row(20, email=anna.email.upper())), "named.xlsx", by=olga)
    other = begin_import(table(*others), "other.xlsx", by=olga)
    assert other.blob is not None
    dismiss_user(anna, by=olga)
    erase_person(anna, by=olga)
    assert swept(store) == [other.blob.key]
    address = f"/imports/{named.pk}/"
    answer = as_person(olga).post(address, {"column-0": "full_name", "column-1": "email"})
    assert answer.status_code == 422
    assert "take a new one without them" in answer.content.decode()
    named.refresh_from_db()
    assert named.status == ImportRun.Status.NEW
    imports.start_import(other, other.columns, by=olga)
    jobs.import_once(other.pk)
    other.refresh_from_db()
    assert (other.created, other.failed) == (20, 0)


def test_a_table_that_cannot_be_looked_into_goes_too(
    olga: User, anna: User, sales: Department, store: S3Store
) -> None:
    run = begin_import(table(row(1)), "people.xlsx", by=olga)
    assert run.blob is not None
    store.delete(run.blob.key)
    dismiss_user(anna, by=olga)
    erase_person(anna, by=olga)
    run.refresh_from_db()
    assert run.blob is None


def swept(store: S3Store) -> list[str]:
    """What the store still has a week after nobody needed it any more."""
    for days in (0, 8):
        sweep_blobs(timezone.now() + timedelta(days=days), older_than=timedelta(days=7))
    return [item.key for item in store.objects()]
