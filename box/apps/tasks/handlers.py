"""What follows from what happens to tasks: people hear of it, open pages show it, numbers change; and what
happens to people and groups changes who sees which task."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from box.apps.tasks.actions.audiences import renew_audiences_in, renew_audiences_of
from box.apps.tasks.actions.reminders import forget_reminders
from box.apps.tasks.actions.states import close_unaccepted
from box.apps.tasks.counters import recount_all, waits_now
from box.apps.tasks.events import (
    ChecklistChanged,
    DependencyChanged,
    ParticipantsChanged,
    TaskAdded,
    TaskChanged,
    TaskCompleted,
    TaskDeferred,
    TaskDelegated,
    TaskPaused,
    TaskPlaced,
    TaskReturned,
    TasksDeleted,
    TasksRestored,
    TaskStarted,
    TaskSubmitted,
    TemplateStopped,
    TimeWritten,
)
from box.apps.tasks.models import Participant, Task, Template
from box.apps.tasks.notices import (
    ACCEPTED,
    ASSIGNED,
    COMPLETED,
    GIVEN,
    HELPS,
    MOVED,
    PASSED_ON,
    RETURNED,
    STOPPED,
    SUBMITTED,
    WATCHES,
)
from box.apps.tasks.states import State
from box.core.access.events import AccessChanged
from box.core.accounts.events import UserStatusChanged
from box.core.accounts.models import User
from box.core.events.delivery import event_being_delivered
from box.core.events.models import Event
from box.core.events.outbox import on
from box.core.groups.events import GroupChanged
from box.core.notify.actions import notify_all
from box.core.push.actions import send
from box.core.registry.origin import is_importing

if TYPE_CHECKING:
    from box.core.registry.notices import Notice

Role = Participant.Role


def _found(event: Any) -> Task | None:
    rows = Task.objects.there().select_related("responsible", "created_by").prefetch_related("participants")
    return rows.filter(pk=event.task_id).first()


def _people_as(role: Role, task: Task) -> set[int]:
    return {one.user_id for one in task.participants.all() if one.role == role}


def _tell(task: Task, ids: Iterable[int], notice: Notice, event: Any, *, is_by_itself: bool = False) -> None:
    """Once for one event, and not whoever did it, unless it came by itself."""
    if is_importing():
        return
    told = set(ids) - (set() if is_by_itself else {event.by_id})
    if not told:
        return
    people, actor = User.objects.active().filter(pk__in=told), User.objects.get(pk=event.by_id)
    key = f"{notice.kind}:{task.pk}:{event_being_delivered().pk}"
    notify_all(people, notice, about=task.ref, key=key, actor=actor)


def _show(task: Task, event: Any) -> None:
    send("tasks", "changed", audience=task.audience, payload={"id": task.pk, "by": event.by_id})


def _people_in(task: Task) -> set[int]:
    return {task.responsible_id, task.created_by_id, *(one.user_id for one in task.participants.all())}


def _recount(task: Task, *more: int) -> None:
    recount_all(User.objects.filter(pk__in={*_counted_by(task), *more}))


def _counted_by(task: Task) -> set[int]:
    return {task.responsible_id, task.created_by_id, *_people_as(Role.ACCOMPLICE, task)}


# Giving and passing on


def count_many(told: Sequence[tuple[TaskAdded, Event]]) -> None:
    """Of what is taken over nobody hears, and those for whom it waits are counted once."""
    ids, now = [event.task_id for event, _row in told], timezone.now()
    tasks = Task.objects.there().filter(pk__in=ids).prefetch_related("participants")
    concerned = {pk for task in tasks if waits_now(task, now) for pk in _counted_by(task)}
    recount_all(User.objects.filter(pk__in=concerned))


@on(TaskAdded, handler_of_many=count_many)
def tell_of_task(event: TaskAdded) -> None:
    task = _found(event)
    if task is None:
        return
    _tell(task, [task.responsible_id], GIVEN, event, is_by_itself=task.template_at is not None)
    for role, notice in ((Role.ACCOMPLICE, HELPS), (Role.OBSERVER, WATCHES)):
        _tell(task, _people_as(role, task), notice, event)
    send("tasks", "added", audience=task.audience, payload={"id": task.pk, "by": event.by_id})
    if waits_now(task, timezone.now()):
        _recount(task)


@on(TaskDelegated)
def tell_of_delegation(event: TaskDelegated) -> None:
    task = _found(event)
    if task is not None:
        _tell(task, [event.user_id], GIVEN, event)
        _tell(task, {task.created_by_id, event.former_id} - {event.user_id}, PASSED_ON, event)
        _show(task, event)
        _recount(task, event.former_id)


@on(ParticipantsChanged)
def tell_of_participation(event: ParticipantsChanged) -> None:
    task = _found(event)
    if task is not None:
        _tell(task, event.user_ids, HELPS if event.role == Role.ACCOMPLICE else WATCHES, event)
        _show(task, event)
        _recount(task, *event.former_ids)


# Steps


def _step(event: Any, notice: Notice | None = None, *, to: Collection[str] = ()) -> None:
    """`to` are names of those who hear of it: creator, responsible, everybody."""
    task = _found(event)
    if task is None:
        return
    if notice is not None:
        ids = {"creator": {task.created_by_id}, "responsible": {task.responsible_id}}
        people = _people_in(task) if "everybody" in to else set().union(*(ids[name] for name in to))
        _tell(task, people, notice, event)
    _show(task, event)
    _recount(task)


@on(TaskStarted)
def show_start(event: TaskStarted) -> None:
    _step(event)


@on(TaskPaused)
def show_pause(event: TaskPaused) -> None:
    _step(event)


@on(TaskDeferred)
def show_deferral(event: TaskDeferred) -> None:
    _step(event)


@on(TaskSubmitted)
def tell_of_result(event: TaskSubmitted) -> None:
    _step(event, SUBMITTED, to=["creator"])


@on(TaskCompleted)
def tell_of_completion(event: TaskCompleted) -> None:
    forget_reminders([event.task_id])
    if event.is_accepted:
        _step(event, ACCEPTED, to=["responsible"])
    else:
        _step(event, COMPLETED, to=["everybody"])


@on(TaskReturned)
def tell_of_return(event: TaskReturned) -> None:
    _step(event, RETURNED, to=["responsible"])


@on(TaskChanged)
def tell_of_deadline(event: TaskChanged) -> None:
    is_moved = any(name == "deadline_at" for name, _was, _now in event.changes)
    _step(event, MOVED if is_moved else None, to=["everybody"])


@on(TasksDeleted)
def take_out(event: TasksDeleted) -> None:
    forget_reminders(event.task_ids)
    _follow_trash(event)


@on(TasksRestored)
def bring_in(event: TasksRestored) -> None:
    _follow_trash(event)


def _follow_trash(event: TasksDeleted | TasksRestored) -> None:
    ids: set[int] = set()
    for task in Task.objects.filter(pk__in=event.task_ids):
        _show(task, event)
        ids |= _people_in(task)
    recount_all(User.objects.filter(pk__in=ids))


@on(ChecklistChanged)
def show_list(event: ChecklistChanged) -> None:
    task = _found(event)
    if task is not None:
        if event.change == "assigned" and event.user_id is not None:
            _tell(task, [event.user_id], ASSIGNED, event)
        _show(task, event)


@on(TaskPlaced)
def show_place(event: TaskPlaced) -> None:
    """One's own plan is nobody else's business."""
    task = _found(event)
    if task is not None and not event.is_own:
        _show(task, event)


@on(DependencyChanged)
def show_dependency(event: DependencyChanged) -> None:
    for task in Task.objects.there().filter(pk__in=(event.task_id, event.before_id)):
        send("tasks", "changed", audience=task.audience, payload={"id": task.pk, "by": event.by_id})


@on(TimeWritten)
def show_time(event: TimeWritten) -> None:
    task = _found(event)
    if task is not None:
        _show(task, event)


@on(TemplateStopped)
def tell_of_stop(event: TemplateStopped) -> None:
    """Whoever keeps it, once for each time that it stops."""
    template = Template.objects.select_related("created_by").filter(pk=event.template_id).first()
    if template is not None and template.created_by.is_active:
        key = f"{STOPPED.kind}:{template.pk}:{event_being_delivered().pk}"
        notify_all(User.objects.filter(pk=template.created_by_id), STOPPED, about=template.ref, key=key)


# Who sees what


@on(AccessChanged)
def follow_people(event: AccessChanged) -> None:
    """They belong elsewhere now: other heads stand above what they do."""
    renew_audiences_of(event.user_ids)


@on(UserStatusChanged)
def close_for_who_has_left(event: UserStatusChanged) -> None:
    if event.status == User.Status.DISMISSED and not is_importing():
        given = Task.objects.open().filter(created_by=event.user_id, state=State.IN_REVIEW)
        for task in given.order_by("pk"):
            close_unaccepted(task)


@on(GroupChanged)
def follow_project(event: GroupChanged) -> None:
    if any(name == "kind" for name, _was, _now in event.changes):
        renew_audiences_in(event.group_id)
