"""A lead, a deal or a client is put back from what an older state says of it, and nothing else is touched."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from box.apps.crm import export
from box.apps.crm.actions.activities import NewActivity, add_activity, delete_activity
from box.apps.crm.actions.bulk import remove_records
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.merging import merge_records
from box.apps.crm.actions.papers import PaymentDraft, note_payment
from box.apps.crm.actions.records import change_record, delete_records, move_record
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import Activity, Payment, Record
from box.apps.crm.models.types import ANY_RECORD
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.discussion.actions import add_comment
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.values import values_of
from box.core.registry.capabilities import keepsakes
from tests.box.apps.crm.conftest import added, allow, stage_of

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.fields.models import Field

pytestmark = pytest.mark.django_db


def packed(record: Record) -> Any:
    return json.loads(json.dumps(export.pack(record.pk), cls=DjangoJSONEncoder))


@pytest.fixture
def rose(anna: User) -> Record:
    return added("contact", anna, "Rose", reached_by=(Reach("phone", "+7 916 123-45-67"),))


@pytest.fixture
def wood(olga: User) -> Field:
    return add_field(SETS[2], FieldDraft(name="Wood", kind="text"), by=olga)


@pytest.fixture
def chairs(anna: User, boris: User, rose: Record, wood: Field) -> Record:
    """A deal with something of everything."""
    deal = added("deal", anna, "Chairs", contact=rose, comment="Oak, please", observers=[boris])
    set_values(deal, {wood: ("oak",)}, by=anna)
    set_lines(deal, [LineDraft(name="Chair", price=Decimal(100))], follows=True, by=anna)
    note_payment(deal, PaymentDraft(amount=Decimal(40), on=date(2026, 11, 1)), by=anna)
    add_comment(deal.thread, "They call again on Monday", by=boris)
    # Rows travel as JSON, which has milliseconds.
    tomorrow = timezone.now().replace(microsecond=0) + timedelta(days=1)
    step = NewActivity(kind="call", subject="Call Rose", responsible=anna, deadline=tomorrow)
    add_activity(step, [deal], by=anna)
    return again(deal)


def again(record: Record) -> Record:
    return Record.objects.select_related("type", "stage", "thread").get(pk=record.pk)


def test_it_is_offered() -> None:
    assert keepsakes[ANY_RECORD].pack is export.pack


def test_what_was_removed_for_good_comes_back_whole(chairs: Record, rose: Record, anna: User) -> None:
    rows = packed(chairs)
    assert export.is_there(rows)
    assert export.is_same(rows)
    Activity.objects.all().delete()
    remove_records([chairs.pk], by=None)
    assert not export.is_there(rows)
    assert not export.is_same(rows)
    for _ in range(2):
        assert export.put_back(rows, anna) == chairs.get_absolute_url()
    back = again(chairs)
    assert (back.title, back.amount, back.contact) == ("Chairs", Decimal(100), rose)
    assert back.thread.comments_count == 1
    assert (back.audience, back.next_step_at) == (chairs.audience, chairs.next_step_at)
    assert [one.subject for one in Activity.objects.filter(bindings__record=rose)] == ["Call Rose"]
    assert [visit.stage.code for visit in back.visits.all()] == ["NEW"]
    assert back.thread.comments.get().text == "They call again on Monday"
    assert export.is_same(rows)


def test_what_was_changed_for_the_worse_is_as_it_was_and_what_came_since_stays(
    chairs: Record, rose: Record, wood: Field, anna: User, boris: User, olga: User
) -> None:
    rows = packed(chairs)
    change_record(chairs, {"title": "?", "comment": "", "contacts": [], "contact": None}, by=anna)
    set_values(chairs, {wood: ("ash",)}, by=anna)
    set_lines(chairs, [], follows=False, by=anna)
    Payment.objects.all().delete()
    delete_activity(Activity.objects.get(), by=anna)
    change_record(chairs, {"responsible": boris}, by=None)
    move_record(chairs, stage_of("deal", "EXECUTING"), by=None)
    add_comment(chairs.thread, "It was handed over", by=anna)
    assert export.is_there(rows)
    assert not export.is_same(rows)
    delete_records([chairs], by=None)
    for _ in range(2):
        export.put_back(rows, olga)
    back = again(chairs)
    assert (back.title, back.comment, back.contact) == ("Chairs", "Oak, please", rose)
    assert back.amount == Decimal(100)
    assert values_of(SETS[2], back.pk) == {wood: ("oak",)}
    assert (back.lines.get().name, back.payments.get().amount) == ("Chair", Decimal(40))
    assert back.next_step_at == chairs.next_step_at
    assert (back.deleted_at, back.responsible, back.thread.comments_count) == (None, boris, 2)
    assert back.stage
    assert back.stage.code == "EXECUTING"
    assert export.is_same(rows)


def test_a_number_that_was_taken_away_comes_back_beside_the_new_one(rose: Record, anna: User) -> None:
    rows = packed(rose)
    change_record(rose, {"reached_by": [Reach("phone", "+7 495 000-00-00")]}, by=anna)
    assert not export.is_same(rows)
    export.put_back(rows, anna)
    assert {one.normal for one in rose.contact_points.all()} == {"+79161234567", "+74950000000"}


def test_a_client_that_is_gone_is_left_out(chairs: Record, rose: Record, anna: User) -> None:
    rows = packed(chairs)
    change_record(chairs, {"title": "?", "contacts": [], "contact": None}, by=anna)
    delete_records([rose], by=None)
    export.put_back(rows, anna)
    assert (again(chairs).title, again(chairs).contact) == ("Chairs", None)


def test_who_may_not_change_it_does_not_put_it_back(chairs: Record, cara: User, boris: User) -> None:
    """Nor what is gone, where their role would not let them add it."""
    rows = packed(chairs)
    change_record(chairs, {"title": "?"}, by=None)
    with pytest.raises(ValidationError, match="not change it"):
        export.put_back(rows, boris)
    assert again(chairs).title == "?"
    Activity.objects.all().delete()
    remove_records([chairs.pk], by=None)
    with pytest.raises(ValidationError, match="does not reach that far"):
        export.put_back(rows, cara)


def test_what_was_made_one_with_another_is_parted_first(anna: User, rose: Record) -> None:
    rosa = added("contact", anna, "Rosa")
    rows = packed(rosa)
    merge_records(rose, [rosa], by=anna)
    with pytest.raises(ValidationError, match="part them"):
        export.put_back(rows, anna)


def test_everybody_finds_what_they_see_and_for_themselves_what_is_theirs(
    chairs: Record, anna: User, boris: User, cara: User, olga: User
) -> None:
    added("deal", boris, "Chairs of Boris")
    delete_records([added("deal", anna, "Chairs that were thrown away then")], by=None)

    def found(reader: User) -> set[str]:
        return {kept.title for kept in export.find("chair", reader)}

    allow(employees_role(), "t2", Level.OWN, "read")
    assert found(olga) == {"Chairs", "Chairs of Boris"}
    assert found(anna) == {"Chairs"}
    assert found(boris) == {"Chairs", "Chairs of Boris"}
    assert found(cara) == set()
    assert {kept.title for kept in export.find_own("chair", boris)} == {"Chairs of Boris"}
    assert {kept.about for kept in export.find("chairs", anna)} == {"deal"}
