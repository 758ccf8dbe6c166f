"""Many records at once, as an import or a list writes them: of each what came of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.crm.actions.bulk import (
    Addition,
    Before,
    Change,
    add_records,
    change_records,
    remove_records,
    take_back_changes,
    take_over_records,
)
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.records import MOST_LINKS, NewRecord, add_record, change_record, delete_records
from box.apps.crm.actions.setup import set_own_permissions
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.duplicates import Sought, duplicates_of
from box.apps.crm.models import Currency, Link, Record, StageTotal, StageVisit
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Thread
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Value
from box.core.files.models import Blob, File
from box.core.history.models import Line
from box.core.registry.origin import importing
from box.core.search.models import Document
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


def test_of_two_stages_the_one_that_is_closed_to_them_takes_nothing(anna: User) -> None:
    set_own_permissions(stage_of("deal", "WON"), True, by=None)
    won, open_one = stage_of("deal", "WON"), stage_of("deal", "NEW")
    allow(employees_role(), f"s{won.pk}", Level.NONE, "add")
    found = add_records([new(anna, stage=one) for one in (open_one, won, open_one)], by=anna)
    assert [isinstance(one, Record) for one in found] == [True, False, True]


def test_one_has_so_many_numbers_and_contacts_and_no_more(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.bulk.MOST_CONTACT_POINTS", 1)
    monkeypatch.setattr("box.apps.crm.actions.bulk.MOST_LINKS", 1)
    rose, paul = (added("contact", anna, first_name=name) for name in ("Rose", "Paul"))
    stage, mail = stage_of("lead", "NEW"), Reach("email", "rose@example.com")
    given = [
        new(anna, "a", "lead", stage=stage, reached_by=[NUMBER], contact=rose, contacts=[rose]),
        new(anna, "b", "lead", stage=stage, reached_by=[NUMBER, mail]),
        new(anna, "c", "lead", stage=stage, contact=rose, contacts=[paul]),
    ]  # fmt: skip
    found = add_records(given, by=anna)
    assert [isinstance(one, Record) for one in found] == [True, False, False]
    assert all("At most 1" in one for one in said(found)[1:])


# Taking over

THEN = datetime(2021, 5, 3, 9, tzinfo=UTC)


def rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Whole, with what each has beside it and what was told of it, but for the numbers of rows; ranks count
    as places."""
    found = []
    for record in records:
        row: dict[str, Any] = dict(Record.objects.values().get(pk=record.pk))
        thread = Thread.objects.values("kind").get(pk=row.pop("thread_id"))
        column = Record.objects.there().filter(stage=record.stage, type=record.type).on_board()
        place = [one.pk for one in column if one in records].index(record.pk) if record.stage else row["rank"]
        points = record.contact_points.order_by("rank")
        told = Event.objects.get(kind="crm.RecordAdded", payload__record_id=record.pk)
        found.append(
            {
                **row, "id": 0, "rank": place, "thread": thread,
                "points": list(points.values("kind", "use", "value", "normal")),
                "links": list(record.links.order_by("role", "rank").values("role", "to")),
                "visits": list(record.visits.values("stage", "entered_at", "left_at", "by")),
                "watched": list(record.observers.values("user")),
                "told": (told.payload | {"record_id": 0}, told.origin),
            }
        )  # fmt: skip
    return found


def totals() -> set[tuple[Any, ...]]:
    return set(StageTotal.objects.values_list("stage", "responsible", "count", "amount"))


