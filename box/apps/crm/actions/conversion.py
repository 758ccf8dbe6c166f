"""A lead that turned out well becomes a contact, a company and a deal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.crm.actions.activities import renew_next_steps
from box.apps.crm.actions.records import NewRecord, add_record, locked_record, move_record
from box.apps.crm.contact_points import Reach
from box.apps.crm.events import LeadConverted
from box.apps.crm.models import ActivityBinding, LineItem, Link, Record, RecordType, Stage
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from box.core.accounts.models import User


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What the lead becomes: a new one, or a client that is there already."""

    contact: Record | None = None
    company: Record | None = None
    makes_contact: bool = True
    makes_company: bool = False
    company_title: str = ""
    makes_deal: bool = True
    deal_stage: Stage | None = None


@dataclass(frozen=True)
class Converted:
    contact: Record | None
    company: Record | None
    deal: Record | None


@transaction.atomic
def convert_lead(lead: Record, how: Conversion, *, by: User | None) -> Converted:
    """What is linked with the lead goes along: activities, observers, numbers and addresses, lines.

    Raises ValidationError, also for a lead that was converted before.
    """
    watching = list(lead.observers.order_by("user").values_list("user", flat=True))
    held = locked_record(lead, by=by, people=watching)
    if held.type_id != RecordType.Id.LEAD:
        raise ValidationError(_("Only a lead is converted."), code="type")
    if held.linked_from.filter(role=Link.Role.ORIGIN).exists():
        raise ValidationError(_("This lead was converted already."), code="converted")
    observers = [one.user for one in held.observers.select_related("user")]
    points = [Reach(point.kind, point.value, point.use) for point in held.contact_points.in_order()]
    company = how.company
    if company is None and how.makes_company:
        company = add_record(
            NewRecord(
                type=_type(RecordType.Id.COMPANY), responsible=held.responsible, observers=observers,
                title=how.company_title or held.title, tax_number=held.tax_number, address=held.address,
                source=held.source, source_note=held.source_note, utm=held.utm,
                reached_by=() if how.makes_contact else points, is_copy=True,
            ),
            by=by,
        )  # fmt: skip
    contact = how.contact
    if contact is None and how.makes_contact:
        contact = add_record(
            NewRecord(
                type=_type(RecordType.Id.CONTACT), responsible=held.responsible, observers=observers,
                title=held.title, first_name=held.first_name, patronymic=held.patronymic,
                last_name=held.last_name, position=held.position, born_on=held.born_on, company=company,
                source=held.source, source_note=held.source_note, utm=held.utm, reached_by=points,
                is_copy=True,
            ),
            by=by,
        )  # fmt: skip
    deal = None
    if how.makes_deal:
        deal = add_record(
            NewRecord(
                type=_type(RecordType.Id.DEAL), stage=how.deal_stage, responsible=held.responsible,
                title=held.title, amount=held.amount, currency=held.currency, comment=held.comment,
                source=held.source, source_note=held.source_note, utm=held.utm, contact=contact,
                company=company, observers=observers, is_copy=True,
            ),
            by=by,
        )  # fmt: skip
        _copy_lines(held, deal)
    made = [one for one in (contact, company, deal) if one is not None]
    if not made:
        raise ValidationError(_("Say what the lead becomes."), code="nothing")
    for one in made:
        Link.objects.get_or_create(record=one, to=held, role=Link.Role.ORIGIN)
        _share_timeline(held, one)
    renew_next_steps([one.pk for one in made])
    won = held.pipeline.stages.standing().filter(kind=Stage.Kind.WON).first() if held.pipeline else None
    if won is not None and held.stage_id != won.pk:
        move_record(held, won, by=by)
    emit(LeadConverted(lead_id=held.pk, by_id=by.pk if by else None, made=tuple(one.pk for one in made)))
    return Converted(contact, company, deal)


def _copy_lines(lead: Record, deal: Record) -> None:
    lines = list(lead.lines.in_order())
    for line in lines:
        line.pk, line.record = None, deal
    LineItem.objects.bulk_create(lines)
    deal.has_own_amount = lead.has_own_amount
    deal.save(update_fields=["has_own_amount"])


def _share_timeline(lead: Record, to: Record) -> None:
    rows = lead.activities.values_list("activity_id", "at", "is_open")
    ActivityBinding.objects.bulk_create(
        (ActivityBinding(activity_id=pk, record=to, at=at, is_open=is_open) for pk, at, is_open in rows),
        ignore_conflicts=True,
    )


def _type(pk: int) -> RecordType:
    return RecordType.objects.get(pk=pk)
