"""The list of tasks: by role, with filters, columns and what is done with many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from box.apps.tasks import cells
from box.apps.tasks.access import can_delegate, can_move_deadline, workable
from box.apps.tasks.actions.states import complete_task, take_back
from box.apps.tasks.actions.tasks import change_task, delete_tasks, restore_tasks
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import OPEN, Task, stage_labels
from box.apps.tasks.models.tasks import ANYBODY, asked_by
from box.apps.tasks.report_filters import REPORT_FILTERS
from box.apps.tasks.reports import By
from box.apps.tasks.states import State
from box.core.accounts.faces import faces_of
from box.core.fields.lookups import joined
from box.core.groups.models import KIND as GROUP_KIND
from box.core.lists.custom_fields import Filled, columns_of, filled, filters_of
from box.core.lists.definition import Bulk, Column, Empty, List, Search, Shortcut, Sort, Sum, Way, deferred
from box.core.lists.filters import Choice, Dates, Reference, Word, YesNo, people
from box.core.lists.keyset import Keyset
from box.core.lists.presenters import macro
from box.core.lists.usual import Usual
from box.core.registry.environment import format_date, url
from box.core.registry.filtering import Keyword, Moment, Number, Related
from box.lib.durations import clock

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.apps.tasks.models import TaskQuerySet
    from box.core.accounts.models import Face, User
    from box.core.groups.models import Group

MINE, DO, HELP, GAVE, WATCH, ALL = "", "do", "help", "gave", "watch", "all"
ROLES = {
    MINE: pgettext_lazy("tasks", "Mine"),
    DO: pgettext_lazy("tasks", "I do"),
    HELP: pgettext_lazy("tasks", "I help"),
    GAVE: pgettext_lazy("tasks", "I gave"),
    WATCH: pgettext_lazy("tasks", "I watch"),
    ALL: pgettext_lazy("tasks", "All that I see"),
}
ROLE = Word(
    "role",
    gettext_lazy("Role"),
    read_word=lambda text: text if text in ROLES else "",
    say=lambda word, reader: str(ROLES[word]),
)
STATE = Choice(
    "state",
    gettext_lazy("State"),
    Keyword("state", tuple(State.values)),
    choices=State.choices,
    is_always_set=True,
)
FILTERS = (
    ROLE,
    STATE,
    people("responsible", pgettext_lazy("task", "Responsible"), Related("responsible"), is_always_set=True),
    people("creator", gettext_lazy("Given by"), Related("created_by"), is_always_set=True),
    Dates("deadline", gettext_lazy("Deadline"), Moment("deadline_at")),
    YesNo("overdue", gettext_lazy("Overdue"), narrow=lambda rows, is_late: _late(rows, is_late=is_late)),
    Reference("project", gettext_lazy("Project"), Related("project"), kind=GROUP_KIND),
    Choice(
        "priority",
        pgettext_lazy("of a task", "Priority"),
        Number("priority"),
        choices=[(str(value), label) for value, label in Task.Priority.choices],
        is_always_set=True,
    ),
    Dates("created", gettext_lazy("Given"), Moment("created_at"), is_always_set=True),
    Word(
        "tag",
        gettext_lazy("Tag"),
        read_word=lambda text: text.strip().lstrip("#").lower()[:50],
        say=lambda word, reader: f"#{word}",
        find=lambda rows, word, reader: rows.filter(tags__contains=[word]),
    ),
    *REPORT_FILTERS,
)


def _late(rows: QuerySet[Any, Any], *, is_late: bool) -> QuerySet[Any, Any]:
    late = OPEN & Q(deadline_at__lt=timezone.now())
    return rows.filter(late) if is_late else rows.exclude(late)


class Row(NamedTuple):
    """A task as a list or a board shows it: a value, so that what is said of it is remembered."""

    pk: int
    title: str
    state: str
    state_label: str
    priority: int
    tone: str
    responsible: Face
    created_by: Face
    project: str
    stage: str
    tags: tuple[str, ...]
    items_count: int
    items_done: int
    spent_seconds: int
    estimate_minutes: int | None
    deadline_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    may_move: bool
    may_pass_on: bool
    may_place: bool
    filled: Filled


TITLE, DEADLINE, STATE_CELL = (macro("tasks/ui.html", name) for name in ("title", "deadline", "state"))
COLUMNS: tuple[Column[Row], ...] = (
    Column("title", gettext_lazy("Task"), lambda row: row.title, sort="title", cell=TITLE),
    Column(
        "deadline",
        gettext_lazy("Deadline"),
        lambda row: row.deadline_at,
        sort="deadline_at",
        cell=lambda row: DEADLINE(row) if row.deadline_at else "",
        edit=cells.DEADLINE,
        group=lambda row: format_date(timezone.localdate(row.deadline_at)) if row.deadline_at else "",
    ),
    Column(
        "state",
        gettext_lazy("State"),
        lambda row: row.state_label,
        sort="state",
        cell=STATE_CELL,
        group=lambda row: row.state_label,
    ),
    Column(
        "responsible",
        pgettext_lazy("task", "Responsible"),
        lambda row: row.responsible,
        sort=Sort(("responsible__sort_name", "responsible_id")),
        edit=cells.RESPONSIBLE,
        group=lambda row: row.responsible.name,
    ),
    Column(
        "creator",
        gettext_lazy("Given by"),
        lambda row: row.created_by,
        sort=Sort(("created_by__sort_name", "created_by_id")),
        group=lambda row: row.created_by.name,
    ),
    Column(
        "project",
        gettext_lazy("Project"),
        lambda row: row.project,
        sort=Sort(("project__name",), is_nullable=True),
        group=lambda row: row.project,
    ),
    Column("stage", gettext_lazy("Stage"), lambda row: row.stage, edit=cells.STAGE),
    Column(
        "spent",
        gettext_lazy("Spent"),
        lambda row: clock(row.spent_seconds // 60) if row.spent_seconds else "",
        sum=Sum("spent_seconds", lambda seconds: clock(seconds // 60)),
        is_shown=False,
    ),
    Column(
        "estimate",
        gettext_lazy("Estimate"),
        lambda row: clock(row.estimate_minutes) if row.estimate_minutes else "",
        sum=Sum("estimate_minutes", clock),
        is_shown=False,
    ),
    Column("tags", gettext_lazy("Tags"), lambda row: row.tags, is_shown=False),
    Column("created", gettext_lazy("Given"), lambda row: row.created_at, sort="id", is_shown=False),
    Column("changed", gettext_lazy("Changed"), lambda row: row.changed_at, sort="changed_at", is_shown=False),
    Column("start", gettext_lazy("Planned start"), lambda row: row.starts_at, is_shown=False),
    Column("end", gettext_lazy("Planned end"), lambda row: row.ends_at, is_shown=False),
    Column("closed", gettext_lazy("Completed"), lambda row: row.closed_at, sort="closed_at", is_shown=False),
)


def task_list(user: User, *, role: str, is_narrowed: bool, project: Group | None = None) -> List[Task, Row]:
    """Of one role what is open; where a state or a text is asked for (`is_narrowed`) also what is over."""
    fields = TASK_FIELDS.fields
    return List(
        key="tasks.tasks",
        title=project.name if project else gettext_lazy("Tasks"),
        rows=deferred(lambda: joined(_rows(user, role, is_narrowed=is_narrowed, project=project), fields)),
        columns=(*COLUMNS, *columns_of(fields)),
        filters=(*FILTERS, *filters_of(fields)),
        ways=(
            Way(gettext_lazy("List"), icon="list", url=reverse("tasks:list")),
            Way(gettext_lazy("By state"), icon="layout-kanban", url=reverse("tasks:board", args=["state"])),
            Way(
                gettext_lazy("By deadline"),
                icon="calendar-due",
                url=reverse("tasks:board", args=["deadline"]),
            ),
            Way(gettext_lazy("My plan"), icon="pin", url=reverse("tasks:plan")),
            Way(gettext_lazy("Gantt chart"), icon="timeline", url=reverse("tasks:gantt")),
            Way(gettext_lazy("Workload"), icon="gauge", url=reverse("tasks:workload")),
            Way(gettext_lazy("Report"), icon="chart-bar", url=reverse("tasks:report", args=[By.PERSON])),
        ),
        shortcuts=(
            Shortcut(gettext_lazy("Overdue"), _query(role, "overdue=yes")),
            Shortcut(gettext_lazy("Due today"), _query(role, "deadline=today")),
            Shortcut(gettext_lazy("To accept"), _query(role, f"state={State.IN_REVIEW}")),
            Shortcut(pgettext_lazy("tasks", "Completed"), _query(role, f"state={State.COMPLETED}")),
        ),
        bulk=BULK,
        order="deadline",
        search=Search(gettext_lazy("Title of a task"), narrow=lambda rows, text: rows.matching(text)),  # type: ignore[attr-defined]
        read=as_row,
        usual=None if project or role or is_narrowed else lambda: _USUAL.page(**asked_by(user)),
        present=lambda tasks: _present(tasks, user),
        href=lambda row: url("tasks:task", row.pk),
        is_remembered=True,
        empty=_empty(role),
    )


def one_task_list(user: User) -> List[Task, Row]:
    """Any task that the person sees, for a cell that is changed: whichever rows the page shows."""
    listed = task_list(user, role=ALL, is_narrowed=True)
    rows = Task.objects.there().each_visible_to(user).select_related("responsible", "project")
    return replace(listed, rows=joined(rows, TASK_FIELDS.fields))


_USUAL = Usual(
    Keyset(("deadline_at",), is_nullable=True),
    lambda: as_row(Task.objects.there().in_role(ANYBODY, MINE).filter(OPEN)),
)


def _rows(user: User, role: str, *, is_narrowed: bool, project: Group | None = None) -> TaskQuerySet:
    """Of one's own roles the index of the role finds them: what one is in one sees. Those of a project are
    looked at one by one, where all that the person sees would grow with the years."""
    there = Task.objects.there()
    if project is not None:
        there = there.filter(project=project)
    if role == ALL:
        rows = there.visible_to(user) if project is None else there.each_visible_to(user)
    else:
        rows = there.in_role(user, role)
    return rows if is_narrowed else rows.filter(OPEN)


def _query(role: str, query: str) -> str:
    return f"role={role}&{query}" if role else query


def as_row(tasks: QuerySet[Task, Task]) -> QuerySet[Task, Task]:
    """With just what `_present` needs of them: they are wide."""
    return tasks.select_related("project").only(*_ROW)


_ROW = (
    "id", "title", "state", "priority", "responsible", "created_by", "project__name", "tags", "items_count",
    "items_done", "spent_seconds", "estimate_minutes", "deadline_at", "starts_at", "ends_at", "created_at",
    "changed_at", "closed_at", "deleted_at", "rank", "may_move_deadline",
)  # fmt: skip


def _present(tasks: Sequence[Task], reader: User) -> Iterable[Row]:
    """In one query, up to four where some are in projects, and two for a company's own fields and what they
    point at."""
    now = timezone.now()
    values = filled(TASK_FIELDS.fields, [task.pk for task in tasks], reader)
    faces = faces_of(pk for task in tasks for pk in (task.responsible_id, task.created_by_id))
    labels = {state.value: str(state.label) for state in State}
    staged = [task for task in tasks if task.project_id is not None]
    stages = stage_labels(staged) if staged else {}
    placeable = workable(reader, staged) if staged else set()
    return [
        Row(
            pk=task.pk,
            title=task.title,
            state=task.state,
            state_label=labels[task.state],
            priority=task.priority,
            tone=tone_of(task, now),
            responsible=faces[task.responsible_id],
            created_by=faces[task.created_by_id],
            project=task.project.name if task.project else "",
            stage=stages.get(task.pk, ""),
            tags=tuple(task.tags),
            items_count=task.items_count,
            items_done=task.items_done,
            spent_seconds=task.spent_seconds,
            estimate_minutes=task.estimate_minutes,
            deadline_at=task.deadline_at,
            starts_at=task.starts_at,
            ends_at=task.ends_at,
            created_at=task.created_at,
            changed_at=task.changed_at,
            closed_at=task.closed_at,
            may_move=can_move_deadline(reader, task),
            may_pass_on=can_delegate(reader, task),
            may_place=task.pk in placeable,
            filled=values[task.pk],
        )
        for task in tasks
    ]


def tone_of(task: Task, now: datetime) -> str:
    if task.is_overdue(now) and task.state != State.IN_REVIEW:
        return "bad"
    return "warn" if task.is_due_soon(now) else ""


def _empty(role: str) -> Empty:
    if role in (HELP, WATCH):
        return Empty(
            gettext_lazy("Nothing here"),
            gettext_lazy("Tasks with which you help, or which you watch, are gathered here."),
        )
    return Empty(
        gettext_lazy("Nothing is to be done"),
        gettext_lazy("Write a task into the line above: what, for whom, until when."),
        reverse("tasks:new"),
        gettext_lazy("New task"),
    )


# What is done with many


def _move(**by: int) -> Any:
    """Later by so much, at the same hour; what has no deadline gets one from today on."""

    def act(task: Task, /, *, by_: User) -> None:
        today = timezone.localtime().replace(hour=18, minute=0, second=0, microsecond=0)
        # Of the reader's clock: a day has 23 hours when that changes.
        base = timezone.localtime(task.deadline_at) if task.deadline_at else today
        change_task(task, {"deadline_at": base + timedelta(**by)}, by=by_)

    return lambda task, *, by: act(task, by_=by)


def _deadline(task: Task) -> str | None:
    return task.deadline_at.isoformat() if task.deadline_at else None


def _move_back(task: Task, was: str | None, /, *, by: User) -> None:
    change_task(task, {"deadline_at": datetime.fromisoformat(was) if was else None}, by=by)


def _moved(count: int) -> str:
    return ngettext(
        "The deadline of %(num)s task is later.", "The deadlines of %(num)s tasks are later.", count
    ) % {"num": count}


def _completed(count: int) -> str:
    return ngettext("%(num)s task is done.", "%(num)s tasks are done.", count) % {"num": count}


def _deleted(count: int) -> str:
    return ngettext("%(num)s task is in the trash.", "%(num)s tasks are in the trash.", count) % {
        "num": count
    }


BULK: tuple[Bulk[Task], ...] = (
    Bulk(
        key="complete",
        label=pgettext_lazy("task", "Complete"),
        act=complete_task,
        done=_completed,
        state=lambda task: task.state,
        restore=lambda task, was, *, by: take_back(task, was, by=by),
    ),
    *(
        Bulk(
            key=key,
            label=label,
            icon="calendar-plus",
            act=_move(**later),
            done=_moved,
            state=_deadline,
            restore=_move_back,
        )
        for key, label, later in (
            ("day-later", gettext_lazy("A day later"), {"days": 1}),
            ("week-later", gettext_lazy("A week later"), {"weeks": 1}),
        )
    ),
    Bulk(
        key="delete",
        label=gettext_lazy("Delete"),
        icon="trash",
        act=lambda task, *, by: delete_tasks([task], by=by),
        done=_deleted,
        state=lambda task: task.deleted_at is not None,
        restore=lambda task, was, *, by: restore_tasks([task], by=by),
        gone=Task.objects.all(),
    ),
)


# The trash


def trash_list(user: User) -> List[Task, Task]:
    """What the person has thrown away, or may bring back."""
    rows = Task.objects.visible_to(user).thrown_away().as_shown().select_related("deleted_by")
    own = rows if user.is_administrator else rows.filter(Q(created_by=user) | Q(deleted_by=user))
    return List(
        key="tasks.trash",
        title=gettext_lazy("Trash"),
        rows=own,
        columns=(
            Column("title", gettext_lazy("Task"), lambda task: task.title, sort="title"),
            Column("responsible", pgettext_lazy("task", "Responsible"), lambda task: task.responsible.face),
            Column("deleted", gettext_lazy("Thrown away"), lambda task: task.deleted_at, sort="deleted_at"),
            Column("by", gettext_lazy("By"), lambda task: task.deleted_by.face if task.deleted_by else ""),
        ),
        bulk=(
            Bulk(
                key="restore",
                label=gettext_lazy("Bring back"),
                icon="restore",
                act=lambda task, *, by: restore_tasks([task], by=by),
                done=_restored,
            ),
        ),
        order="-deleted",
        search=Search(gettext_lazy("Title of a task"), narrow=lambda rows, text: rows.matching(text)),  # type: ignore[attr-defined]
        href=None,
        can_export=False,
        empty=Empty(
            gettext_lazy("The trash is empty"),
            gettext_lazy("Tasks that are thrown away can be brought back from here for a month."),
        ),
    )


def _restored(count: int) -> str:
    return ngettext("%(num)s task is back.", "%(num)s tasks are back.", count) % {"num": count}
