"""The steps of a task, one function each: what they lead to, see `box.apps.tasks.states`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.tasks.access import roles_of
from box.apps.tasks.actions.locking import locked, must
from box.apps.tasks.actions.time import stop_timers_of
from box.apps.tasks.events import (
    TaskCompleted,
    TaskDeferred,
    TaskPaused,
    TaskReturned,
    TaskStarted,
    TaskSubmitted,
)
from box.apps.tasks.states import RULES, Role, State, Step, target
from box.core.discussion.actions import add_comment
from box.core.events.outbox import emit
from box.core.registry.origin import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from box.apps.tasks.models import Task
    from box.core.accounts.models import User

LONGEST_NOTE = 1000


@dataclass(frozen=True)
class Standing:
    """Where a task has come to: since when, and who has brought it there."""

    state: State
    since: datetime
    by: User

    def apply(self, task: Task) -> None:
        task.state, task.state_since, task.changed_at = self.state, self.since, self.since
        is_closed = self.state == State.COMPLETED
        task.closed_at, task.closed_by = (self.since, self.by) if is_closed else (None, None)


@transaction.atomic
def start_task(task: Task, *, by: User) -> Task:
    return _step(task, Step.START, by, TaskStarted)


@transaction.atomic
def pause_task(task: Task, *, by: User) -> Task:
    return _step(task, Step.PAUSE, by, TaskPaused)


@transaction.atomic
def defer_task(task: Task, *, by: User) -> Task:
    return _step(task, Step.DEFER, by, TaskDeferred)


@transaction.atomic
def complete_task(task: Task, *, by: User) -> Task:
    """What waits for acceptance is not over yet."""
    return _step(task, Step.COMPLETE, by, TaskCompleted)


@transaction.atomic
def accept_task(task: Task, *, by: User) -> Task:
    return _step(task, Step.ACCEPT, by, TaskCompleted, is_accepted=True)


@transaction.atomic
def return_task(task: Task, note: str = "", *, by: User) -> Task:
    """To whoever did it; the note, what is missing, stands below the task as a comment."""
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise ValidationError(_("Write less, or comment on the task."), code="note")
    task = _step(task, Step.RETURN, by, TaskReturned, note=note)
    if note:
        add_comment(task.thread, note, by=by)
    return task


@transaction.atomic
def take_back(task: Task, to: str, *, by: User) -> Task:
    """Whoever has just completed it, or handed it in, has not: it is what it was."""
    task = locked(task)
    is_own = task.closed_by_id == by.pk or (task.state == State.IN_REVIEW and Role.DOES in roles_of(by, task))
    must(is_own, _("Only whoever completed the task takes that back."))
    if to not in (State.WAITING, State.IN_PROGRESS, State.DEFERRED):
        raise ValidationError(_("This cannot be undone."), code="state")
    _write(task, State(to), by)
    emit(TaskReturned(task_id=task.pk, by_id=by.pk))
    return task


@transaction.atomic
def close_unaccepted(task: Task) -> None:
    """Whoever was to accept it has left: it is done, as whoever did it has said."""
    task = locked(task)
    if task.state == State.IN_REVIEW and not task.will_be_accepted:
        _write(task, State.COMPLETED, task.responsible)
        emit(TaskCompleted(task_id=task.pk, by_id=task.responsible_id))


@transaction.atomic
def take_over_state(task: Task, state: State, *, by: User) -> Task:
    """As it stood where it is taken over from: no step here has led to it."""
    task = locked(task)
    if task.state != state:
        _write(task, state, by)
    return task


STEPS: Mapping[Step, Callable[..., Task]] = {
    Step.START: start_task,
    Step.PAUSE: pause_task,
    Step.DEFER: defer_task,
    Step.COMPLETE: complete_task,
    Step.ACCEPT: accept_task,
    Step.RETURN: return_task,
}


def _step(task: Task, step: Step, by: User, event: Callable[..., Any], **more: Any) -> Task:
    """Doing it again does nothing. Raises PermissionDenied for whoever may not, ValidationError where the
    task has come to stand otherwise meanwhile."""
    task = locked(task)
    roles = roles_of(by, task)
    must(not RULES[step].roles.isdisjoint(roles), _whose(step))
    to = target(step, roles, needs_acceptance=task.will_be_accepted)
    if task.state == to:
        return task
    if task.state not in RULES[step].sources:
        said = _("The task is “%(state)s” by now: reload the page.") % {"state": task.get_state_display()}
        raise ValidationError(said, code="state")
    _write(task, to, by)
    if to == State.IN_REVIEW:
        event, more = TaskSubmitted, {}
    emit(event(task_id=task.pk, by_id=by.pk, **more))
    return task


def _write(task: Task, to: State, by: User) -> None:
    now = moment()
    Standing(to, now, by).apply(task)
    task.save(update_fields=["state", "state_since", "changed_at", "closed_at", "closed_by"])
    if to != State.IN_PROGRESS:
        stop_timers_of(task, now)


def _whose(step: Step) -> str:
    if RULES[step].roles == {Role.MANAGES}:
        return _("Only whoever gave the task does this.")
    return _("Only whoever works on the task does this.")
