"""What the page of a task shows, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    can_work_on,
    roles_of,
)
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.lists import tone_of
from box.apps.tasks.models import ChecklistItem, Dependency, Participant, Task, TaskFile, Template, TimeEntry
from box.apps.tasks.states import RULES, State, steps
from box.core.fields.values import shown_of
from box.core.files.presenters import Attached, facts_of

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import Face, User
    from box.core.fields.values import Shown as FieldShown

MOST_SUBTASKS = 100


@dataclass(frozen=True)
class StepShown:
    key: str
    label: _StrOrPromise
    icon: str


@dataclass(frozen=True)
class Card:
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
    running_since: int | None = None
    """In seconds: how long the reader's clock has run for it."""

    @property
    def pictures(self) -> list[Attached]:
        return [file for file in self.files if file.is_picture]

    @property
    def documents(self) -> list[Attached]:
        return [file for file in self.files if not file.is_picture]

    @property
    def main_step(self) -> StepShown | None:
        return self.steps[0] if self.steps else None


def card_of(task: Task, *, reader: User) -> Card:
    now = timezone.now()
    people = list(task.participants.select_related("user").order_by("user__sort_name", "id"))
    by_role = {role: tuple(one.user.face for one in people if one.role == role) for role in Participant.Role}
    files = TaskFile.objects.filter(task=task).order_by("position").values_list(*facts_of("file"))
    seen = Task.objects.visible_to(reader).there()
    below = seen.filter(parent=task).as_shown().order_by("id")[:MOST_SUBTASKS]
    above = seen.filter(pk=task.parent_id).first() if task.parent_id else None
    running = TimeEntry.objects.running().filter(task=task, user=reader).first()
    links = list(
        Dependency.objects.filter(Q(after=task, before__in=seen) | Q(before=task, after__in=seen))
        .select_related("before", "after")
        .order_by("id")
    )
    own_steps = [] if task.deleted_at else steps(task.state, roles_of(reader, task))
    return Card(
        task,
        tone_of(task, now),
        waits_for(task),
        tuple(StepShown(step.value, RULES[step].label, RULES[step].icon) for step in own_steps),
        by_role[Participant.Role.ACCOMPLICE],
        by_role[Participant.Role.OBSERVER],
        tuple(Attached(*facts) for facts in files),
        shown_of(TASK_FIELDS, [task.pk], reader=reader).get(task.pk, []),
        list(below),
        above,
        can_edit=can_edit(reader, task),
        can_delete=can_delete(reader, task),
        can_move_deadline=can_move_deadline(reader, task),
        can_delegate=can_delegate(reader, task),
        can_work=can_work_on(reader, task),
        now=now,
        can_repeat=can_create(reader),
        origin=_origin(task, reader),
        before=[one for one in links if one.after_id == task.pk],
        after=[one for one in links if one.before_id == task.pk],
        items=list(task.items.select_related("assignee").order_by("rank", "id")),
        people=_faces([task.responsible, task.created_by, *(one.user for one in people)]),
        running_since=running.elapsed(now) if running else None,
    )


def _origin(task: Task, reader: User) -> Template | None:
    if task.template_id is None or task.template_at is None:
        return None
    return Template.objects.visible_to(reader).filter(pk=task.template_id).first()


def _faces(people: Iterable[User]) -> tuple[Face, ...]:
    return tuple({one.pk: one.face for one in people}.values())


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
