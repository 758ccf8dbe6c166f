"""What payments come to: when a paper is paid, and what it is not told by."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.actions.dictionaries import set_currency
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.papers import PaymentDraft, add_paper, mark_sent, note_payment, remove_payment
from box.apps.crm.actions.records import change_record, move_record
from box.apps.crm.actions.setup import add_stage
from box.apps.crm.models import Record
from box.core.registry.company import company_day
from tests.box.apps.crm.conftest import stage_of, type_of

if TYPE_CHECKING:
    from box.apps.crm.models import Payment, Stage
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def pay(record: Record, amount: str, by: User, direction: str = "in") -> Stage | None:
    """In which stage it is then."""
    draft = PaymentDraft(amount=Decimal(amount), on=company_day(), direction=direction)
    note_payment(record, draft, by=by)
    return Record.objects.select_related("stage").get(pk=record.pk).stage


@pytest.fixture
def invoice(deal: Record, anna: User) -> Record:
    """Of one rouble."""
    set_lines(deal, [LineDraft(name="Chair", price=Decimal(1))], follows=True, by=anna)
    return add_paper(deal, type_of("invoice"), by=anna)


def test_what_was_spent_for_an_invoice_pays_nothing_of_it_and_the_least_sum_is_paid_whole(
    invoice: Record, anna: User
) -> None:
    assert pay(invoice, "5", anna, "out") == stage_of("invoice", "NEW")
    assert pay(invoice, "1", anna) == stage_of("invoice", "PAID")


def stage_without(payment: Payment, by: User) -> Stage | None:
    remove_payment(payment, by=by)
    return Record.objects.select_related("stage").get(pk=payment.record_id).stage


def test_an_invoice_that_is_not_paid_whole_any_more_is_open_again(invoice: Record, anna: User) -> None:
    mark_sent(invoice, True, by=anna)
    for amount in ("1", "0.50", "0.50"):
        pay(invoice, amount, anna)
    first, second, third = invoice.payments.order_by("id")
    paid = stage_of("invoice", "PAID")
    assert stage_without(first, anna) == paid, "the others are the whole of it"
    assert stage_without(second, anna) == stage_of("invoice", "SENT")
    record = Record.objects.get(pk=invoice.pk)
    assert (record.closed_at, record.visits.count()) == (None, 4)
    # Somebody has said so by hand, whatever came.
    move_record(record, paid, by=anna)
    assert stage_without(third, anna) == paid


def test_an_invoice_that_was_made_as_paid_comes_to_the_first_stage(invoice: Record, anna: User) -> None:
    pay(invoice, "1", anna)
    Record.objects.get(pk=invoice.pk).visits.filter(left_at__isnull=False).delete()
    assert stage_without(invoice.payments.get(), anna) == stage_of("invoice", "NEW")


def test_an_invoice_that_was_given_up_stays_so_also_when_its_payment_was_none(
    invoice: Record, anna: User
) -> None:
    move_record(invoice, stage_of("invoice", "UNPAID"), by=anna)
    pay(invoice, "1", anna)
    assert stage_without(invoice.payments.get(), anna) == stage_of("invoice", "UNPAID")


def test_an_invoice_that_was_given_up_stays_so_when_it_is_paid(invoice: Record, anna: User) -> None:
    move_record(invoice, stage_of("invoice", "UNPAID"), by=anna)
    assert pay(invoice, "1", anna) == stage_of("invoice", "UNPAID")


def test_a_deal_is_moved_by_people_and_not_by_its_payments(deal: Record, anna: User, olga: User) -> None:
    new = stage_of("deal", "NEW")
    add_stage(new.pipeline, "Paid", code="PAID", by=olga)
    change_record(deal, {"amount": Decimal(1)}, by=anna)
    assert pay(deal, "1", anna) == new


def test_a_payment_is_too_large_also_in_a_currency_that_is_worth_little(
    deal: Record, anna: User, olga: User
) -> None:
    set_currency("VND", Decimal("0.001"), by=olga)
    change_record(deal, {"currency": "VND"}, by=anna)
    with pytest.raises(ValidationError) as refused:
        pay(deal, str(10**16), anna)
    assert set(refused.value.message_dict) == {"amount"}
    pay(deal, str(10**16 - 1), anna)
    assert deal.payments.get().base_amount == 10**13
