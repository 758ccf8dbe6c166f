"""Activities that come from elsewhere by the hundred are what each would have been by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.crm.actions.activities import MOST_BOUND, NewActivity, add_activity
from box.apps.crm.actions.bulk import Addition, take_over_records
from box.apps.crm.actions.bulk_activities import PastActivity, take_over_activities
from box.apps.crm.actions.records import NewRecord, change_record, delete_records
from box.apps.crm.models import Activity, ActivityBinding, Record
from box.core.accounts.models import User
from box.core.events.models import Delivery, Event
from box.core.registry.origin import importing
from tests.box.apps.crm.conftest import added, type_of

pytestmark = pytest.mark.django_db

THEN = datetime(2021, 5, 3, 9, tzinfo=UTC)


@pytest.fixture
def rose(anna: User) -> Record:
    return added("contact", anna, first_name="Rose")


@pytest.fixture
def sale(anna: User, rose: Record) -> Record:
    return added("deal", anna, "Tables", contact=rose, contacts=[rose])


def past(by: User, record: Record, which: int, **more: Any) -> PastActivity:
    new = NewActivity(
        kind="call", subject=f" Call  {which} ", responsible=by, direction="out", text="About chairs",
        external_id=str(which), **more,
    )  # fmt: skip
    return PastActivity(new, record.pk, by, THEN + timedelta(hours=which))


def rows(ids: list[int]) -> list[dict[str, Any]]:
    """Whole, but for their numbers, with the time lines that they stand on."""
    found = []
    for pk in ids:
        row = Activity.objects.values().get(pk=pk)
        bound = ActivityBinding.objects.filter(activity=pk).order_by("record_id")
        found.append({**row, "id": 0, "bound": list(bound.values("record_id", "at", "is_open"))})
    return found


def next_steps() -> dict[int, datetime | None]:
    return dict(Record.objects.values_list("pk", "next_step_at"))


def test_together_they_are_what_each_is_alone(anna: User, deal: Record, sale: Record) -> None:
    given = [
        past(anna, sale, 1, at=THEN),
        past(anna, deal, 2),
        past(anna, sale, 3, deadline=THEN + timedelta(days=30)),
    ]
    alone = []
    for one in given:
        with importing(at=one.made_at):
            record = Record.objects.get(pk=one.record_id)
            alone.append(add_activity(one.new, [record], by=one.by).pk)
    rows_alone, steps_alone = rows(alone), next_steps()
    events_alone = [row.payload["is_planned"] for row in Event.objects.filter(kind="crm.ActivityPlanned")]
    Activity.objects.all().delete()
    Record.objects.update(next_step_at=None)
    Event.objects.all().delete()

    with importing(at=THEN):
        together = take_over_activities(given)
    assert rows(together) == rows_alone
    assert [one["subject"] for one in rows_alone] == ["Call 1", "Call 2", "Call 3"]
    assert [len(one["bound"]) for one in rows_alone] == [2, 1, 2], "a client's time line has it, too"
    assert next_steps() == steps_alone and any(steps_alone.values())
    told = Event.objects.filter(kind="crm.ActivityPlanned").order_by("pk")
    assert [row.payload["activity_id"] for row in told] == together
    assert [row.payload["is_planned"] for row in told] == events_alone == [False, False, True]
    # What was done long ago is counted for nobody, and told to nobody.
    assert [one.event.payload["activity_id"] for one in Delivery.objects.all()] == [together[2]]


def test_it_stands_on_so_many_time_lines_and_on_its_own_first(anna: User) -> None:
    people = [
        NewRecord(type=type_of("contact"), responsible=anna, title=f"P{n}") for n in range(MOST_BOUND + 5)
    ]
    with importing(at=THEN):
        contacts = take_over_records([Addition(one, anna, THEN) for one in people])
        deal = added("deal", anna, "Tables", contacts=contacts)
        alone = add_activity(past(anna, deal, 1).new, [deal], by=anna)
        (together,) = take_over_activities([past(anna, deal, 1)])
    bound, as_alone = (
        list(ActivityBinding.objects.filter(activity=pk).order_by("id").values_list("record", flat=True))
        for pk in (together, alone.pk)
    )
    assert bound == [deal.pk, *(one.pk for one in contacts[: MOST_BOUND - 1])]
    assert set(bound) == set(as_alone)


def test_they_come_whichever_record_was_written_last(anna: User, deal: Record, sale: Record) -> None:
    change_record(deal, {"title": "Chairs"}, by=anna)
    with importing(at=THEN):
        assert len(take_over_activities([past(anna, sale, 1), past(anna, deal, 2)])) == 2


def test_all_of_them_come_or_none(anna: User, deal: Record, sale: Record) -> None:
    good, wrong = past(anna, deal, 1), past(anna, deal, 2, number="1" * 256)
    with importing(at=THEN):
        with pytest.raises(ValidationError):
            take_over_activities([good, wrong])
        delete_records([sale], by=None)
        with pytest.raises(ValidationError, match="not there any more"):
            take_over_activities([good, past(anna, sale, 3)])
    assert not Activity.objects.exists()


def test_their_number_costs_no_queries(anna: User, deal: Record, sale: Record) -> None:
    def queries(count: int) -> int:
        given = [past(anna, (deal, sale)[number % 2], number) for number in range(count)]
        with importing(at=THEN), CaptureQueriesContext(connection) as asked:
            take_over_activities(given)
        return len(asked)

    assert queries(2) == queries(40)
