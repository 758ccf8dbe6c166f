"""Every write to exports: ordered, written in the background, forgotten after a week."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.core.events.outbox import emit
from box.core.files.actions import Stored, attach, delete_files, take_in
from box.core.files.models import new_key
from box.core.files.store import StoreError, store
from box.core.groups.models import Group
from box.lib.pipes import Counted, piped
from box.transfer.archive.container import BadArchive, Filters
from box.transfer.archive.encryption import encrypted, recipient_of
from box.transfer.archive.export import Scope, write_archive
from box.transfer.archive.records import KINDS
from box.transfer.events import ExportDue, ExportFinished, ExportOrdered
from box.transfer.models import Export

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.transfer.archive.container import Manifest

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
OF_A_PERSON = (
    *("people", "groups", "posts", "tasks", "drives", "comments", "bookings", "events", "absences"),
    "relations",
)
"""Kinds of which something is a person's own."""
State = Export.State


class Ended(Exception):
    """It was withdrawn while it was written."""


@transaction.atomic
def order_export(filters: Filters, *, recipient: str = "", by: User) -> Export:
    """Of the portal, as `by` sees it. Raises ValidationError for kinds and groups that there are not, and
    while another of theirs is being written."""
    if unknown := set(filters.kinds) - set(KINDS):
        raise ValidationError(_("There is no kind “%(kind)s”.") % {"kind": min(unknown)}, code="kinds")
    if Group.objects.visible_to(by).filter(pk__in=filters.groups).count() != len(set(filters.groups)):
        raise ValidationError(_("One of the groups is not there: choose again."), code="groups")
    if filters.since and filters.before and filters.since >= filters.before:
        raise ValidationError(_("The period ends before it begins."), code="period")
    told = msgspec.structs.replace(filters, is_private_left_out=True)
    return _order(Export(by=by, filters=msgspec.to_builtins(told), recipient=_checked(recipient)))


@transaction.atomic
def order_own(*, recipient: str = "", by: User) -> Export:
    """What is this person's own. Raises ValidationError while another is being written."""
    filters = Filters(kinds=list(OF_A_PERSON), person=by.pk)
    return _order(
        Export(by=by, is_own=True, filters=msgspec.to_builtins(filters), recipient=_checked(recipient))
    )


def _checked(recipient: str) -> str:
    recipient = recipient.strip()
    if recipient:
        recipient_of(recipient)
    return recipient


def _order(export: Export) -> Export:
    try:
        with transaction.atomic():
            export.save()
    except IntegrityError:
        raise ValidationError(
            _("One is being written already: wait for it, or end it."), code="going"
        ) from None
    emit(ExportOrdered(export_id=export.pk, by_id=export.by_id, is_own=export.is_own))
    emit(ExportDue(export_id=export.pk))
    return export


def write_export(export: Export) -> None:
    """From the beginning, however often it was begun. Call with the export's lock held."""
    with translation.override(export.by.language or None):
        try:
            _write(export)
        except Ended:
            return
        except (BadArchive, StoreError, OSError) as error:
            log.warning("export %s was not written: %s", export.pk, error)
            _end(export, State.FAILED, trouble=str(error)[:2000])


def _write(export: Export) -> None:
    filters = msgspec.convert(export.filters, Filters)
    scope = Scope(filters, by=export.by, person=export.by if export.is_own else None)
    key = new_key(timezone.now())
    counts: dict[str, int] = {}

    def tell(kind: str, number: int) -> None:
        counts[kind] = number
        going = Export.objects.going_on().filter(pk=export.pk)
        if not going.update(counts=counts, moved_at=timezone.now()):
            raise Ended

    # The object has no row until all of it is there: one that broke off is swept.
    with piped(lambda content: store().write_stream(key, content)) as out:
        counted = Counted(out)
        with encrypted(counted, export.recipient) as plain:
            manifest = write_archive(plain, scope, tell)
    _take_in(export, key, counted.size, manifest)


@transaction.atomic
def _take_in(export: Export, key: str, size: int, manifest: Manifest) -> None:
    held = Export.objects.select_for_update().filter(pk=export.pk, state=State.RUNNING).first()
    if held is None:
        return
    ending = ".zip.age" if export.recipient else ".zip"
    name = f"{manifest.source}-{manifest.created_at:%Y-%m-%d}{ending}"
    file = take_in(Stored(key, size, ""), name, by=export.by)
    attach([file.pk], audience=[], by=export.by)
    held.counts = {one.kind: one.records for one in manifest.files}
    held.missing, held.file = len(manifest.missing), file
    held.state, held.finished_at, held.trouble = State.DONE, timezone.now(), ""
    held.save(update_fields=["counts", "missing", "file", "state", "finished_at", "trouble"])
    emit(ExportFinished(export_id=held.pk, by_id=held.by_id, is_own=held.is_own, records=held.records))


def _end(export: Export, state: State, *, trouble: str) -> None:
    now = timezone.now()
    Export.objects.going_on().filter(pk=export.pk).update(
        state=state, trouble=trouble, moved_at=now, finished_at=now
    )


@transaction.atomic
def remove_export(export: Export, *, by: User) -> None:
    """With its file. One that is being written ends at its next page. Removing it again changes nothing."""
    held = Export.objects.select_for_update().filter(pk=export.pk).first()
    if held is None:
        return
    file_id = held.file_id
    held.delete()
    if file_id is not None:
        delete_files([file_id])


def forget_old(now: datetime) -> int:
    """Exports that were kept long enough; says how many."""
    old = list(Export.objects.filter(created_at__lt=now - KEPT).select_related("by"))
    for export in old:
        remove_export(export, by=export.by)
    return len(old)
