"""Migrations in the background. A job that is lost is found again from the row."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.core.accounts.models import User
from box.core.events.low_priority import run_at_low_priority
from box.core.files.jobs import locked
from box.core.files.store import StoreUnavailable
from box.lib.sealing import SealBroken
from box.transfer import actions, exports, rehearsal, undo
from box.transfer.archive.container import BadArchive
from box.transfer.boxed import extract
from box.transfer.boxed.dump import BadDump
from box.transfer.cloud import UNREADABLE, BadWebhook, CloudAway, CloudRefused
from box.transfer.models import Export, Migration
from box.transfer.runner import run
from box.transfer.sources import archive_of, cloud_of

log = logging.getLogger(__name__)

# The first of an advisory lock's two keys; the second is the id.
LOCK, EXPORT_LOCK = 0x6D696772, 0x6578706F
FORGOTTEN = timedelta(minutes=1)


@db_task()
def migrate(migration_id: int) -> None:
    """Looks at a portal, brings what it has, or takes it away again."""
    run_at_low_priority(lambda: go_on_once(migration_id))


@db_task()
def invite(migration_id: int, by_id: int) -> None:
    """Whoever it has added: a second time, who was not invited by then."""
    migration = Migration.objects.filter(pk=migration_id).first()
    by = User.objects.filter(pk=by_id).first()
    if migration is not None and by is not None:
        actions.invite_newcomers(migration, by=by)


@db_task()
def export(export_id: int) -> None:
    """Writes an open archive that somebody has asked for."""
    run_at_low_priority(lambda: export_once(export_id))


@db_periodic_task(crontab(minute="41"))
def forget_exports() -> None:
    """Every hour: those that were kept long enough."""
    exports.forget_old(timezone.now())


@db_periodic_task(crontab(minute="43"))
def forget_extracts() -> None:
    """Every hour: what was read of dumps that nothing comes from any more."""
    extract.forget_unused(is_needed=Migration.objects.from_dumps().exists())


@db_periodic_task(crontab())
def go_on_with_forgotten() -> None:
    """Every minute: migrations."""
    run_at_low_priority(lambda: go_on_forgotten(timezone.now()))


@db_periodic_task(crontab())
def export_what_was_forgotten() -> None:
    """Every minute: archives that are being written. Apart, for a migration may fail, or take hours."""
    run_at_low_priority(lambda: export_forgotten(timezone.now()))


def go_on_once(migration_id: int) -> None:
    """Goes on with it, unless it stands still or somebody is just at it."""
    with locked(LOCK, migration_id) as is_ours:
        going = Migration.objects.going_on().select_related("by").filter(pk=migration_id)
        migration = going.first() if is_ours else None
        if migration is None:
            return
        match migration.state:
            case Migration.State.LOOKING if migration.is_dry_run:
                _rehearse(migration)
            case Migration.State.LOOKING:
                _look(migration)
            case Migration.State.RUNNING:
                run(migration)
            case Migration.State.UNDOING:
                undo.take_back(migration)


def export_once(export_id: int) -> None:
    """Writes it, unless somebody is just at it."""
    with locked(EXPORT_LOCK, export_id) as is_ours:
        going = Export.objects.going_on().select_related("by").filter(pk=export_id)
        if is_ours and (found := going.first()) is not None:
            exports.write_export(found)


def export_forgotten(now: datetime, *, older_than: timedelta = FORGOTTEN) -> None:
    """From the beginning, where whoever wrote it was killed."""
    standing = Export.objects.going_on().filter(moved_at__lt=now - older_than)
    for pk in list(standing.values_list("pk", flat=True)):
        export_once(pk)


def _look(migration: Migration) -> None:
    with translation.override(migration.language or None):
        try:
            if migration.archive_id:
                with archive_of(migration) as archive:
                    actions.look_into(migration, archive)
            else:
                actions.look(migration, cloud_of(migration))
        except (BadArchive, BadDump, CloudAway, CloudRefused, BadWebhook, StoreUnavailable) as error:
            _say(migration, str(error))
        except UNREADABLE as error:
            log.exception("migration %s: nobody can read what the portal has", migration.pk)
            _say(migration, _unreadable(error))


def _rehearse(migration: Migration) -> None:
    """From the beginning, where it was killed: it only reads."""
    with translation.override(migration.language or None):
        try:
            found = rehearsal.rehearse(migration, cloud_of(migration), rehearsal.follow(migration))
            rehearsal.keep(migration, found)
        except CloudAway as error:
            _say(migration, str(error))
        except (BadDump, CloudRefused, BadWebhook, SealBroken) as error:
            rehearsal.give_up(migration, str(error))
        except UNREADABLE as error:
            log.exception("migration %s: nobody can read what the portal has", migration.pk)
            rehearsal.give_up(migration, _unreadable(error))


def _say(migration: Migration, trouble: str) -> None:
    Migration.objects.filter(pk=migration.pk).update(trouble=trouble[:2000], moved_at=timezone.now())


def _unreadable(error: Exception) -> str:
    why = str(error) or type(error).__name__
    return _("What the portal says cannot be read: %(why)s") % {"why": why}


def go_on_forgotten(now: datetime, *, older_than: timedelta = FORGOTTEN) -> None:
    """With what stands still: its process was killed, or the portal was away."""
    standing = Migration.objects.going_on().filter(moved_at__lt=now - older_than)
    for pk in list(standing.values_list("pk", flat=True)):
        go_on_once(pk)
