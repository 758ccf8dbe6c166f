"""What happened elsewhere and is only taken over here was allowed there, and happened then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied

from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.papers import PaymentDraft, note_payment
from box.apps.crm.actions.records import change_record, move_record
from box.apps.crm.actions.stages import set_demands
from box.apps.crm.models import Currency
from box.core.accounts.models import User
from box.core.registry.company import company_day
from box.core.registry.origin import importing
from tests.box.apps.crm.conftest import added, stage_of

if TYPE_CHECKING:
    from box.apps.crm.models import Record

pytestmark = pytest.mark.django_db

THEN = datetime(2021, 5, 3, 9, tzinfo=UTC)


def test_who_may_not_change_a_deal_here_has_changed_it_there(anna: User, cara: User, deal: Record) -> None:
    rose = added("contact", anna, first_name="Rose")
    with pytest.raises(PermissionDenied):
        change_record(deal, {"title": "Tables"}, by=cara)
    with importing(at=THEN):
        change_record(deal, {"title": "Tables", "contact": rose}, by=cara)
    deal.refresh_from_db()
    assert (deal.title, deal.contact, deal.changed_by, deal.changed_at) == ("Tables", rose, cara, THEN)


def test_what_a_stage_asks_for_here_was_not_asked_there(anna: User, cara: User, deal: Record) -> None:
    set_demands(stage_of("deal", "WON"), ["comment"], by=None)
    with importing(at=THEN):
        move_record(deal, stage_of("deal", "WON"), by=cara)
    deal.refresh_from_db()
    assert (deal.stage, deal.closed_at, deal.stage_since) == (stage_of("deal", "WON"), THEN, THEN)


def test_what_has_payments_may_have_been_of_another_currency(anna: User, deal: Record) -> None:
    Currency.objects.create(code="EUR", rate=Decimal(90))
    note_payment(deal, PaymentDraft(amount=Decimal(5), on=company_day()), by=None)
    with importing(at=THEN):
        assert change_record(deal, {"currency": "EUR"}, by=anna).currency == "EUR"


def test_who_has_left_since_had_next_steps_and_did_them(anna: User, boris: User, deal: Record) -> None:
    boris.status = User.Status.DISMISSED
    boris.save(update_fields=["status"])
    new = NewActivity(kind="call", subject="Call", responsible=boris, deadline=THEN + timedelta(days=1))
    with importing(at=THEN):
        step = add_activity(new, [deal], by=boris)
    deal.refresh_from_db()
    assert (step.created_at, deal.next_step_at) == (THEN, step.deadline)
    done_at = THEN + timedelta(hours=3)
    with importing(at=done_at):
        complete_activity(step, result="Agreed", by=boris)
    step.refresh_from_db()
    assert (step.done_at, step.done_by, step.result) == (done_at, boris, "Agreed")
