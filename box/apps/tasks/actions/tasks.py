"""Giving tasks, changing what they say, passing them on, throwing them away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.tasks.access import (
    audience_of,
    can_create,
    can_delegate,
    can_delete,
    can_edit,
    can_move_deadline,
    can_work_on,
)
from box.apps.tasks.actions.audiences import renew_audience
from box.apps.tasks.actions.checklists import add_items
from box.apps.tasks.actions.checks import (
    check_columns,
    check_parent,
    check_people,
    check_project,
    checked_tags,
    checked_text,
    participants_by_id,
    people_in,
)
from box.apps.tasks.actions.locking import locked, must
from box.apps.tasks.actions.states import Standing
from box.apps.tasks.events import (
    ParticipantsChanged,
    TaskAdded,
    TaskChanged,
    TaskDelegated,
    TasksDeleted,
    TasksPurged,
    TasksRestored,
)
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import (
    KEPT_IN_TRASH_DAYS,
    KIND,
    Participant,
    Task,
    TaskFile,
)
from box.core.accounts.models import User
from box.core.boards.ranking import rank_between
from box.core.discussion.actions import files_below, open_thread
from box.core.events.outbox import emit
from box.core.fields.values import forget_values, write_values
from box.core.files import actions as files
from box.core.groups.models import Group
from box.core.registry.origin import is_importing, moment
from box.core.relations.actions import forget_relations, relate
from box.lib.ranks import between

if TYPE_CHECKING:
    from box.apps.tasks.models import Template
    from box.core.fields.values import Values
    from box.core.registry.capabilities import Ref

MOST_FILES = 50
Role = Participant.Role


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """A task to be. `file_ids` are uploads of whoever gives it."""

    title: str
    responsible: User
    text: str = ""
    html: str = ""
    accomplice_ids: tuple[int, ...] = ()
    observer_ids: tuple[int, ...] = ()
    deadline_at: datetime | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    estimate_minutes: int | None = None
    priority: int = Task.Priority.NORMAL
    tags: tuple[str, ...] = ()
    project: Group | None = None
    parent: Task | None = None
    needs_acceptance: bool = True
    may_move_deadline: bool = True
    external_id: str = ""
    file_ids: tuple[int, ...] = ()
    fields: Values = field(default_factory=dict)
    items: tuple[str, ...] = ()
    """Lines of its checklist."""
    template: Template | None = None
    template_at: datetime | None = None
    """The moment of its template that this task is for."""
    times_missed: int = 0
    """How many moments before it passed while the box was off: it stands for them, too."""
    related: tuple[Ref, ...] = ()
    """What belongs to it, in other rooms: whoever gives it sees them."""
    standing: Standing | None = None
    """Where it has come to already, of what is taken over."""


COLUMNS = (
    "title",
    "deadline_at",
    "starts_at",
    "ends_at",
    "estimate_minutes",
    "priority",
    "tags",
    "project",
    "parent",
    "needs_acceptance",
    "may_move_deadline",
    "external_id",
)
"""What `change_task` writes beside the text and the people, by the names of the columns."""
ORIGIN = ("template", "template_at", "times_missed")


@transaction.atomic
def add_task(draft: TaskDraft, *, by: User) -> Task:
    """Raises ValidationError for what cannot be, PermissionDenied for who may not give tasks."""
    must(can_create(by), _("Ask an administrator for the right to give tasks."))
    rich = checked_text(draft.text, draft.html, by=by)
    task = Task(
        created_by=by,
        responsible=draft.responsible,
        text=rich.text,
        html=rich.html,
        created_at=moment(),
        changed_at=moment(),
        state_since=moment(),
        is_overdue_told=is_importing(),
        **{name: getattr(draft, name) for name in (*COLUMNS, *ORIGIN)},
    )
    if draft.standing is not None and draft.standing.state != task.state:
        draft.standing.apply(task)
    check_columns(task)
    task.tags = checked_tags(draft.tags)
    people = participants_by_id(task, draft.accomplice_ids, draft.observer_ids)
    check_project(task.project, by=by)
    check_parent(task, by=by)
    check_people({task.responsible_id, *people}, task.project, by=by)
    if len(draft.file_ids) > MOST_FILES:
        raise ValidationError(_("Too many files: %(most)s at most.") % {"most": MOST_FILES})
    task.audience = audience_of(task, people)
    task.thread = open_thread(KIND)
    task.save()
    Participant.objects.bulk_create(
        Participant(task=task, user_id=pk, role=role) for pk, role in people.items()
    )
    attach_files(task, draft.file_ids, by=by)
    if draft.fields:
        write_values(TASK_FIELDS, task.pk, draft.fields, by=by, audience=task.audience)
    emit(
        TaskAdded(task_id=task.pk, by_id=by.pk, template_id=task.template_id, times_missed=task.times_missed)
    )
    if draft.items:
        add_items(task, "\n".join(draft.items), by=by)
    if draft.related:
        relate(task.ref, draft.related, by=by)
    return task


@transaction.atomic
def add_tasks(drafts: Iterable[TaskDraft], *, by: User) -> list[Task]:
    """All of them or none."""
    return [add_task(draft, by=by) for draft in drafts]


@transaction.atomic
def change_task(task: Task, changes: Mapping[str, Any], *, by: User) -> Task:
    """Writes what differs. `changes` are of COLUMNS, `text` with `html`, `accomplice_ids`, `observer_ids`,
    and `fields`, values of the company's own. Raises PermissionDenied for whoever may not, Gone."""
    task = locked(task)
    is_deadline_alone = set(changes) == {"deadline_at"}
    is_allowed = can_move_deadline(by, task) if is_deadline_alone else can_edit(by, task)
    must(is_allowed, _not_yours(task, is_deadline_alone=is_deadline_alone))
    told = _changed_columns(task, changes, by=by)
    if "text" in changes:
        rich = checked_text(changes["text"], changes.get("html", ""), by=by)
        if rich.html != task.html:
            told.append(("text", "", ""))
            task.text, task.html = rich.text, rich.html
    if told:
        _save(task, told)
    is_more = _change_people(task, changes, by=by)
    if changes.get("fields"):
        written = write_values(TASK_FIELDS, task.pk, changes["fields"], by=by, audience=task.audience)
        told += [(one.field.key, *one.told()) for one in written]
        is_more = is_more or bool(written)
    if is_more:
        task.changed_at = moment()
        task.save(update_fields=["changed_at"])
    renew_audience(task)
    if told:
        emit(TaskChanged(task_id=task.pk, by_id=by.pk, changes=tuple(told)))
    return task