def test_what_is_taken_over_together_is_what_each_is_alone(anna: User, boris: User, cara: User) -> None:
    company = added("company", anna, "Oak Ltd")
    rose, paul = (added("contact", anna, first_name=name) for name in ("Rose", "Paul"))
    User.objects.filter(pk=boris.pk).update(status=User.Status.DISMISSED)
    reach = [NUMBER, Reach("email", "Nina@example.com", "home")]
    given = [
        new(boris, "", "contact", first_name="Nina", company=company, reached_by=reach),
        new(anna, "Birch Ltd", "company", tax_number="77 12", external_id="9", observers=[cara]),
        new(anna, "One", stage=stage_of("deal", "NEW"), amount=Decimal("7.5"), contacts=[rose, paul]),
        new(anna, "Two", stage=stage_of("deal", "WON"), contact=paul, company=company, contacts=[rose]),
        new(boris, "Three"),
        new(anna, "Four", stage=stage_of("deal", "NEW"), has_own_amount=False),
        new(anna, "Five", "lead", first_name="Ines", last_name="Berg"),
    ]  # fmt: skip
    additions = [
        Addition(one, (anna, cara)[number % 2], THEN + timedelta(days=number))
        for number, one in enumerate(given)
    ]
    alone = []
    for one in additions:
        with importing(at=one.made_at):
            alone.append(add_record(one.new, by=one.by))
    rows_alone, totals_alone = rows(alone), totals()
    remove_records([one.pk for one in alone], by=None)
    with importing(at=THEN):
        together = take_over_records(additions)
    assert rows(together) == rows_alone
    assert totals() == totals_alone
    assert [one["rank"] for one in rows_alone] == ["i", "i", 2, 0, 1, 0, 0], "what came last stands first"
    assert [one["created_at"] for one in rows_alone] == [one.made_at for one in additions]
    assert [len(one["links"]) for one in rows_alone] == [1, 0, 2, 3, 0, 0, 0]


def test_all_of_what_is_taken_over_comes_or_nothing(anna: User) -> None:
    rose = added("contact", anna, first_name="Rose")
    many = [rose] + [added("contact", anna, first_name=f"P{number}") for number in range(MOST_LINKS)]
    there = set(Record.objects.all())
    good = Addition(new(anna), anna, THEN)
    bad = [
        (new(anna, title=" "), "Give the title"), (new(anna, "x", contacts=many), "At most 100"),
        (new(anna, "x", "contact", stage=stage_of("deal", "NEW")), "no stages"),
    ]  # fmt: skip
    for one, why in bad:
        with importing(at=THEN), pytest.raises(ValidationError, match=why):
            take_over_records([good, Addition(one, anna, THEN)])
    delete_records([rose], by=None)
    with importing(at=THEN), pytest.raises(ValidationError, match="not there any more"):
        take_over_records([good, Addition(new(anna, contact=rose), anna, THEN)])
    assert set(Record.objects.all()) == there


def test_how_many_are_taken_over_costs_no_queries(anna: User, boris: User) -> None:
    def queries(count: int) -> int:
        people, stage = [anna, boris], stage_of("deal", "NEW")
        given = [
            Addition(new(people[number % 2], f"Deal {number}", stage=stage), anna, THEN)
            for number in range(count)
        ]
        with importing(at=THEN), CaptureQueriesContext(connection) as asked:
            take_over_records(given)
        return len(asked)

    queries(2)
    assert queries(2) == queries(40)


def test_what_is_taken_over_is_found_and_has_its_first_line_in_as_many_queries(anna: User) -> None:
    def brought(count: int) -> tuple[int, list[Record]]:
        made = [
            Addition(new(anna, f"Roses {n}", stage=stage_of("deal", "NEW")), anna, THEN) for n in range(count)
        ]
        with importing(at=timezone.now()):
            records = take_over_records(made)
        with CaptureQueriesContext(connection) as asked:
            deliver_all()
        return len(asked), records

    brought(2)
    (few, _records), (many, records) = brought(2), brought(30)
    assert few == many
    lines = Line.objects.filter(about_kind="crm.deal", about_id__in=[one.pk for one in records])
    assert {(one.kind, one.at, one.by) for one in lines.select_related("by")} == {("crm.added", THEN, anna)}
    assert lines.count() == 30
    found = Document.objects.filter(kind="crm.record", object_id__in=[one.pk for one in records])
    assert set(found.values_list("title", flat=True)) == {f"Roses {number}" for number in range(30)}


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


