"""A box of an earlier version keeps the fields of its profiles, with their values, and its imports."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from box.core.accounts.custom_fields import PROFILE
from box.core.accounts.models import User
from box.core.events.models import Delivery, Event
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field
from box.core.fields.values import rows_of, shown_of
from box.core.imports.models import ImportProblem, ImportRun
from box.lib.migration_executor import LeanExecutor
from tests.conftest import begin_anew
from tests.databases import empty_database

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

BEFORE = [("accounts", "0011_spelling"), ("org", "0007_tables_let_go"), ("events", "0004_origin")]


def upgrade() -> None:
    executor = LeanExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def written(table: str, **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
            [json.dumps(one) if isinstance(one, dict) else one for one in values.values()],
        )


def written_person(number: int, name: str, *, is_administrator: bool = False) -> None:
    address = f"{name.lower()}@corp.test"
    written(
        "accounts_user", id=number, password="!", login=address, email=address, first_name=name, last_name="",
        patronymic="", position="", phone="", status="active", is_extranet=False, is_demo=False,
        is_administrator=is_administrator, access_version=0, joined_at="2026-01-01T00:00:00Z", language="en",
        time_zone="UTC", theme="light",
    )  # fmt: skip


def field(number: int, name: str, kind: str, choices: list[str], *, archived: str | None = None) -> None:
    written(
        "accounts_ownfield", id=number, name=name, kind=kind, choices=choices, readers="everybody",
        writers="editors", is_required=kind == "text", place=10 - number, archived_at=archived,
    )  # fmt: skip


def test_a_box_of_an_earlier_version_keeps_its_fields_and_its_imports(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> None:
    with django_db_blocker.unblock(), empty_database(f"earlier_{worker_id}"):
        LeanExecutor(connection).migrate(BEFORE)
        written_person(1, "Anna")
        written_person(2, "Olga", is_administrator=True)
        field_changed = write_fields(anna=1, olga=2)
        import_started = write_import(olga=2)
        upgrade()
        begin_anew()
        anna, olga = User.objects.order_by("pk")
        own_fields_are_what_they_were(anna, olga, field_changed)
        imports_go_on_where_they_were(olga, import_started)


@pytest.mark.django_db
def test_a_box_without_own_fields_has_none(olga: User) -> None:
    """Its migrations have run over empty tables (`tests.databases`)."""
    assert not Field.objects.exists()
    assert add_field(PROFILE, FieldDraft("First"), by=olga).pk


def write_fields(*, anna: int, olga: int) -> Event:
    """And an event of one of them, on its way to the audit log."""
    field(1, "Home town", "text", [])
    field(2, "Shirt", "choice", ["S", "Мал"])
    field(3, "Contract until", "date", [])
    field(4, "Room", "number", [])
    field(5, "Drives", "yes_no", [])
    field(7, "Once", "link", [], archived="2026-01-01T00:00:00Z")
    values = {
        "own-1": "Тверь", "own-2": "XXL", "own-3": "2030-01-31", "own-4": "-12.123456789", "own-5": "yes",
        "own-7": "https://example.com", "own-99": "of nothing",
    }  # fmt: skip
    written("accounts_profile", user_id=anna, owners={"own-1": "Corp"}, own_values=values)
    written("accounts_profile", user_id=olga, owners={}, own_values={"own-2": "мал", "own-5": "no"})
    event = Event.objects.create(
        kind="accounts.OwnFieldChanged",
        payload={"field_id": 1, "name": "Home town", "change": "added", "by_id": olga},
    )
    Delivery.objects.create(event=event, handler="box.core.audit.handlers.log:accounts.own_field_added")
    return event


def own_fields_are_what_they_were(anna: User, olga: User, event: Event) -> None:
    assert [(one.name, one.key, one.code, one.writers) for one in PROFILE.fields] == [
        ("Drives", "own-5", "UF_5", "editors"),
        ("Room", "own-4", "UF_4", "editors"),
        ("Contract until", "own-3", "UF_3", "editors"),
        ("Shirt", "own-2", "UF_2", "editors"),
        ("Home town", "own-1", "UF_1", "editors"),
    ]
    shown = shown_of(PROFILE, [anna.pk, olga.pk], reader=olga)
    assert {one.field.name: one.text for one in shown[anna.pk]} == {
        "Drives": "yes", "Room": "-12.123456789", "Contract until": "31 January 2030", "Shirt": "XXL",
        "Home town": "Тверь",
    }  # fmt: skip
    assert [one.text for one in shown[olga.pk]] == ["no", "Мал"]
    assert [(one.name, one.is_retired) for one in PROFILE.fields[3].options] == [
        ("XXL", True), ("S", False), ("Мал", False)
    ]  # fmt: skip
    kept = {row.field_id: row for row in rows_of(PROFILE, [anna.pk])}
    assert kept[7].text == "https://example.com", "what is archived is kept"
    assert kept[4].number == Decimal("-12.123456789")
    assert add_field(PROFILE, FieldDraft("New"), by=olga).pk > 7
    event.refresh_from_db()
    assert (event.kind, event.payload["set_key"]) == ("fields.FieldChanged", "accounts.user")
    assert Delivery.objects.get(event=event).handler.endswith("log:fields.added")


def write_import(*, olga: int) -> Event:
    """And the event that begins it."""
    run = {
        "id": 5, "by_id": olga, "name": "people.csv", "blob_id": None, "columns": '["email", "own-1"]',
        "preview": '[["E-mail", "Town"], ["a@b.test", "x"]]', "makes_departments": True, "invites": False,
        "language": "ru", "status": "done", "total": 3, "done": 3, "created": 2, "changed": 0, "failed": 1,
        "created_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    written("org_peopleimport", **run)
    written("org_importproblem", run_id=5, row=3, text="wrong", cells='["x"]')
    event = Event.objects.create(kind="org.PeopleImportStarted", payload={"import_id": 5, "by_id": olga})
    Delivery.objects.create(event=event, handler="box.core.structure.handlers.import_people")
    return event


def imports_go_on_where_they_were(olga: User, event: Event) -> None:
    moved = ImportRun.objects.get()
    assert (moved.pk, moved.importer, moved.options, moved.columns) == (
        5, "people", ["makes_departments"], ["email", "own-1"],
    )  # fmt: skip
    assert (moved.created, moved.failed, moved.status) == (2, 1, "done")
    assert [(one.run_id, one.row, one.cells) for one in ImportProblem.objects.all()] == [(5, 3, ["x"])]
    event.refresh_from_db()
    assert (event.kind, event.payload) == ("imports.ImportStarted", {"run_id": 5, "by_id": olga.pk})
    assert Delivery.objects.get(event=event).handler == "box.core.imports.handlers.import_table"
    assert ImportRun.objects.create(importer="people", by=olga, name="next", total=1).pk > 5
