"""Duplicates are found, become one, and can be parted again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.merging import forget_expired, merge_records, take_back_merger
from box.apps.crm.actions.records import change_record
from box.apps.crm.contact_points import Reach
from box.apps.crm.duplicates import Ground, Sought, duplicates_of
from box.apps.crm.models import Activity, Link, Merger, Record
from box.apps.crm.models.mergers import KEPT_FOR
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from tests.box.apps.crm.conftest import added, allow

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

CONTACT = 3


def rose(by: User, **fields: Any) -> Record:
    given: dict[str, Any] = {"first_name": "Rose", "last_name": "Weber", **fields}
    return added("contact", by, **given)


def found(**sought: Any) -> list[tuple[str, tuple[Ground, ...]]]:
    duplicates = duplicates_of(Sought(**sought), types=[CONTACT])
    return [(one.record.title, one.grounds) for one in duplicates]


def test_duplicates_are_found_by_what_people_are_reached_by_and_by_how_names_sound(anna: User) -> None:
    rose(anna, reached_by=[Reach("phone", "8 916 123-45-67"), Reach("email", "rose@example.com")])
    rose(anna, first_name="Paul", last_name="Berg", tax_number="7707083893")
    assert found(phones=["+79161234567"]) == [("Rose Weber", (Ground.PHONE,))]
    both = (Ground.EMAIL, Ground.NAME)
    assert found(emails=["rose@example.com"], name="Роза Вебер") == [("Rose Weber", both)]
    assert found(name="Вебер Росе") == [("Rose Weber", (Ground.NAME,))]
    assert found(tax_number="7707 083 893", name="Paul Berg") == [
        ("Paul Berg", (Ground.TAX_NUMBER, Ground.NAME))
    ]
    assert found(name="Somebody Else", phones=["+79990000000"]) == []
    assert found() == []


def test_what_one_may_not_see_is_no_duplicate(anna: User, cara: User) -> None:
    allow(employees_role(), "t3", Level.OWN)
    hers = rose(cara)
    sought = Sought(name="Rose Weber")
    assert duplicates_of(sought, types=[CONTACT], reader=anna) == []
    assert [one.record for one in duplicates_of(sought, types=[CONTACT], reader=cara)] == [hers]
    assert duplicates_of(sought, types=[CONTACT], but=[hers.pk]) == []


def call(by: User, record: Record, subject: str) -> Activity:
    deadline = timezone.now() + timedelta(days=1)
    new = NewActivity(kind=Activity.Kind.CALL, subject=subject, responsible=by, deadline=deadline)
    return add_activity(new, [record], by=None)


def state() -> object:
    """Everything that a merger touches, as the database has it."""
    tables = ("crm_contactpoint", "crm_activitybinding", "crm_observer", "crm_link", "crm_lineitem")
    columns = (
        "id, title, company_id, contact_id, comment, position, source_note, tax_number, next_step_at,"
        " deleted_at IS NULL, merged_into_id, audience"
    )
    with connection.cursor() as cursor:
        rows = {}
        for table in tables:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            rows[table] = cursor.fetchall()
        cursor.execute(f"SELECT {columns} FROM crm_record ORDER BY id")
        rows["crm_record"] = cursor.fetchall()
    return rows


@pytest.fixture
def two(anna: User, cara: User) -> tuple[Record, Record]:
    """The same Rose twice, each with calls, a deal, observers and numbers of which one is the same."""
    same = Reach("phone", "+79161234567")
    first = rose(anna, reached_by=[same], observers=[cara])
    second = rose(
        anna,
        reached_by=[same, Reach("email", "rose@example.com")],
        observers=[cara, anna],
        position="Buyer",
        comment="Likes oak",
    )
    for one in (first, second):
        call(anna, one, f"Call {one.pk}")
        deal = added("deal", anna, f"Deal {one.pk}")
        change_record(deal, {"contact": one}, by=None)
    both = added("deal", anna, "Both")
    change_record(both, {"contacts": [first, second]}, by=None)
    return first, second


def test_nothing_is_lost_when_two_become_one(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    change_record(first, {"comment": "Likes pine"}, by=anna)
    merge_records(first, [second], by=anna)
    first.refresh_from_db()
    second.refresh_from_db()
    assert second.merged_into == first
    assert list(Record.objects.there().of_type(CONTACT)) == [first]
    assert set(first.contact_points.values_list("normal", flat=True)) == {"+79161234567", "rose@example.com"}
    assert first.activities.count() == 2
    assert set(first.linked_from.values_list("record__title", flat=True)) == {
        "Both",
        f"Deal {first.pk}",
        f"Deal {second.pk}",
    }
    assert Record.objects.filter(contact=first).count() == 3
    # What it had stays, what it lacked is filled in.
    assert (first.comment, first.position) == ("Likes pine", "Buyer")
    assert first.observers.count() == 2
    assert f"U{anna.pk}" in first.audience


def test_a_merger_taken_back_leaves_everything_as_it_was(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    before = state()
    merge_records(first, [second], by=anna)
    assert state() != before
    take_back_merger(Merger.objects.get(), by=anna)
    assert state() == before
    with pytest.raises(ValidationError, match="once"):
        take_back_merger(Merger.objects.get(), by=anna)


def test_three_become_one_and_are_parted_in_the_other_order(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    third = rose(anna, tax_number="7707083893")
    before = state()
    merge_records(first, [second, third], by=anna)
    earlier, later = Merger.objects.order_by("pk")
    with pytest.raises(ValidationError, match="merged after it"):
        take_back_merger(earlier, by=anna)
    take_back_merger(later, by=anna)
    take_back_merger(earlier, by=anna)
    assert state() == before


def test_what_was_changed_since_stays_so(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    merge_records(first, [second], by=anna)
    first.refresh_from_db()
    change_record(first, {"position": "Head of buying"}, by=anna)
    Link.objects.filter(record__title=f"Deal {second.pk}").delete()
    take_back_merger(Merger.objects.get(), by=anna)
    first.refresh_from_db()
    assert (first.position, first.comment) == ("Head of buying", "")
    assert not Link.objects.filter(record__title=f"Deal {second.pk}").exists()


def test_after_thirty_days_it_stays(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    merge_records(first, [second], by=anna)
    now = timezone.now()
    assert forget_expired(now) == 0
    Merger.objects.update(at=now - KEPT_FOR)
    with pytest.raises(ValidationError, match="thirty days"):
        take_back_merger(Merger.objects.get(), by=anna)
    assert forget_expired(now) == 1
    assert forget_expired(now) == 0


def test_only_the_same_kind_and_only_what_one_may_change(
    anna: User, cara: User, two: tuple[Record, Record]
) -> None:
    first, second = two
    with pytest.raises(ValidationError, match="one kind"):
        merge_records(first, [added("company", anna)], by=anna)
    with pytest.raises(ValidationError, match="Choose between"):
        merge_records(first, [first], by=anna)
    allow(employees_role(), "t3", Level.OWN)
    hers = rose(cara)
    for kept, gone in ((first, hers), (hers, first)):
        with pytest.raises(PermissionDenied):
            merge_records(kept, [gone], by=anna)
    assert not Merger.objects.exists()
    merge_records(first, [second], by=anna)
    with pytest.raises(ValidationError, match="not there any more"):
        merge_records(first, [second], by=anna)
