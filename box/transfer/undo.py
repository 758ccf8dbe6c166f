"""A whole migration undone, in a box that people have not begun to work with.

What it has brought goes in the order in which things stand on each other, the last first, in batches of their
own: killed, the next run goes on. Whoever was here before and was only recognised stays. What people have
worked with meanwhile stays too, and what something of theirs leads to: it is theirs then, with a remark.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.apps.calendar.events import EventRemoved
from box.apps.calendar.models import BookingPage, Calendar, Event
from box.apps.calls.models import LoggedCall
from box.apps.crm.actions.activities import remove_activities
from box.apps.crm.actions.bulk import remove_records
from box.apps.drive.actions.trash import purge as purge_item
from box.apps.drive.actions.trash import remove_drive, throw_away
from box.apps.drive.models import Drive, Item
from box.apps.feed.actions import forget_post
from box.apps.feed.models import Post
from box.apps.tasks.actions.tasks import purge as purge_tasks
from box.apps.tasks.models import Task
from box.core.access.principals import code_of
from box.core.accounts.actions import withdraw_user
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.fields.actions import archive_field
from box.core.fields.models import Field, Value
from box.core.groups.actions import delete_group
from box.core.groups.models import Group
from box.core.people.absences import remove_absence
from box.core.people.models import Absence
from box.core.people.photos import remove_photo
from box.core.registry.origin import importing
from box.core.structure.actions import delete_department
from box.core.structure.models import Department
from box.transfer.events import MigrationUndone
from box.transfer.ledger import REFUSALS, reason_of
from box.transfer.models import Identity, Migration, Remark
from box.transfer.obstacles import in_use, is_peoples
from box.transfer.stages.calendars import SECTION
from box.transfer.stages.drives import FILE
from box.transfer.stages.own_fields import FIELD, TASK_FIELD

log = logging.getLogger(__name__)

BATCH = 50


def take_back(migration: Migration) -> None:
    """Until nothing of it is left. Call with the migration's lock held."""
    removed = 0
    with translation.override(migration.language or None):
        for kind, remove in _REMOVERS.items():
            removed += _take_back(migration, kind, remove)
    with transaction.atomic():
        held = Migration.objects.select_for_update().get(pk=migration.pk)
        if held.state != Migration.State.UNDOING:
            return
        held.identities.all().delete()
        held.progress.all().delete()
        held.state, held.passes, held.moved_at = Migration.State.UNDONE, 0, timezone.now()
        held.save(update_fields=["state", "passes", "moved_at"])
        emit(MigrationUndone(migration_id=held.pk, portal=held.portal, by_id=held.by_id, removed=removed))


def _take_back(migration: Migration, kind: str, remove: Callable[[Migration, Identity], None]) -> int:
    count = 0
    while True:
        with transaction.atomic():
            rows = list(
                Identity.objects.select_for_update()
                .filter(migration=migration, kind=kind, is_new=True)
                .order_by("-id")[:BATCH]
            )
            count += _remove_all(migration, kind, rows, remove)
            Identity.objects.filter(pk__in=[row.pk for row in rows]).delete()
            Migration.objects.filter(pk=migration.pk).update(moved_at=timezone.now())
        if not rows:
            return count


def _remove_all(
    migration: Migration, kind: str, rows: list[Identity], remove: Callable[[Migration, Identity], None]
) -> int:
    """How many of them went. With whatever stays it is asked again what of the others leads to that."""
    left, count = rows, 0
    while left:
        used = in_use(migration, kind, [row.ours for row in left])
        for row in left:
            if row.ours in used:
                _keep(migration, row, _("people have worked with it (%(what)s).") % {"what": used[row.ours]})
        if used:
            left = [row for row in left if row.ours not in used]
            continue
        for place, row in enumerate(left, 1):
            if not _try(migration, row, remove):
                left = left[place:]
                break
            count += 1
        else:
            return count
    return count


def _try(migration: Migration, row: Identity, remove: Callable[[Migration, Identity], None]) -> bool:
    try:
        with transaction.atomic(), importing(at=timezone.now()):
            remove(migration, row)
            # Else what still leads to it is found with the last of the batch, and takes all of that along.
            connection.check_constraints()
    except REFUSALS as error:
        _keep(migration, row, reason_of(error) or _("something else leads to it."))
        return False
    except (OperationalError, InterfaceError):
        # Of the database, not of this row: it is tried again.
        raise
    except Exception:
        # A mistake of ours would come again each minute, and nothing that stands below would ever go.
        log.exception("migration %s: %s %s does not go", migration.pk, row.kind, row.theirs)
        _keep(migration, row, _("taking it back failed, and the log of the jobs says how."))
        return False
    return True