def write_columns(task: Task, changes: Mapping[str, Any], *, by: User) -> None:
    """Within a transaction that holds the task, of which it is known that this person causes it."""
    told = _changed_columns(task, changes, by=by)
    if told:
        _save(task, told)
        emit(TaskChanged(task_id=task.pk, by_id=by.pk, changes=tuple(told)))


def _save(task: Task, told: Sequence[tuple[str, str, str]]) -> None:
    check_columns(task)
    if any(name == "deadline_at" for name, _was, _now in told):
        task.is_overdue_told = is_importing()
    task.changed_at = moment()
    task.save()


def _changed_columns(task: Task, changes: Mapping[str, Any], *, by: User) -> list[tuple[str, str, str]]:
    told = []
    for name in COLUMNS:
        if name not in changes:
            continue
        value = checked_tags(changes[name]) if name == "tags" else changes[name]
        was = getattr(task, name)
        if value == was:
            continue
        setattr(task, name, value)
        if name == "project":
            check_project(task.project, by=by)
            check_people(people_in(task), task.project, by=by)
        if name == "parent":
            check_parent(task, by=by)
        told.append((name, _as_text(was), _as_text(value)))
    return told


@transaction.atomic
def readdress(task: Task, html: str) -> None:
    """The same text with other addresses in its links: nobody has changed the task."""
    rich = checked_text("", html, by=task.created_by)
    task.text, task.html = rich.text, rich.html
    task.save(update_fields=["text", "html"])


@transaction.atomic
def place_task(task: Task, after: int | None, before: int | None, *, by: User) -> None:
    """Between the tasks with these ids, in whatever board they stand side by side."""
    task = locked(task)
    must(can_work_on(by, task), _("Only whoever works on the task does this."))
    near = Task.objects.each_visible_to(by).in_bulk([pk for pk in (after, before) if pk])
    above, below = near.get(after), near.get(before)
    if above is None and below is None:
        return
    if above and below:
        rank = rank_between(Task.objects.exclude(pk=task.pk), above.rank, below.rank)
    else:
        rank = between(above.rank if above else None, below.rank if below else None)
    if rank != task.rank:
        task.rank = rank
        task.save(update_fields=["rank"])


@transaction.atomic
def delegate_task(task: Task, to: User, *, by: User) -> Task:
    """Somebody else is responsible from now on; whoever passes it on watches it."""
    must(can_delegate(by, locked(task)), _("Whoever is responsible passes a task on, or whoever gave it."))
    return hand_task_over(task, to, by=by)


@transaction.atomic
def hand_task_over(task: Task, to: User, *, by: User) -> Task:
    """As `delegate_task`, where it is known that `by` decides who does it, as of somebody who leaves."""
    task = locked(task)
    if to.pk == task.responsible_id:
        return task
    check_people({to.pk}, task.project, by=by)
    former = task.responsible_id
    task.responsible = to
    task.changed_at = timezone.now()
    task.save(update_fields=["responsible", "changed_at"])
    task.participants.filter(user=to).delete()
    if former == by.pk and former != task.created_by_id:
        Participant.objects.get_or_create(task=task, user=by, defaults={"role": Role.OBSERVER})
    renew_audience(task)
    emit(TaskDelegated(task_id=task.pk, by_id=by.pk, user_id=to.pk, former_id=former))
    return task