def told_of(record: Record) -> list[tuple[int | None, set[tuple[str, ...]]]]:
    rows = Event.objects.filter(kind="crm.RecordChanged", payload__record_id=record.pk).order_by("pk")
    return [(row.payload["by_id"], {tuple(one) for one in row.payload["changes"]}) for row in rows]


def test_of_each_it_is_told_what_was_different_and_nothing_else(anna: User) -> None:
    ines = added("contact", anna, first_name="Ines", last_name="Weber")
    fields = {"first_name": "Petr", "last_name": "Konstantinov", "born_on": date(1990, 11, 24)}
    outcome = change_records({ines.pk: Change(fields)}, by=anna)
    assert told_of(ines) == [
        (
            anna.pk,
            {
                ("first_name", "Ines", "Petr"), ("last_name", "Weber", "Konstantinov"),
                ("title", "Ines Weber", "Petr Konstantinov"), ("born_on", "", "1990-11-24"),
            },
        )
    ]  # fmt: skip

    def found(name: str) -> list[Record]:
        return [one.record for one in duplicates_of(Sought(name=name), types=[ines.type_id])]

    assert (found("Ines Weber"), found("Piotr Konstantinov")) == ([], [ines])
    take_back_changes({pk: one for pk, one in outcome.items() if isinstance(one, Before)}, by=anna)
    assert [by for by, _changes in told_of(ines)] == [anna.pk, anna.pk]
    assert (found("Ines Weber"), found("Piotr Konstantinov")) == ([ines], [])


def test_a_number_that_comes_alone_is_told_and_alone_taken_back(anna: User) -> None:
    # What is written alike may be of several kinds, and one kind may hold several.
    messenger, page = Reach("im", "rose.example.com"), Reach("web", "oak.example.com")
    rose = added("contact", anna, first_name="Rose", reached_by=[messenger, page])
    came = Change({}, [Reach("web", "rose.example.com")])
    outcome = change_records({rose.pk: came}, by=anna)
    assert rose.contact_points.count() == 3
    take_back_changes({pk: one for pk, one in outcome.items() if isinstance(one, Before)}, by=None)
    assert {(one.kind, one.value) for one in rose.contact_points.all()} == {
        ("im", "rose.example.com"), ("web", "oak.example.com")
    }  # fmt: skip
    assert told_of(rose) == [(anna.pk, {("reached_by", "", "")}), (None, set())]


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


def test_what_is_taken_away_takes_along_what_is_its_own_and_nothing_of_others(anna: User, olga: User) -> None:
    oak, rose = added("company", anna, "Oak Ltd"), added("contact", anna, first_name="Rose")
    mistake = added("deal", anna, amount=Decimal(5), company=oak)
    kept = added("deal", anna, amount=Decimal(7), company=oak, contact=rose)
    town = add_field(SETS[2], FieldDraft("Town"), by=olga)
    for deal in (mistake, kept):
        set_values(deal, {town: ("Tver",)}, by=anna)
    files = []
    for deal, letter in ((mistake, "a"), (kept, "b")):
        blob = Blob.objects.create(key=f"2026/01/{letter * 32}", size=3)
        file = File.objects.create(owner=anna, name="a.txt", blob=blob, audience=[f"U{anna.pk}"])
        add_comment(deal.thread, "So", file_ids=[file.pk], by=anna)
        files.append(file)
    remove_records([mistake.pk], by=None)
    kept.refresh_from_db()
    assert (kept.company, kept.contact) == (oak, rose)
    assert [one.object_id for one in Value.objects.filter(field=town)] == [kept.pk]
    assert list(File.objects.all()) == files[1:]
    total = StageTotal.objects.get(stage=kept.stage, responsible=anna)
    assert (total.count, total.amount) == (1, Decimal(7))
