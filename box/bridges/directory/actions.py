"""What people decide about directories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.bridges.directory.access import may_save, why_guarded
from box.bridges.directory.events import (
    ConnectionChanged,
    ConnectionDeleted,
    GuardAnswered,
    RunAsked,
    RunCancelled,
)
from box.bridges.directory.models import Connection, Run
from box.bridges.directory.ownership import own_departments, own_groups, release_all, rename_source
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from datetime import datetime

    from box.core.accounts.models import User


@transaction.atomic
def save_connection(connection: Connection, *, by: User | None) -> None:
    """Adds it, or keeps what was changed. Raises ValidationError, and PermissionDenied for what only
    administrators change of it: see `access`."""
    stored = Connection.objects.select_for_update().filter(pk=connection.pk).first()
    if by is not None and not may_save(by, connection, stored):
        raise PermissionDenied(why_guarded())
    connection.changed_at = timezone.now()
    connection.full_clean(exclude=["mapping", "rules", "sign_in"])
    connection.save()
    if stored is not None and stored.name != connection.name:
        _refuse_while_running(stored)
        rename_source(connection, stored.name)
    own_groups(connection)
    if stored is not None:
        own_departments(connection, filled=bool(stored.mapping.departments))
    emit(ConnectionChanged(connection_id=connection.pk, by_id=by.pk if by else None))


def _refuse_while_running(connection: Connection) -> None:
    """It would go on writing what comes from the directory down as that of its former name."""
    if connection.runs.filter(mode=Run.Mode.SYNC, state=Run.State.RUNNING).exists():
        raise ValidationError(
            _("%(name)s is being synchronised: wait until the run is over, or stop it.")
            % {"name": connection.name}
        )


@transaction.atomic
def note_bind_refusal(connection: Connection, way: str, *, at: datetime) -> None:
    """The directory takes the bind account's password no more, asked in this way."""
    Connection.objects.filter(pk=connection.pk).update(bind_refused_at=at, bind_refused_for=way)


@transaction.atomic
def delete_connection(connection: Connection, *, by: User) -> None:
    """Its people, departments and workgroups stay, and are the portal's own from now on."""
    release_all(connection)
    emit(ConnectionDeleted(name=connection.name, by_id=by.pk))
    connection.delete()


@transaction.atomic
def ask_run(
    connection: Connection, mode: str, *, why: str = Run.Why.DEMAND, by: User | None, anew: bool = False
) -> Run:
    """Has a run done in the background; one that is going already is returned instead, `anew` only one that
    has not begun to read."""
    Connection.objects.select_for_update().get(pk=connection.pk)
    asked = connection.runs.filter(state=Run.State.WAITING) if anew else connection.runs.going()
    going = asked.filter(mode=mode).order_by("-id").first()
    if going is not None:
        return going
    run = Run.objects.create(connection=connection, mode=mode, why=why, by=by)
    emit(RunAsked(run_id=run.pk, by_id=by.pk if by else None))
    return run


@transaction.atomic
def confirm_connection(connection: Connection, *, by: User) -> Run:
    """After a look at the preview: what it showed is done now, and by schedule from now on."""
    preview = connection.runs.filter(mode=Run.Mode.PREVIEW, state=Run.State.DONE).order_by("-id").first()
    if preview is None or preview.asked_at < connection.changed_at:
        raise ValidationError(_("Look at a preview first: what it shows is what will be done."))
    Connection.objects.filter(pk=connection.pk).update(is_confirmed=True, is_on=True)
    emit(ConnectionChanged(connection_id=connection.pk, by_id=by.pk))
    return ask_run(connection, Run.Mode.SYNC, by=by)


@transaction.atomic
def cancel_run(run: Run, *, by: User | None) -> None:
    """Stops it where it is, which its process finds out with its next step: what was written stays, and the
    next run does the rest. Raises ValidationError for one that is over."""
    held = Run.objects.select_for_update().get(pk=run.pk)
    if not held.is_going:
        raise ValidationError(_("This run is over already: reload the page."))
    held.state = Run.State.CANCELLED
    held.finished_at = timezone.now()
    held.save(update_fields=["state", "finished_at"])
    emit(RunCancelled(run_id=run.pk, by_id=by.pk if by else None))


@transaction.atomic
def answer_guard(run: Run, *, is_allowed: bool, by: User) -> None:
    """Lets a run that the guard has stopped go on, or drops it: the next one asks again."""
    held = Run.objects.select_for_update().get(pk=run.pk)
    if held.state != Run.State.ASKING:
        raise ValidationError(_("This was answered already: reload the page."))
    held.is_allowed = is_allowed
    held.state = Run.State.WAITING if is_allowed else Run.State.CANCELLED
    held.finished_at = None if is_allowed else timezone.now()
    held.save(update_fields=["is_allowed", "state", "finished_at"])
    emit(GuardAnswered(run_id=run.pk, is_allowed=is_allowed, by_id=by.pk))
    if is_allowed:
        emit(RunAsked(run_id=run.pk, by_id=by.pk))
