"""What is done for files in the background. A job that is lost is found again from the rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.core.files import actions, garbage_collection
from box.core.files.models import Blob
from box.core.files.recall import NotBackYet
from box.core.files.store import StoreUnavailable

log = logging.getLogger(__name__)

# The first of an advisory lock's two keys; the second is the blob's id, or 0.
INSPECTION = 0x66696C65
SWEEP = INSPECTION + 1


@db_task()
def inspect() -> None:
    """Looks into what is new, until nothing is. One job does so at a time: a thousand pictures keep one of
    the workers, and leave the others to letters and reminders."""
    with locked(INSPECTION, 0) as is_ours:
        seen: set[int] = set()
        while is_ours and (new := set(Blob.objects.uninspected().values_list("pk", flat=True)) - seen):
            seen |= new
            if not _inspect_each(sorted(new)):
                return


@db_periodic_task(crontab())
def inspect_forgotten() -> None:
    """Every minute."""
    inspect_all_forgotten(timezone.now())


@db_periodic_task(crontab(minute="17", hour="*/6"))
def sweep() -> None:
    """Every six hours."""
    sweep_all(timezone.now())


def inspect_once(blob_id: int, *, now: datetime) -> None:
    """Looks into the blob, unless somebody has done so or is just doing it."""
    with locked(INSPECTION, blob_id) as is_ours:
        blob = Blob.objects.uninspected().filter(pk=blob_id).first() if is_ours else None
        if blob is not None:
            actions.inspect_blob(blob, now=now)


def inspect_all_forgotten(now: datetime, *, older_than: timedelta = timedelta(minutes=1)) -> None:
    """Looks into what nobody has looked into in time: the store was away, or a job's process was killed.

    Done here and not put into the queue again, which would grow for as long as the store is away.
    """
    with locked(INSPECTION, 0) as is_ours:
        if not is_ours:
            return
        forgotten = Blob.objects.uninspected().filter(created_at__lt=now - older_than).order_by("created_at")
        _inspect_each(forgotten.values_list("pk", flat=True))


def _inspect_each(pks: Iterable[int]) -> bool:
    """Whether it is worth going on: not while the store is away."""
    for pk in list(pks):
        try:
            inspect_once(pk, now=timezone.now())
        except NotBackYet:
            # The others are there.
            continue
        except StoreUnavailable as error:
            log.warning("inspections wait: %s", error)
            return False
        except Exception:
            log.exception("blob %s cannot be inspected", pk)
    return True


def sweep_all(now: datetime) -> None:
    """Removes what nobody needs any more; see `garbage_collection`."""
    with locked(SWEEP, 0) as is_ours:
        if not is_ours:
            return
        try:
            log.info("%s", garbage_collection.sweep(now))
        except StoreUnavailable as error:
            log.warning("the sweep of files goes on at its next run: %s", error)


@contextmanager
def locked(kind: int, pk: int) -> Iterator[bool]:
    """Whether nobody else in the cluster is at it. The lock is the session's: it dies with the process."""
    keys = [kind, pk % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)
        is_ours: bool = cursor.fetchone()[0]
        try:
            yield is_ours
        finally:
            if is_ours:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)
