"""Quotes and invoices: made of a deal, numbered, sent, paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.actions.checks import (
    all_currencies,
    check_digits,
    check_fields,
    check_kept,
    counted_over,
)
from box.apps.crm.actions.records import NewRecord, add_record, locked_record, move_record
from box.apps.crm.actions.series import usual_template
from box.apps.crm.events import DictionaryChanged, PaperPdfWanted, PaperSent, PaymentNoted
from box.apps.crm.field_rights import check_seen
from box.apps.crm.models import (
    LineItem,
    Link,
    Paper,
    PaperLink,
    PaperTemplate,
    Payment,
    Record,
    RecordType,
    Seller,
    Stage,
)
from box.apps.crm.pricing import rounded
from box.core.events.outbox import emit
from box.core.files.models import Blob, new_key
from box.core.files.store import store
from box.core.registry.company import company_day

if TYPE_CHECKING:
    from datetime import datetime

    from box.core.accounts.models import User

MOST_LINKS = 20
MOST_PAYMENTS = 200
MOST_SELLERS = 20
MOST_TEMPLATES = 200
EARLIEST = date(2000, 1, 1)
PDF_TYPE = "application/pdf"


@transaction.atomic
def add_paper(source: Record, kind: RecordType, *, by: User) -> Record:
    """A paper of a deal, or an invoice of a quote: with its lines and its client, numbered. Who may change
    the deal may write its papers. Raises ValidationError and PermissionDenied."""
    held = locked_record(source, by=by)
    if not kind.is_paper or not held.type.has_amount:
        raise ValidationError(_("There are no such papers."), code="type")
    origin = held.paper.deal if held.type.is_paper else held
    if origin is not None and origin.type_id == RecordType.Id.LEAD:
        raise ValidationError(_("Convert the lead first: papers are written for deals."), code="lead")
    template = usual_template(kind.pk)
    today = company_day()
    made = add_record(
        NewRecord(
            type=kind, responsible=held.responsible, title=(origin or held).title, deal=origin,
            amount=held.amount, currency=held.currency, company=held.company, contact=held.contact,
            contacts=[one.to for one in held.links.filter(role=Link.Role.CONTACT).order_by("rank", "id")],
            source=held.source, begins_on=today,
            expected_on=today + timedelta(days=template.days if template else 10), is_copy=True,
        ),
        by=by,
    )  # fmt: skip
    lines = list(held.lines.in_order())
    for line in lines:
        line.pk, line.record = None, made
    LineItem.objects.bulk_create(lines)
    made.has_own_amount = held.has_own_amount
    made.save(update_fields=["has_own_amount"])
    Link.objects.get_or_create(record=made, to=held, role=Link.Role.ORIGIN)
    return made


@transaction.atomic
def change_paper(record: Record, *, seller: Seller | None, template: PaperTemplate | None, by: User) -> None:
    """Raises ValidationError and PermissionDenied."""
    paper = _locked_paper(record, by)
    if template is not None and template.type_id != paper.type_id:
        raise ValidationError({"template": _("Choose again: there is no such choice any more.")})
    if (paper.seller, paper.template) == (seller, template):
        return
    paper.seller, paper.template = seller, template
    paper.save(update_fields=["seller", "template"])
    if paper.pdf_id is not None:
        want_pdf(paper, by=by)


@transaction.atomic
def mark_sent(record: Record, is_sent: bool, *, by: User) -> None:
    """That the client has it. What is new goes on to the stage of what was sent."""
    paper = _locked_paper(record, by)
    if (paper.sent_at is not None) == is_sent:
        return
    paper.sent_at, paper.sent_by = (timezone.now(), by) if is_sent else (None, None)
    paper.save(update_fields=["sent_at", "sent_by"])
    if is_sent:
        emit(PaperSent(record_id=paper.record_id, by_id=by.pk))
        _move_on(record, "SENT", by=by, only_from=("DRAFT", "NEW"))


def _move_on(record: Record, code: str, *, by: User | None, only_from: tuple[str, ...] = ()) -> None:
    """Into the stage of this code, where the pipeline still has it and asks for nothing that is missing."""
    held = Record.objects.select_related("stage", "pipeline").get(pk=record.pk)
    stage = held.pipeline.stages.standing().filter(code=code).first() if held.pipeline else None
    if stage is None or held.stage is None or held.stage_id == stage.pk or not held.stage.is_open:
        return
    if only_from and held.stage.code not in only_from:
        return
    _try_to_move(held, stage, by)


def _try_to_move(record: Record, stage: Stage, by: User | None) -> None:
    try:
        with transaction.atomic():
            move_record(record, stage, by=by)
    except (ValidationError, PermissionDenied):
        # It stays where it is, and its stages say what is missing.
        return


def _move_back(record: Record, code: str, *, by: User | None) -> None:
    """Out of the stage of this code into the open one in which it was last, or else the first."""
    held = Record.objects.select_related("stage", "pipeline").get(pk=record.pk)
    if held.pipeline is None or held.stage is None or held.stage.code != code:
        return
    stages = held.pipeline.stages.standing().filter(kind=Stage.Kind.OPEN)
    visits = held.visits.filter(stage__in=stages).select_related("stage__pipeline")
    last = visits.order_by("-entered_at", "-id").first()
    if (stage := last.stage if last else stages.in_order().first()) is not None:
        _try_to_move(held, stage, by)


# Payments


@dataclass(frozen=True, kw_only=True)
class PaymentDraft:
    amount: Decimal
    on: date
    direction: str = Payment.Direction.IN
    note: str = ""


@transaction.atomic
def note_payment(record: Record, draft: PaymentDraft, *, by: User | None) -> Payment:
    """Money for a paper or a deal, in its currency. An invoice that is paid whole comes to its last stage.
    Raises ValidationError by field, and PermissionDenied."""
    held = locked_record(record, by=by)
    check_seen(by, held.type_id, ["amount"])
    if not held.type.has_amount:
        raise ValidationError(_("%(type)s have no amount.") % {"type": held.type.label})
    if held.payments.count() >= MOST_PAYMENTS:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST_PAYMENTS}, code="most")
    amount = rounded(draft.amount, held.currency)
    check_digits(draft.amount, held.currency)
    if amount <= 0:
        raise ValidationError({"amount": _("More than nothing.")})
    if not EARLIEST <= draft.on <= company_day():
        raise ValidationError({"on": _("Write a day that has been.")})
    if draft.direction not in Payment.Direction.values:
        raise ValidationError({"direction": _("Choose again: there is no such choice any more.")})
    base_amount = counted_over(draft.amount, held.currency, all_currencies())
    payment = Payment(
        record=held, direction=draft.direction, amount=amount, on=draft.on,
        base_amount=base_amount, note=" ".join(draft.note.split()), created_by=by,
    )  # fmt: skip
    check_fields(payment, ["amount", "note"])
    check_kept(payment.base_amount)
    payment.save()
    emit(_noted(held, payment, by))
    if held.type.is_paper and is_paid(held):
        _move_on(held, "PAID", by=by)
    return payment


@transaction.atomic
def remove_payment(payment: Payment, *, by: User | None) -> None:
    """It was written down by mistake. An invoice that is not paid whole without it is open again."""
    held = locked_record(payment.record, by=by)
    check_seen(by, held.type_id, ["amount"])
    was_paid = held.type.is_paper and is_paid(held)
    if Payment.objects.filter(pk=payment.pk).delete()[0]:
        emit(_noted(held, payment, by, is_removed=True))
        if was_paid and not is_paid(held):
            _move_back(held, "PAID", by=by)


def _noted(held: Record, payment: Payment, by: User | None, *, is_removed: bool = False) -> PaymentNoted:
    return PaymentNoted(
        record_id=held.pk, by_id=by.pk if by else None, amount=f"{payment.amount} {held.currency}",
        direction=payment.direction, is_removed=is_removed,
    )  # fmt: skip


def paid_of(record: Record) -> Decimal:
    received = record.payments.filter(direction=Payment.Direction.IN)
    return received.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def is_paid(record: Record) -> bool:
    return record.amount > 0 and paid_of(record) >= record.amount


# Links for the client


@transaction.atomic
def open_link(record: Record, *, days: int | None, by: User) -> PaperLink:
    """Raises ValidationError and PermissionDenied."""
    paper = _locked_paper(record, by)
    now = timezone.now()
    if days is not None and not 1 <= days <= 365:
        raise ValidationError({"days": _("Between a day and a year.")})
    if paper.links.open(now).count() >= MOST_LINKS:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST_LINKS}, code="most")
    expires_at = now + timedelta(days=days) if days else None
    want_pdf(paper, by=by)
    return PaperLink.objects.create(paper=paper, created_by=by, expires_at=expires_at)


@transaction.atomic
def end_link(link: PaperLink, *, by: User) -> None:
    _locked_paper(link.paper.record, by)
    PaperLink.objects.filter(pk=link.pk, ended_at=None).update(ended_at=timezone.now())


def note_opened(link: PaperLink, now: datetime) -> None:
    """By whoever has its address."""
    PaperLink.objects.filter(pk=link.pk).update(opened_count=F("opened_count") + 1, opened_at=now)


# PDF


@transaction.atomic
def ask_for_pdf(record: Record, *, by: User) -> None:
    """Of who may read the paper."""
    if not Record.objects.visible_to(by).filter(pk=record.pk).exists():
        raise PermissionDenied
    want_pdf(Paper.objects.select_for_update().get(record=record), by=by)


def want_pdf(paper: Paper, *, by: User | None) -> None:
    """Within a transaction: a job makes it."""
    Paper.objects.filter(pk=paper.pk).update(pdf_wanted_at=timezone.now(), pdf_attempts=0)
    emit(PaperPdfWanted(record_id=paper.pk, by_id=by.pk if by else None))


def keep_pdf(paper: Paper, data: bytes, *, digest: str, wanted_at: datetime) -> None:
    """The PDF of the page with this digest; what was wanted since is still to be made."""
    now = timezone.now()
    blob = Blob(
        key=new_key(now), size=len(data), inspected_at=now, sha256=sha256(data).hexdigest(),
        content_type=PDF_TYPE,
    )  # fmt: skip
    store().write(blob.key, data, content_type=PDF_TYPE)
    with transaction.atomic():
        blob.save()
        Paper.objects.filter(pk=paper.pk).update(pdf=blob, pdf_digest=digest)
        Paper.objects.filter(pk=paper.pk, pdf_wanted_at=wanted_at).update(pdf_wanted_at=None)


def _locked_paper(record: Record, by: User) -> Paper:
    """Raises PermissionDenied, and Paper.DoesNotExist where it is none."""
    held = locked_record(record, by=by)
    # A paper is its sum.
    check_seen(by, held.type_id, ["amount"])
    return Paper.objects.select_for_update(of=("self",)).select_related("seller", "template").get(record=held)


# How papers are written: who administers the CRM


@transaction.atomic
def save_seller(seller: Seller | None, fields: dict[str, Any], *, by: User) -> Seller:
    """Raises ValidationError by field."""
    _check_administers(by)
    if seller is None and Seller.objects.count() >= MOST_SELLERS:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST_SELLERS}, code="most")
    made = Seller.objects.select_for_update().get(pk=seller.pk) if seller else Seller()
    for name, value in fields.items():
        setattr(made, name, value)
    check_fields(made, list(fields))
    made.save()
    _told_of("changed" if seller else "added", made, by)
    return made


@transaction.atomic
def save_template(template: PaperTemplate | None, fields: dict[str, Any], *, by: User) -> PaperTemplate:
    """Raises ValidationError by field."""
    _check_administers(by)
    if template is None and PaperTemplate.objects.count() >= MOST_TEMPLATES:
        said = _("There are at most %(most)s of them.")
        raise ValidationError(said % {"most": MOST_TEMPLATES}, code="most")
    made = PaperTemplate.objects.select_for_update().get(pk=template.pk) if template else PaperTemplate()
    for name, value in fields.items():
        setattr(made, name, value)
    check_fields(made, [name for name in fields if name != "type"])
    made.save()
    _told_of("changed" if template else "added", made, by)
    return made


@transaction.atomic
def retire(row: Seller | PaperTemplate, is_retired: bool, *, by: User) -> None:
    """It is offered no more, or again; papers that have it keep it."""
    _check_administers(by)
    type(row)._default_manager.filter(pk=row.pk).update(retired_at=timezone.now() if is_retired else None)
    _told_of("retired" if is_retired else "restored", row, by)


def _told_of(change: str, row: Seller | PaperTemplate, by: User) -> None:
    emit(DictionaryChanged(dictionary="paper", change=change, name=row.name, by_id=by.pk))


def _check_administers(by: User) -> None:
    if not access.can_administer(by):
        raise PermissionDenied
