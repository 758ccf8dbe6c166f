"""When directories are read: by schedule, on demand, and again where a run was cut off."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.bridges.directory import lockout
from box.bridges.directory.bind_refusals import is_bind_refused
from box.bridges.directory.models import Connection, Run
from box.core.files.jobs import locked

if TYPE_CHECKING:
    from box.bridges.directory.sync import Tell

log = logging.getLogger(__name__)

# One run at a time in the whole cluster: two directories may tell of the same people.
LOCK = 0x64697273
# A run without news for so long was killed: its lock is free then.
FORGOTTEN = timedelta(minutes=1)
# What is kept of the log: runs that changed nothing go sooner.
KEPT, KEPT_EMPTY = timedelta(days=180), timedelta(days=7)


@db_task()
def perform(run_id: int) -> None:
    """Does a run that somebody has asked for."""
    run_once(run_id)


@db_periodic_task(crontab())
def perform_due() -> None:
    """Every minute: what is due by schedule, and what was left."""
    run_due(timezone.now())


@db_periodic_task(crontab(minute="23", hour="3"))
def forget_runs() -> None:
    """Every night."""
    forget_old(timezone.now())
    lockout.forget(timezone.now())


def run_once(run_id: int, *, is_full: bool = False, tell: Tell | None = None) -> bool:
    """Does the run, unless it is over or another is going. Returns whether it was done."""
    with locked(LOCK, 0) as is_ours:
        run = Run.objects.going().filter(pk=run_id).select_related("connection", "by").first()
        if not is_ours or run is None:
            return False
        # What reads directories takes 6 MB of memory: not in every process of every box.
        from box.bridges.directory.sync import perform_run

        perform_run(run, is_full=is_full, tell=tell)
        return True


def run_due(now: datetime) -> None:
    """One after the other. What nobody does now is done a minute later."""
    for run_id in _left(now):
        run_once(run_id)
    for connection in Connection.objects.on().filter(is_confirmed=True, interval_minutes__gt=0):
        run = _due(connection, now)
        if run is not None:
            run_once(run.pk)


def _left(now: datetime) -> list[int]:
    """Asked for and not begun, or begun and not moved since: their process was killed."""
    before = now - FORGOTTEN
    going = Run.objects.going().exclude(moved_at__gte=before).filter(asked_at__lt=before)
    return list(going.order_by("id").values_list("pk", flat=True))


def _due(connection: Connection, now: datetime) -> Run | None:
    """The run that is due, if one is. What the guard has stopped is tried again: maybe there is no longer a
    reason to ask."""
    if is_bind_refused(connection, now=now):
        return None
    newest = connection.runs.filter(mode=Run.Mode.SYNC).order_by("-id").first()
    if newest is not None:
        if newest.is_going or (newest.started_at or newest.asked_at) > now - timedelta(
            minutes=connection.interval_minutes
        ):
            return None
        asking = Run.objects.filter(pk=newest.pk, state=Run.State.ASKING)
        if asking.update(state=Run.State.WAITING):
            return newest
    return Run.objects.create(connection=connection, mode=Run.Mode.SYNC, why=Run.Why.SCHEDULE)


def forget_old(now: datetime) -> int:
    """The newest of each connection stays, whatever its age."""
    newest = [
        pk
        for connection in Connection.objects.all()
        if (pk := connection.runs.order_by("-id").values_list("pk", flat=True).first()) is not None
    ]
    ended = Run.objects.filter(finished_at__isnull=False).exclude(pk__in=newest)
    gone = 0
    for old in (
        ended.filter(finished_at__lt=now - KEPT),
        ended.filter(finished_at__lt=now - KEPT_EMPTY, counts={}),
    ):
        gone += old.delete()[0]
    return gone
