"""What is in the trash goes for good: a client wishes it, or nobody needs it any more."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.actions.bulk import remove_records
from box.apps.crm.actions.locks import locked_records
from box.apps.crm.events import RecordErased
from box.apps.crm.models import Activity, ActivityBinding, FormFile, Paper, Payment, Record
from box.apps.crm.models.types import ANY_RECORD
from box.core.events.outbox import emit
from box.core.files.actions import delete_files
from box.core.history.actions import forget_lines
from box.core.registry.capabilities import Ref
from box.core.relations.actions import forget_relations

if TYPE_CHECKING:
    from box.core.accounts.models import User


@transaction.atomic
def erase_record(record: Record, *, by: User) -> None:
    """With all that became a part of it, what was said below, its activities, files and history. Deals and
    others that had to do with it stay, and name it no more.

    Raises PermissionDenied for whoever does not set up the CRM, and ValidationError for what is not in the
    trash, for papers, and for what has papers or payments: books are kept. Doing it twice is doing it once.
    """
    if not access.can_administer(by):
        raise PermissionDenied(_("Who sets up the CRM erases for good."))
    parts = _parts(record)
    held = locked_records(parts)
    if record.pk not in held:
        return
    if held[record.pk].deleted_at is None or held[record.pk].merged_into_id is not None:
        raise ValidationError(_("Delete it first: only what is in the trash is erased."), code="trash")
    _check_books(held)
    Record.objects.filter(company__in=held).update(company=None)
    Record.objects.filter(contact__in=held).update(contact=None)
    # What stands on a deal's time line, too, goes on there.
    elsewhere = ActivityBinding.objects.exclude(record__in=held).values("activity")
    own = ActivityBinding.objects.filter(record__in=held).exclude(activity__in=elsewhere)
    Activity.objects.filter(pk__in=list(own.values_list("activity", flat=True))).delete()
    sent = list(FormFile.objects.filter(answer__record__in=held).values_list("file", flat=True))
    refs = [one.ref for one in held.values()]
    # What became a part of another first: it refers to that.
    for part in reversed(parts):
        remove_records([part.pk], by=by)
    delete_files(sent)
    forget_lines(refs)
    forget_relations([*refs, *(Ref(ANY_RECORD, pk) for pk in held)])
    emit(RecordErased(record_id=record.pk, by_id=by.pk))


def _parts(record: Record) -> list[Record]:
    """With it, what became a part of it, what had become a part of that before, and so on."""
    parts, last = [record], [record]
    while last := list(Record.objects.filter(merged_into__in=last)):
        parts += last
    return parts


def _check_books(ids: Collection[int]) -> None:
    if Paper.objects.filter(Q(record__in=ids) | Q(deal__in=ids)).exists():
        raise ValidationError(_("Quotes and invoices are kept, and what they are about."), code="books")
    if Payment.objects.filter(record__in=ids).exists():
        raise ValidationError(_("It has payments, which are kept: take them back first."), code="books")