def _keep(migration: Migration, row: Identity, why: str) -> None:
    """From now on it is people's, and so is what stands in it."""
    said = _("It stays: %(why)s") % {"why": why}
    row.delete()
    Remark.objects.bulk_create(
        [Remark(migration=migration, kind=row.kind, theirs=row.theirs, text=said[:500])],
        ignore_conflicts=True,
    )


def _post(migration: Migration, row: Identity) -> None:
    post = Post.objects.filter(pk=row.ours).select_related("thread").first()
    if post is not None:
        forget_post(post)


def _task(migration: Migration, row: Identity) -> None:
    held = Task.objects.select_for_update(of=("self",)).select_related("thread").filter(pk=row.ours)
    purge_tasks(list(held))


def _item(migration: Migration, row: Identity) -> None:
    item = Item.objects.there().select_related("drive", "parent", "file").filter(pk=row.ours).first()
    if item is not None:
        # Folders may have been moved since: what is below may have come before what it is in now.
        if item.is_folder and is_peoples(Item.objects.below(item), migration):
            raise ValidationError(_("something in it stays."), code="used")
        throw_away([item], by=migration.by)
        purge_item(item, by=None)


def _activity(migration: Migration, row: Identity) -> None:
    remove_activities([row.ours])


def _record(migration: Migration, row: Identity) -> None:
    remove_records([row.ours], by=migration.by)


def _group(migration: Migration, row: Identity) -> None:
    group = Group.objects.filter(pk=row.ours).first()
    if group is not None:
        delete_group(group, by=migration.by)


def _person(migration: Migration, row: Identity) -> None:
    person = User.objects.filter(pk=row.ours).first()
    if person is not None:
        if person.photo_id is not None:
            remove_photo(person, by=None)
        drive = Drive.objects.filter(code=code_of(person)).first()
        if drive is not None and not drive.items.exclude(parent=None).exists():
            remove_drive(drive, by=None)
        withdraw_user(person)


def _department(migration: Migration, row: Identity) -> None:
    department = Department.objects.standing().filter(pk=row.ours).first()
    if department is not None:
        delete_department(department, by=None)


def _event(migration: Migration, row: Identity) -> None:
    event = Event.objects.filter(pk=row.ours).first()
    if event is not None:
        people = tuple(sorted(event.attendances.values_list("user_id", flat=True)))
        event.delete()
        emit(EventRemoved(event_id=row.ours, by_id=migration.by_id, version=event.version, user_ids=people))


def _absence(migration: Migration, row: Identity) -> None:
    absence = Absence.objects.filter(pk=row.ours).select_related("user").first()
    if absence is not None:
        remove_absence(absence, by=migration.by)


def _booking(migration: Migration, row: Identity) -> None:
    """One on which somebody has booked by now stays."""
    BookingPage.objects.filter(pk=row.ours, appointments=None).delete()


def _calendar(migration: Migration, row: Identity) -> None:
    """One in which somebody has written by now stays."""
    Calendar.objects.filter(pk=row.ours, events=None).delete()


def _call(migration: Migration, row: Identity) -> None:
    LoggedCall.objects.filter(pk=row.ours, call=None).delete()


def _field(migration: Migration, row: Identity) -> None:
    """One that somebody has filled in by now stays, out of sight."""
    field = Field.objects.filter(pk=row.ours).first()
    if field is not None:
        archive_field(field, by=migration.by)
        if not Value.objects.filter(field=field).exists():
            field.delete()


# Comments, checklists, time and files go with what they hang on.
_REMOVERS: Mapping[str, Callable[[Migration, Identity], None]] = {
    "event": _event,
    "booking": _booking,
    SECTION: _calendar,
    "call": _call,
    "absence": _absence,
    FILE: _item,
    "task": _task,
    TASK_FIELD: _field,
    "post": _post,
    "activity": _activity,
    "deal": _record,
    "lead": _record,
    "contact": _record,
    "company": _record,
    FIELD: _field,
    "group": _group,
    "person": _person,
    "department": _department,
}
