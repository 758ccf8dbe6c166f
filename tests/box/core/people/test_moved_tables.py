"""People's tables came out of `org`: a box of before has its rows in them afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from box.core.accounts.models import User
from box.core.events.models import Nonce
from box.core.events.outbox import kind_of, subscription_named
from box.core.people.absences import Away, write_absence
from box.core.people.events import PhotoChanged
from box.core.people.models import Absence, PersonSkill
from box.core.people.skills import add_skill
from box.core.structure.events import DepartmentCreated
from box.lib.migration_executor import LeanExecutor

pytestmark = pytest.mark.django_db

TODAY = datetime(2026, 11, 2, tzinfo=UTC).date()


def migrate(*targets: tuple[str, str | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    executor = LeanExecutor(connection)
    executor.migrate(list(targets))


def test_rows_of_before_are_found_afterwards(anna: User) -> None:
    skill = add_skill(anna, "Excel", by=anna)
    away = write_absence(anna, Away("trip", TODAY, TODAY), by=anna)
    Nonce.objects.create(actor_id=anna.pk, value="made-by-a-form", result=f"people.Absence:{away.pk}")

    migrate(("people", None))
    assert Nonce.objects.get(value="made-by-a-form").result == f"org.Absence:{away.pk}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM org_absence")
        assert cursor.fetchone() == (1,)

    migrate(*LeanExecutor(connection).loader.graph.leaf_nodes("people"))
    assert Nonce.objects.get(value="made-by-a-form").result == f"people.Absence:{away.pk}"
    assert PersonSkill.objects.get(user=anna).skill == skill
    assert Absence.objects.get(user=anna) == away


@pytest.mark.parametrize("name", ["count_anew", "show_anew", "take_along", "show_photo_anew"])
def test_what_was_to_be_delivered_before_finds_its_handler(name: str) -> None:
    found = subscription_named(f"box.core.org.handlers.{name}")
    assert found is not None and found.handler.__name__ == name


def test_events_go_on_under_the_name_by_which_they_were_counted() -> None:
    assert kind_of(DepartmentCreated) == "org.DepartmentCreated"
    assert kind_of(PhotoChanged) == "org.PhotoChanged"
