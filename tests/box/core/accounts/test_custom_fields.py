"""Fields of profiles that administrators define: their rules, their values, and where those show."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.core.access.actions import create_role, grant_role
from box.core.accounts import custom_fields
from box.core.accounts.access import EDIT_PEOPLE
from box.core.accounts.actions import dismiss_user
from box.core.accounts.bulk import change_people
from box.core.accounts.bulk import claim_fields as own
from box.core.accounts.custom_fields import EDITORS, PERSON, PROFILE, set_values, texts_of_many
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.fields.actions import (
    FieldDraft,
    add_field,
    archive_field,
    change_field,
    move_field,
    restore_field,
)
from box.core.fields.kinds import read
from box.core.fields.models import Field, Value
from box.core.files.models import Blob, File
from box.core.imports import jobs
from box.core.imports.actions import begin_import, start_import
from box.core.imports.importers import importers
from box.core.registry.belongings import going
from box.lib.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.bridges.storage.client import S3Store

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

Kind = Field.Kind


def fill_in(person: User, values: dict[str, str], *, by: User) -> None:
    """As texts, by the keys of the fields."""
    fields = {field.key: field for field in PROFILE.fields}
    set_values(person, {fields[key]: read(fields[key], text) for key, text in values.items()}, by=by)


def texts_of(person: User) -> dict[str, str]:
    return texts_of_many([person.pk]).get(person.pk, {})


@pytest.fixture
def city(olga: User) -> Field:
    return add_field(PROFILE, FieldDraft("Home town"), by=olga)


@pytest.fixture
def shirt(olga: User) -> Field:
    return add_field(PROFILE, FieldDraft("Shirt", Kind.CHOICE, choices=("S", "M", "L")), by=olga)


@pytest.fixture
def contract(olga: User) -> Field:
    """Between the person and who edits people, and written by those."""
    draft = FieldDraft("Contract until", Kind.DATE, readers=PERSON, writers=EDITORS)
    return add_field(PROFILE, draft, by=olga)


def test_a_person_fills_them_in_and_everybody_reads_them(
    as_person: Browser, anna: User, cara: User, city: Field, shirt: Field
) -> None:
    browser = as_person(anna)
    assert "Home town" in browser.get(f"/employees/{anna.pk}/details/").content.decode()
    answer = browser.post(
        f"/employees/{anna.pk}/details/", {"first_name": "Anna", city.key: "Тверь", shirt.key: "XXL"}
    )
    assert answer.status_code == 422
    assert "Shirt: “XXL” is not in its list." in answer.content.decode()
    assert texts_of(anna) == {}
    browser.post(f"/employees/{anna.pk}/details/", {"first_name": "Anna", city.key: "Тверь", shirt.key: "M"})
    page = as_person(cara).get(f"/employees/{anna.pk}/").content.decode()
    assert "Тверь" in page
    assert "Home town" in page
    assert "Tver" not in page
    found = as_person(cara).get("/employees/?q=tver").content.decode()
    assert "Anna" in found


@pytest.fixture
def hanna(person: Callable[..., User], olga: User) -> User:
    """She may edit people, and nothing else."""
    hanna = person("Hanna")
    grant_role(create_role("Personnel", [EDIT_PEOPLE], by=olga), f"U{hanna.pk}", by=olga)
    hanna.refresh_from_db()
    return hanna


def scanned(person: User, field: Field, *, by: User) -> File:
    """A file that stands in that field of the person."""
    blob = Blob.objects.create(key=f"2026/01/{uuid4().hex}", size=1)
    file = File.objects.create(owner=by, name="scan.pdf", blob=blob, audience=[f"U{by.pk}"])
    set_values(person, {field: (file.pk,)}, by=by)
    return file


def seen_by(file: File, *people: User) -> list[bool]:
    return [File.objects.visible_to(one).filter(pk=file.pk).exists() for one in people]


def test_a_file_in_a_field_is_seen_by_whoever_sees_the_field(
    anna: User, boris: User, olga: User, hanna: User
) -> None:
    picture = add_field(PROFILE, FieldDraft("Picture of the desk", Kind.FILE), by=olga)
    scan = add_field(PROFILE, FieldDraft("Contract", Kind.FILE, readers=PERSON, writers=EDITORS), by=olga)
    assert seen_by(scanned(anna, picture, by=anna), anna, boris, hanna, olga) == [True] * 4
    contract = scanned(anna, scan, by=olga)
    assert seen_by(contract, anna, boris, hanna, olga) == [True, False, True, True]
    change_field(scan, FieldDraft("Contract", Kind.FILE), by=olga)
    assert seen_by(contract, anna, boris, hanna, olga) == [True] * 4
    change_field(scan, FieldDraft("Contract", Kind.FILE, readers=PERSON, writers=EDITORS), by=olga)
    assert seen_by(contract, anna, boris, hanna, olga) == [True, False, True, True]


def test_files_in_fields_go_with_the_person(anna: User, olga: User) -> None:
    scan = add_field(PROFILE, FieldDraft("Contract", Kind.FILE, readers=PERSON, writers=EDITORS), by=olga)
    contract = scanned(anna, scan, by=olga)
    dismiss_user(anna, by=olga)
    erase_person(anna, by=olga)
    assert not File.objects.filter(pk=contract.pk).exists()


def test_what_must_be_filled_in_is_asked_for(as_person: Browser, anna: User, olga: User, city: Field) -> None:
    change_field(city, FieldDraft("Home town", is_required=True), by=olga)
    answer = as_person(anna).post(f"/employees/{anna.pk}/details/", {"first_name": "Annette"})
    assert answer.status_code == 422
    assert User.objects.get(pk=anna.pk).first_name == "Anna"


def test_what_is_between_two_is_seen_and_written_by_those(
    as_person: Browser, anna: User, boris: User, olga: User, contract: Field
) -> None:
    sent = {"first_name": "Anna", contract.key: "2030-01-31"}
    as_person(anna).post(f"/employees/{anna.pk}/details/", sent)
    assert texts_of(anna) == {}
    as_person(olga).post(f"/employees/{anna.pk}/details/", sent)
    for reader, sees in ((anna, True), (olga, True), (boris, False)):
        page = as_person(reader).get(f"/employees/{anna.pk}/").content.decode()
        assert ("31 January 2030" in page) is sees, reader.name
    assert not User.objects.matching("2030").exists()


def test_an_outside_guest_has_none_and_sees_none(anna: User, erik: User, city: Field, olga: User) -> None:
    fill_in(anna, {city.key: "Tver"}, by=anna)
    assert custom_fields.shown_of(anna, reader=erik) == []
    assert custom_fields.readable(erik, reader=olga) == []
    assert custom_fields.editable(erik, by=olga) == []


def test_values_outlive_another_name_and_the_archive(anna: User, olga: User, city: Field) -> None:
    fill_in(anna, {city.key: "Tver"}, by=anna)
    change_field(city, FieldDraft("Town"), by=olga)
    assert [(one.field.name, one.text) for one in custom_fields.shown_of(anna, reader=olga)] == [
        ("Town", "Tver")
    ]
    archive_field(city, by=olga)
    assert custom_fields.shown_of(anna, reader=olga) == []
    assert not User.objects.matching("tver").exists()
    restore_field(city, by=olga)
    assert [one.text for one in custom_fields.shown_of(anna, reader=olga)] == ["Tver"]
    assert User.objects.matching("tver").get() == anna


def test_a_choice_that_was_taken_off_the_list_stays_with_who_has_it(
    as_person: Browser, anna: User, olga: User, shirt: Field
) -> None:
    fill_in(anna, {shirt.key: "M"}, by=anna)
    change_field(shirt, FieldDraft("Shirt", choices=("S", "L")), by=olga)
    sent = {"first_name": "Anna", "position": "Buyer", shirt.key: "M"}
    assert as_person(anna).post(f"/employees/{anna.pk}/details/", sent).status_code == 302
    with pytest.raises(ValidationError):
        fill_in(olga, {shirt.key: "M"}, by=olga)


def test_what_only_some_may_see_is_found_by_nobody(anna: User, olga: User, city: Field) -> None:
    fill_in(anna, {city.key: "Tver"}, by=anna)
    change_field(city, FieldDraft("Home town", readers=PERSON), by=olga)
    assert not User.objects.matching("tver").exists()


def test_administrators_define_them_on_a_page(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)

    def add(name: str, kind: str = "text") -> Any:
        sent = {"name": name, "kind": kind, "readers": "everybody", "writers": "person"}
        return browser.post("/console/settings/fields/accounts.user/", {**sent, "nonce": str(uuid4())})

    answer = add("Desk", "choice")
    assert answer.status_code == 422
    assert "one a line" in answer.content.decode()
    assert add("Desk").status_code == add("Car").status_code == 302
    answer = add("desk")
    assert "There is a field of this name already." in answer.content.decode()
    desk, car = Field.objects.in_order()
    browser.post(f"/console/settings/fields/{car.pk}/place/", {"to": "up"})
    assert list(Field.objects.in_order()) == [car, desk]
    browser.post(
        f"/console/settings/fields/{desk.pk}/",
        {"name": "Room", "readers": "person", "writers": "editors"},
    )
    desk.refresh_from_db()
    assert (desk.name, desk.readers, desk.kind) == ("Room", "person", "text")
    browser.post(f"/console/settings/fields/{car.pk}/archive/", {"to": "archive"})
    assert PROFILE.fields == (desk,)
    assert "Car" in browser.get("/console/settings/fields/accounts.user/").content.decode()
    browser.post(f"/console/settings/fields/{car.pk}/archive/", {"to": "use"})
    assert [field.name for field in PROFILE.fields] == ["Room", "Car"]


def test_moving_goes_no_further_than_there_are_fields(olga: User, city: Field, shirt: Field) -> None:
    move_field(city, -1, by=olga)
    move_field(shirt, 5, by=olga)
    assert list(Field.objects.in_order()) == [city, shirt]


def test_an_outside_source_locks_what_it_fills_in(
    as_person: Browser, anna: User, olga: User, city: Field
) -> None:
    change_people({anna.pk: {city.key: "Tver", "position": "Buyer"}})
    own({anna.pk: [city.key]}, source="Corp")
    page = as_person(anna).get(f"/employees/{anna.pk}/details/").content.decode()
    assert "Kept in Corp" in page
    as_person(anna).post(f"/employees/{anna.pk}/details/", {"first_name": "Anna", city.key: "Oslo"})
    person = User.objects.get(pk=anna.pk)
    assert (texts_of(person), person.first_name) == ({city.key: "Tver"}, "Anna")
    with pytest.raises(ValidationError, match="Corp"):
        fill_in(person, {city.key: "Oslo"}, by=olga)
    change_people({anna.pk: {city.key: ""}})
    assert texts_of(anna) == {}
    assert not User.objects.matching("tver").exists()


def test_a_table_fills_them_in_and_an_export_gives_them_back(
    as_person: Browser, anna: User, olga: User, city: Field, contract: Field, store: S3Store
) -> None:
    table = io.BytesIO(
        b"Name;E-mail;Home town;Contract until\n"
        b"Test Anna;anna@example.com;Tver;31.01.2030\n"
        b"New Nina;nina@example.com;Oslo;\n"
        b"Bad Bob;bob@example.com;;soon\n"
    )
    run = begin_import(importers["people"], table, "people.csv", by=olga)
    assert run.columns == ["full_name", "email", city.key, contract.key]
    start_import(run, run.columns, by=olga)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (run.created, run.changed, run.failed) == (1, 1, 1)
    assert "Contract until: “soon” is no date" in run.problems.get().text
    assert User.objects.matching("oslo").get().login == "nina@example.com"
    answer: Any = as_person(olga).get("/employees/", {"as": "xlsx"})
    head, *rows = [list(row.cells) for row in read_table(io.BytesIO(b"".join(answer.streaming_content)))]
    assert head[-2:] == ["Home town", "Contract until"]
    town = head.index("Home town")
    by_login = {row[4]: row[town:] for row in rows}
    assert by_login["anna@example.com"] == ["Tver", "2030-01-31"]
    assert by_login["nina@example.com"] == ["Oslo"]


def test_erasing_takes_them(anna: User, olga: User, city: Field) -> None:
    fill_in(anna, {city.key: "Zyxwvut"}, by=anna)
    dismiss_user(anna, by=olga)
    assert "Home town" in [thing for one in going(anna) for thing in one.things]
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert not Value.objects.exists()
    assert not User.objects.matching("zyxwvut").exists()


def test_a_profile_asks_as_much_however_many_there_are(
    as_person: Browser, anna: User, olga: User, city: Field
) -> None:
    def asked() -> int:
        browser = as_person(olga)
        browser.get(f"/employees/{anna.pk}/")
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/employees/{anna.pk}/")
        return len(queries)

    fill_in(anna, {city.key: "Tver"}, by=anna)
    before = asked()
    for number in range(10):
        field = add_field(PROFILE, FieldDraft(f"Field {number}"), by=olga)
        fill_in(anna, {field.key: "something"}, by=anna)
    assert asked() == before
