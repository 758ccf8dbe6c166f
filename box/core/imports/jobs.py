"""Imports in the background. A job that is lost is found again from the row."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.core.files.jobs import locked
from box.core.files.store import StoreUnavailable
from box.core.imports.actions import break_off, go_on, undo
from box.core.imports.models import ImportedRow, ImportRun
from box.lib.tables import TableRefused

log = logging.getLogger(__name__)

# The first of an advisory lock's two keys; the second is the run's id.
LOCK = 0x696D706F
UNDONE_WITHIN = timedelta(days=30)


@db_task()
def import_table(run_id: int) -> None:
    """Imports a table, or what is left of it; or undoes that."""
    import_once(run_id)


@db_periodic_task(crontab())
def import_forgotten() -> None:
    """Every minute."""
    import_all_forgotten(timezone.now())


@db_periodic_task(crontab(minute="17", hour="3"))
def forget_old_rows() -> None:
    """Every night: what is too old to be undone tells nothing any more of what objects were."""
    forget_rows(timezone.now())


def import_once(run_id: int) -> None:
    """Goes on with the import, unless it is over or somebody is just at it."""
    with locked(LOCK, run_id) as is_ours:
        going_on = ImportRun.objects.going_on().filter(pk=run_id)
        run = going_on.select_related("by", "blob").first() if is_ours else None
        if run is None:
            return
        try:
            undo(run) if run.status == ImportRun.Status.UNDOING else go_on(run)
        except StoreUnavailable as error:
            log.warning("import %s goes on later: %s", run_id, error)
        except (OperationalError, InterfaceError):
            raise
        except TableRefused as refused:
            break_off(run, refused)
        except Exception:
            # It would break off at the same row each minute, and keep all others waiting.
            log.exception("The import %s broke off.", run_id)
            break_off(run)


def import_all_forgotten(now: datetime, *, older_than: timedelta = timedelta(minutes=1)) -> None:
    """Goes on with what stands still: its process was killed, or the store was away."""
    standing = ImportRun.objects.going_on().filter(moved_at__lt=now - older_than)
    for pk in list(standing.values_list("pk", flat=True)):
        import_once(pk)


def forget_rows(now: datetime) -> None:
    # One that waits to be undone would have nothing to undo, and say that it was.
    old = ImportRun.objects.filter(finished_at__lt=now - UNDONE_WITHIN)
    old = old.exclude(status=ImportRun.Status.UNDOING)
    ImportedRow.objects.filter(run__in=old).delete()
