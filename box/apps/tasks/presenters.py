"""What the page of a task shows, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.tasks.access import (
    can_create,
    can_delegate,
    can_delete,
    can_edit,
    can_move_deadline,
    roles_of,
)
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.lists import tone_of
from box.apps.tasks.models import ChecklistItem, Dependency, Participant, Task, TaskFile, Template, TimeEntry
from box.apps.tasks.notices import REMINDER
from box.apps.tasks.states import RULES, Role, State, steps
from box.core.accounts.faces import face_facts
from box.core.accounts.models import Face
from box.core.fields.values import shown_of
from box.core.files.presenters import Attached, WithFiles, facts_of
from box.core.notify.reminders import own_reminders
from box.lib.prepared import asked, at_once

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.fields.values import Shown as FieldShown

MOST_SUBTASKS = 100


@dataclass(frozen=True)
class StepShown:
    key: str
    label: _StrOrPromise
    icon: str


@dataclass(frozen=True)
class Card(WithFiles):
    """A task as one reader sees it."""

    task: Task
    tone: str
    waits_for: str
    steps: tuple[StepShown, ...]
    accomplices: tuple[Face, ...]
    observers: tuple[Face, ...]
    files: tuple[Attached, ...]
    fields: Sequence[FieldShown]
    subtasks: Sequence[Task]
    above: Task | None
    can_edit: bool
    can_delete: bool
    can_move_deadline: bool
    can_delegate: bool
    can_work: bool
    now: datetime
    can_repeat: bool = False
    origin: Template | None = None
    """The template that has given it by its rule, where the reader sees it."""
    before: Sequence[Dependency] = ()
    """What it comes after, of what the reader sees."""
    after: Sequence[Dependency] = ()
    items: Sequence[ChecklistItem] = ()
    people: Sequence[Face] = ()
    """Everybody in it: to whom lines of its list are given."""
    remind_at: datetime | None = None
    """When the reader wants to hear of it again."""
    running_since: int | None = None
    """In seconds: how long the reader's clock has run for it."""

    @property
    def today(self) -> date:
        """The reader's."""
        return timezone.localdate(self.now)

    @property
    def main_step(self) -> StepShown | None:
        return self.steps[0] if self.steps else None


def card_of(task: Task, *, reader: User) -> Card:
    now = timezone.now()
    participants = task.participants.order_by("user__sort_name", "id").values_list(
        "role", *face_facts("user")
    )
    running = TimeEntry.objects.running().filter(task=task, user=reader).values_list("started_at")
    files = TaskFile.objects.filter(task=task).order_by("position", "id").values_list(*facts_of("file"))
    reminders = own_reminders(task.ref, REMINDER, reader).values_list("due_at")
    links = _links_of(task).values_list("id", "before_id", "after_id", "kind", "lag_minutes")
    below = Task.objects.there().filter(parent=task).values_list("id")[:1]
    rows, clocks, hanging, due, linked, children = at_once(
        *(asked(participants), asked(running), asked(files), asked(reminders), asked(links), asked(below)),
    )
    people = [(role, Face.of(*facts)) for role, *facts in rows]
    by_role = {role: tuple(face for one, face in people if one == role) for role in Participant.Role}
    ends = {pk for _pk, before, after, _kind, _lag in linked for pk in (before, after)}
    around = (ends | {task.parent_id or task.pk}) - {task.pk}
    near = _near(task, around, reader) if around or children else {}
    known = near | {task.pk: task}
    dependencies = [
        Dependency(id=pk, before=known[before], after=known[after], kind=kind, lag_minutes=lag)
        for pk, before, after, kind, lag in linked
        if before in known and after in known
    ]
    helping = {face.pk for face in by_role[Participant.Role.ACCOMPLICE]}
    roles = frozenset[Role]() if task.deleted_at else roles_of(reader, task, accomplices=helping)
    return Card(
        task,
        tone_of(task, now),
        waits_for(task),
        tuple(
            StepShown(step.value, RULES[step].label, RULES[step].icon) for step in steps(task.state, roles)
        ),
        by_role[Participant.Role.ACCOMPLICE],
        by_role[Participant.Role.OBSERVER],
        tuple(Attached(*facts) for facts in hanging),
        shown_of(TASK_FIELDS, [task.pk], reader=reader).get(task.pk, []),
        [one for one in near.values() if one.parent_id == task.pk],
        near.get(task.parent_id or 0),
        can_edit=can_edit(reader, task),
        can_delete=can_delete(reader, task),
        can_move_deadline=can_move_deadline(reader, task),
        can_delegate=can_delegate(reader, task),
        can_work=bool(roles),
        now=now,
        can_repeat=can_create(reader),
        origin=_origin(task, reader),
        before=[one for one in dependencies if one.after_id == task.pk],
        after=[one for one in dependencies if one.before_id == task.pk],
        items=(
            list(task.items.select_related("assignee").order_by("rank", "id")) if task.items_count else []
        ),
        people=_each_once(task.responsible.face, task.created_by.face, *(face for _role, face in people)),
        remind_at=datetime.fromisoformat(due[0][0]) if due else None,
        running_since=_elapsed(clocks[0][0], now) if clocks else None,
    )


def _links_of(task: Task) -> QuerySet[Dependency]:
    """Of both sides, whoever sees the other end."""
    return Dependency.objects.filter(Q(after=task) | Q(before=task)).order_by("id")


def _near(task: Task, around: Collection[int], reader: User) -> dict[int, Task]:
    """The tasks around this one and those below it, as far as the reader sees them, by id."""
    seen = Task.objects.each_visible_to(reader).there()
    below = seen.filter(parent=task).order_by("id").values("pk")[:MOST_SUBTASKS]
    found = seen.filter(Q(pk__in=below) | Q(pk__in=around)).as_shown()
    return {one.pk: one for one in found.order_by("id")}


def _origin(task: Task, reader: User) -> Template | None:
    if task.template_id is None or task.template_at is None:
        return None
    return Template.objects.visible_to(reader).filter(pk=task.template_id).first()


def _elapsed(started_at: str, now: datetime) -> int:
    return TimeEntry(started_at=datetime.fromisoformat(started_at)).elapsed(now)


def _each_once(*faces: Face) -> tuple[Face, ...]:
    return tuple({one.pk: one for one in faces}.values())


def waits_for(task: Task) -> str:
    """Whose turn it is."""
    match task.state:
        case State.WAITING:
            return _("%(name)s has not begun yet") % {"name": task.responsible.name}
        case State.IN_PROGRESS:
            return _("%(name)s is working on it") % {"name": task.responsible.name}
        case State.DEFERRED:
            return _("put off; %(name)s takes it up again") % {"name": task.responsible.name}
        case State.IN_REVIEW:
            return _("done; %(name)s is to accept it") % {"name": task.created_by.name}
    return _("it is done")
