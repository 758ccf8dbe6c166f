"""Migrations in the background. A job that is lost is found again from the row."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone, translation
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.core.accounts.models import User
from box.core.files.jobs import locked
from box.transfer import actions, undo
from box.transfer.cloud import BadWebhook, CloudAway, CloudRefused
from box.transfer.models import Migration
from box.transfer.runner import cloud_of, run

# The first of an advisory lock's two keys; the second is the migration's id.
LOCK = 0x6D696772
FORGOTTEN = timedelta(minutes=1)


@db_task()
def migrate(migration_id: int) -> None:
    """Looks at a portal, brings what it has, or takes it away again."""
    go_on_once(migration_id)


@db_task()
def invite(migration_id: int, by_id: int) -> None:
    """Whoever it has added: a second time, who was not invited by then."""
    migration = Migration.objects.filter(pk=migration_id).first()
    by = User.objects.filter(pk=by_id).first()
    if migration is not None and by is not None:
        actions.invite_newcomers(migration, by=by)


@db_periodic_task(crontab())
def go_on_with_forgotten() -> None:
    """Every minute."""
    go_on_forgotten(timezone.now())


def go_on_once(migration_id: int) -> None:
    """Goes on with it, unless it stands still or somebody is just at it."""
    with locked(LOCK, migration_id) as is_ours:
        going = Migration.objects.going_on().select_related("by").filter(pk=migration_id)
        migration = going.first() if is_ours else None
        if migration is None:
            return
        match migration.state:
            case Migration.State.LOOKING:
                _look(migration)
            case Migration.State.RUNNING:
                run(migration)
            case Migration.State.UNDOING:
                undo.take_back(migration)


def _look(migration: Migration) -> None:
    with translation.override(migration.language or None):
        try:
            actions.look(migration, cloud_of(migration))
        except (CloudAway, CloudRefused, BadWebhook) as error:
            Migration.objects.filter(pk=migration.pk).update(
                trouble=str(error)[:2000], moved_at=timezone.now()
            )


def go_on_forgotten(now: datetime, *, older_than: timedelta = FORGOTTEN) -> None:
    """With what stands still: its process was killed, or the portal was away."""
    standing = Migration.objects.going_on().filter(moved_at__lt=now - older_than)
    for pk in list(standing.values_list("pk", flat=True)):
        go_on_once(pk)
