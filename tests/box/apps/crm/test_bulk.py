"""Many records at once, as an import or a list writes them: of each what came of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.crm.actions.bulk import (
    Before,
    Change,
    add_records,
    change_records,
    remove_records,
    take_back_changes,
)
from box.apps.crm.actions.records import NewRecord, change_record, delete_records
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Currency, Link, Record, StageTotal, StageVisit
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.events.models import Event
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db

NUMBER = Reach("phone", "+79161234567")


def new(responsible: User, title: str = "Chairs", slug: str = "deal", **more: Any) -> NewRecord:
    return NewRecord(type=type_of(slug), responsible=responsible, title=title, **more)


def said(found: Sequence[Record | ValidationError]) -> list[str]:
    return [" ".join(one.messages) if isinstance(one, ValidationError) else one.title for one in found]


# Adding


def test_of_each_it_is_said_what_came_of_it_and_the_first_stands_first(anna: User, boris: User) -> None:
    User.objects.filter(pk=boris.pk).update(status=User.Status.DISMISSED)
    stage = stage_of("deal", "NEW")
    given = [
        new(anna, "a", stage=stage), new(boris, "b", stage=stage), new(anna, " ", stage=stage),
        new(anna, "c", stage=stage, amount=Decimal(5)),
    ]  # fmt: skip
    found = add_records(given, by=anna)
    assert [isinstance(one, Record) for one in found] == [True, False, False, True]
    assert "does not work here" in said(found)[1]
    column = Record.objects.there().filter(stage=stage).on_board()
    assert [one.title for one in column] == ["a", "c"]
    told = Event.objects.filter(kind="crm.RecordAdded").order_by("pk")
    assert [(one.payload["record_id"], one.payload["by_id"]) for one in told] == [
        (one.pk, anna.pk) for one in Record.objects.order_by("pk")
    ]
    assert {(one.record.title, one.by) for one in StageVisit.objects.select_related("record", "by")} == {
        ("a", anna), ("c", anna)
    }  # fmt: skip
    assert StageTotal.objects.get(stage=stage, responsible=anna).amount == 5


def test_who_watches_sees_and_what_is_closed_has_its_day(anna: User, cara: User) -> None:
    allow(employees_role(), "t2", Level.OWN)
    (made,) = add_records([new(anna, stage=stage_of("deal", "WON"), observers=[cara])], by=None)
    assert isinstance(made, Record)
    assert list(Record.objects.visible_to(cara)) == [made]
    assert [one.user for one in made.observers.select_related("user")] == [cara]
    assert (made.closed_at, made.created_by) == (made.created_at, None)
    (open_one,) = add_records([new(anna, stage=stage_of("deal", "NEW"))], by=None)
    assert isinstance(open_one, Record)
    assert open_one.closed_at is None


def test_nobody_adds_for_a_client_whom_they_do_not_see_or_who_is_gone(anna: User, cara: User) -> None:
    allow(employees_role(), "t3", Level.OWN)
    hidden, seen = added("contact", cara, first_name="Rose"), added("contact", anna, first_name="Paul")
    gone = added("contact", anna, first_name="Ines")
    delete_records([gone], by=None)
    stage = stage_of("deal", "NEW")
    given = [
        new(anna, "a", stage=stage, contact=hidden), new(anna, "b", stage=stage, contacts=[hidden]),
        new(anna, "c", stage=stage, contact=gone), new(anna, "d", stage=stage, contact=seen),
    ]  # fmt: skip
    found = add_records(given, by=anna)
    assert ["not there any more" in one for one in said(found)] == [True, True, True, False]
    assert [(one.record.title, one.to) for one in Link.objects.all()] == [("d", seen)]
    # The portal itself sees whoever is there.
    found = add_records([new(anna, "e", stage=stage, contact=hidden), given[2]], by=None)
    assert [isinstance(one, Record) for one in found] == [True, False]


def test_who_may_not_have_such_records_is_told_so_of_each_that_is_theirs(anna: User, boris: User) -> None:
    allow(employees_role(), "t2", Level.NONE, "add")
    stage = stage_of("deal", "NEW")
    found = add_records([new(anna, stage=stage), new(boris, stage=stage)], by=anna)
    assert not any(isinstance(one, Record) for one in found)
    assert not Record.objects.exists()


# Changing


def test_what_is_different_is_written_told_and_can_be_taken_back(anna: User, boris: User) -> None:
    rose = added("contact", anna, first_name="Rose", last_name="Weber", reached_by=[NUMBER])
    same = added("contact", anna, first_name="Paul")
    long_ago = timezone.now() - timedelta(days=9)
    Record.objects.update(changed_at=long_ago, changed_by=None)
    mail = Reach("email", "rose@example.com")
    Event.objects.all().delete()
    changes = {
        rose.pk: Change({"last_name": "Berg", "comment": "Oak"}, [NUMBER, mail]),
        same.pk: Change({"first_name": "Paul"}),
    }
    outcome = change_records(changes, by=anna)
    before = {pk: one for pk, one in outcome.items() if isinstance(one, Before)}
    assert set(before) == set(outcome) == {rose.pk}
    rose.refresh_from_db()
    same.refresh_from_db()
    assert (rose.title, rose.comment, rose.changed_by) == ("Rose Berg", "Oak", anna)
    assert (rose.changed_at > long_ago, same.changed_at) == (True, long_ago)
    assert {str(one) for one in rose.contact_points.all()} == {"+79161234567", "rose@example.com"}
    (told,) = Event.objects.filter(kind="crm.RecordChanged")
    assert (told.payload["record_id"], told.payload["by_id"]) == (rose.pk, anna.pk)
    assert {name for name, _was, _now in told.payload["changes"]} == {
        "title", "last_name", "comment", "reached_by"
    }  # fmt: skip
    Record.objects.update(changed_at=long_ago)
    take_back_changes(before, by=boris)
    rose.refresh_from_db()
    assert (rose.title, rose.comment, rose.changed_by) == ("Rose Weber", "", boris)
    assert rose.changed_at > long_ago
    assert [one.normal for one in rose.contact_points.all()] == ["+79161234567"]


def test_nobody_changes_what_they_may_only_read_or_what_is_gone(anna: User, boris: User) -> None:
    allow(employees_role(), "t2", Level.ALL, "read")
    mine, theirs, gone = added("deal", anna), added("deal", boris), added("deal", anna)
    delete_records([gone], by=None)
    changes = {one.pk: Change({"title": "Tables"}) for one in (mine, theirs, gone)}
    outcome = change_records(changes, by=anna)
    assert {pk: isinstance(one, Before) for pk, one in outcome.items()} == {
        mine.pk: True, theirs.pk: False, gone.pk: False
    }  # fmt: skip
    assert [one.title for one in Record.objects.order_by("pk")] == ["Tables", "A deal", "A deal"]
    change_records({theirs.pk: Change({"title": "Tables"})}, by=None)
    theirs.refresh_from_db()
    assert theirs.title == "Tables"


def test_one_that_cannot_be_keeps_no_other_from_being_changed(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.bulk.MOST_CONTACT_POINTS", 2)
    rose, paul = (added("contact", anna, first_name=name, reached_by=[NUMBER]) for name in ("Rose", "Paul"))
    mails = [Reach("email", f"{name}@example.com") for name in "ab"]
    outcome = change_records(
        # What is there already counts once.
        {rose.pk: Change({}, mails), paul.pk: Change({"comment": "Oak"}, [NUMBER, mails[0]])}, by=anna
    )  # fmt: skip
    assert [isinstance(outcome[one.pk], Before) for one in (rose, paul)] == [False, True]
    assert (rose.contact_points.count(), paul.contact_points.count()) == (1, 2)


def test_an_amount_is_counted_over_in_bulk_too(anna: User, deal: Record) -> None:
    Currency.objects.create(code="EUR", rate=Decimal(90))
    change_records({deal.pk: Change({"amount": Decimal(2), "currency": "EUR"})}, by=anna)
    deal.refresh_from_db()
    assert (deal.amount, deal.base_amount) == (Decimal(2), Decimal(180))


# Taking away


def test_what_was_made_by_mistake_is_gone_with_what_was_said_and_leaves_no_sum(
    anna: User, boris: User
) -> None:
    mistake, kept = added("deal", anna, amount=Decimal(5)), added("deal", boris, amount=Decimal(7))
    client = added("contact", anna, first_name="Rose")
    change_record(mistake, {"contact": client}, by=None)
    remove_records([mistake.pk, client.pk], by=boris)
    assert list(Record.objects.all()) == [kept]
    assert not Thread.objects.filter(pk__in=[mistake.thread_id, client.thread_id]).exists()
    assert Thread.objects.filter(pk=kept.thread_id).exists()
    assert [one.responsible for one in StageTotal.objects.select_related("responsible")] == [boris]
    told = Event.objects.get(kind="crm.RecordsDeleted").payload
    assert (told["record_ids"], told["by_id"]) == ([mistake.pk, client.pk], boris.pk)