def _change_people(task: Task, changes: Mapping[str, Any], *, by: User) -> bool:
    """Of those who help and those who watch, where either is given; whether any are others than before."""
    names = {Role.ACCOMPLICE: "accomplice_ids", Role.OBSERVER: "observer_ids"}
    if not any(name in changes for name in names.values()):
        return False
    had: dict[int, str] = dict(task.participants.values_list("user", "role"))
    given = {
        role: changes.get(name, [pk for pk, one in had.items() if one == role])
        for role, name in names.items()
    }
    has = participants_by_id(task, given[Role.ACCOMPLICE], given[Role.OBSERVER])
    check_people(has.keys() - had.keys(), task.project, by=by)
    task.participants.filter(user__in=[pk for pk, role in had.items() if has.get(pk) != role]).delete()
    new = {pk: role for pk, role in has.items() if had.get(pk) != role}
    Participant.objects.bulk_create(Participant(task=task, user_id=pk, role=role) for pk, role in new.items())
    for role in names:
        joined = tuple(sorted(pk for pk, one in new.items() if one == role))
        left = tuple(sorted(pk for pk, one in had.items() if one == role and has.get(pk) != role))
        if joined or left:
            emit(
                ParticipantsChanged(task_id=task.pk, by_id=by.pk, role=role, user_ids=joined, former_ids=left)
            )
    return had != has


def attach_files(task: Task, file_ids: Sequence[int], *, by: User) -> None:
    if not file_ids:
        return
    count = TaskFile.objects.filter(task=task).count()
    if count + len(file_ids) > MOST_FILES:
        raise ValidationError(_("Too many files: %(most)s at most.") % {"most": MOST_FILES})
    attached = files.attach(file_ids, audience=task.audience, by=by)
    TaskFile.objects.bulk_create(
        TaskFile(task=task, file=one, position=count + position) for position, one in enumerate(attached)
    )


@transaction.atomic
def delete_tasks(tasks: Collection[Task], *, by: User) -> None:
    """Into the trash, for a month. Subtasks stay, each by itself."""
    ids = [task.pk for task in tasks]
    rows = Task.objects.there().select_for_update(of=("self",), no_key=True).filter(pk__in=ids)
    found = list(rows.select_related("project").order_by("pk"))
    for task in found:
        must(can_delete(by, task), _("Only whoever gave a task deletes it."))
    if not found:
        return
    gone = tuple(task.pk for task in found)
    Task.objects.filter(pk__in=gone).update(deleted_at=timezone.now(), deleted_by=by)
    emit(TasksDeleted(task_ids=gone, by_id=by.pk))


@transaction.atomic
def restore_tasks(tasks: Collection[Task], *, by: User) -> None:
    ids = [task.pk for task in tasks]
    rows = Task.objects.thrown_away().select_for_update(of=("self",), no_key=True).filter(pk__in=ids)
    found = list(rows.select_related("project").order_by("pk"))
    for task in found:
        must(can_delete(by, task), _("Only whoever gave a task brings it back."))
    if not found:
        return
    back = tuple(task.pk for task in found)
    Task.objects.filter(pk__in=back).update(deleted_at=None, deleted_by=None)
    emit(TasksRestored(task_ids=back, by_id=by.pk))


def purge_old(now: datetime, *, most: int = 500) -> int:
    """What has been in the trash for a month goes for good, with its discussion and files; returns how many.
    In one transaction of at most so many."""
    old = Task.objects.filter(deleted_at__lt=now - timedelta(days=KEPT_IN_TRASH_DAYS)).order_by("pk")
    with transaction.atomic():
        return purge(list(old.select_for_update(of=("self",), skip_locked=True)[:most]))


def purge(tasks: Sequence[Task]) -> int:
    """These go for good, with their discussions and files, within a transaction that holds them."""
    ids = [task.pk for task in tasks]
    threads = [task.thread for task in tasks]
    own = list(TaskFile.objects.filter(task__in=ids).values_list("file", flat=True))
    said = [pk for thread in threads for pk in files_below(thread.pk)]
    forget_values(TASK_FIELDS, ids)
    forget_relations([task.ref for task in tasks])
    Task.objects.filter(pk__in=ids).delete()
    for thread in threads:
        thread.delete()
    # What was said below is gone by now: nothing refers to its files any more.
    files.delete_files([*own, *said])
    if ids:
        emit(TasksPurged(task_ids=tuple(ids)))
    return len(ids)


def _as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat()
        case list():
            return ", ".join(value)
    return str(value)


def _not_yours(task: Task, *, is_deadline_alone: bool) -> str:
    if is_deadline_alone and not task.may_move_deadline:
        return _("Only whoever gave this task moves its deadline: ask them.")
    return _("Only whoever gave a task changes it.")
