"""What comes after what, and moving one with all that follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from box.apps.tasks.access import can_edit, can_move_deadline
from box.apps.tasks.actions.locking import Gone, locked, must
from box.apps.tasks.actions.tasks import write_columns
from box.apps.tasks.events import DependencyChanged
from box.apps.tasks.models import Dependency, Task, bar_of
from box.apps.tasks.scheduling import Bar, Link, push, would_circle
from box.core.events.outbox import emit
from box.core.registry.origin import is_importing
from box.lib import undo

if TYPE_CHECKING:
    from box.apps.tasks.models import TaskQuerySet
    from box.core.accounts.models import User

MOST_LINKS = 50
MOST_MOVED = 200
MOST_FOLLOWING = 2000
LONGEST_LAG = 366 * 24 * 60
UNDO = "tasks.schedule"
# Whoever links holds it, so that two do not close a circle that neither sees. "task" in ASCII.
_LINKING = 0x7461736B

_FOLLOWING = """
    WITH RECURSIVE following AS (
        SELECT %s::bigint AS id
        UNION
        SELECT link.after_id FROM tasks_dependency AS link JOIN following ON link.before_id = following.id
    )
    SELECT id FROM following LIMIT %s
"""


@dataclass(frozen=True)
class Moved:
    """A task that is moved, from one bar to another, and what is written for it."""

    task: Task
    was: Bar
    now: Bar
    columns: Mapping[str, datetime]

    @property
    def is_late(self) -> bool:
        """It would end after its deadline."""
        deadline = self.columns.get("deadline_at", self.task.deadline_at)
        return deadline is not None and self.now.ends > deadline


@transaction.atomic
def add_dependency(
    before: Task, after: Task, kind: str = Dependency.Kind.FINISH_START, lag_minutes: int = 0, *, by: User
) -> Dependency:
    """The second follows the first from now on; linked already they are linked by this kind. Whoever links it
    agrees that it is moved with what it follows, whoever moves that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LINKING])
    after = locked(after)
    must(can_edit(by, after), _("Only whoever gave a task says what it waits for."))
    # Whoever has left sees nothing any more; what they linked stays so.
    seen = Task.objects if is_importing() else Task.objects.each_visible_to(by)
    if not seen.there().filter(pk=before.pk).exists():
        raise Gone
    if kind not in Dependency.Kind.values or abs(lag_minutes) > LONGEST_LAG:
        raise ValidationError(_("Choose how it follows, and at most a year between the two."), code="kind")
    if would_circle(_links_from(after.pk), before.pk, after.pk):
        raise ValidationError(
            _("The one waits for the other already: this would be a circle."), code="circle"
        )
    if after.links_before.exclude(before=before).count() >= MOST_LINKS:
        raise ValidationError(
            _("A task waits for at most %(most)s others.") % {"most": MOST_LINKS}, code="many"
        )
    values = {"kind": kind, "lag_minutes": lag_minutes}
    made, _is_new = Dependency.objects.update_or_create(before=before, after=after, defaults=values)
    emit(DependencyChanged(task_id=after.pk, by_id=by.pk, before_id=before.pk, is_added=True))
    return made


@transaction.atomic
def remove_dependency(dependency: Dependency, *, by: User) -> None:
    after = locked(dependency.after)
    must(can_edit(by, after), _("Only whoever gave a task says what it waits for."))
    count, _models = Dependency.objects.filter(pk=dependency.pk).delete()
    if count:
        emit(DependencyChanged(task_id=after.pk, by_id=by.pk, before_id=dependency.before_id, is_added=False))


def plan_move(task: Task, starts: datetime, ends: datetime) -> list[Moved]:
    """What moves when this task takes place then: itself first, and the others by their new beginning. Raises
    ValidationError for what cannot be."""
    if ends <= starts:
        raise ValidationError(_("The planned end lies before the start."), code="ends_at")
    links = _links_from(task.pk)
    return _plan(_rows(links, task), links, task, starts, ends)


@transaction.atomic
def move_task(task: Task, starts: datetime, ends: datetime, *, by: User) -> tuple[list[Moved], str]:
    """Moves it with all that it pushes; returns what was moved, and the note that takes it back."""
    if ends <= starts:
        raise ValidationError(_("The planned end lies before the start."), code="ends_at")
    links = _links_from(task.pk)
    rows = _rows(links, task).select_for_update(of=("self",), no_key=True)
    moves = _plan(rows, links, task, starts, ends)
    if moves:
        _must_move(moves[0], by)
    was = [(one.task.pk, {name: _said(getattr(one.task, name)) for name in one.columns}) for one in moves]
    for one in moves:
        write_columns(one.task, one.columns, by=by)
    now = [(one.task.pk, {name: _said(at) for name, at in one.columns.items()}) for one in moves]
    return moves, undo.note(UNDO, by_id=by.pk, was=was, now=now)


@transaction.atomic
def move_back(note: str, *, by: User) -> int:
    """Takes back what `move_task` has done, unless any of it was changed since; returns of how many tasks."""
    what = undo.read(note, UNDO, by_id=by.pk)
    now = dict(what["now"])
    rows = Task.objects.open().filter(pk__in=now).select_related(*_WITH).order_by("pk")
    tasks = {one.pk: one for one in rows.select_for_update(of=("self",), no_key=True)}
    for pk, columns in now.items():
        task = tasks.get(pk)
        if task is None or any(_said(getattr(task, name)) != at for name, at in columns.items()):
            raise undo.changed_since()
    for pk, columns in what["was"]:
        write_columns(tasks[pk], {name: _moment(at) for name, at in columns.items()}, by=by)
    return len(now)


_WITH = ("responsible", "created_by", "project", "thread")


def _rows(links: Sequence[Link], task: Task) -> TaskQuerySet:
    ids = {task.pk, *(link.after for link in links)}
    return Task.objects.open().filter(pk__in=ids).select_related(*_WITH).order_by("pk")


def _plan(
    rows: Iterable[Task], links: Sequence[Link], task: Task, starts: datetime, ends: datetime
) -> list[Moved]:
    tasks = {one.pk: one for one in rows}
    if task.pk not in tasks:
        raise Gone
    bars = {pk: bar for pk, one in tasks.items() if (bar := bar_of(one)) is not None}
    asked = Bar(starts, ends)
    found = push(bars, links, {task.pk: asked})
    if len(found) > MOST_MOVED:
        said = _("More than %(most)s tasks would move: move a part of them first.") % {"most": MOST_MOVED}
        raise ValidationError(said, code="many")
    moves = [
        Moved(tasks[pk], bars.get(pk, asked), bar, _columns(tasks[pk], bars.get(pk), bar))
        for pk, bar in found.items()
    ]
    moves.sort(key=lambda one: (one.task.pk != task.pk, one.now.starts, one.task.pk))
    return moves


def _columns(task: Task, was: Bar | None, now: Bar) -> dict[str, datetime]:
    """What is written: what was said of the task moves; nothing is made up but the end that was dragged."""
    columns: dict[str, datetime] = {}
    is_beginning_dragged = was is None or (was.ends == now.ends and was.starts != now.starts)
    if (task.starts_at is not None and task.starts_at != now.starts) or is_beginning_dragged:
        columns["starts_at"] = now.starts
    if was is None or was.ends != now.ends:
        is_by_deadline = task.ends_at is None and task.deadline_at is not None
        columns["deadline_at" if is_by_deadline else "ends_at"] = now.ends
    return columns


def _must_move(moved: Moved, by: User) -> None:
    is_deadline_alone = set(moved.columns) == {"deadline_at"}
    can = can_move_deadline if is_deadline_alone else can_edit
    must(can(by, moved.task), _("Only whoever gave a task plans it."))


def _links_from(task_id: int) -> list[Link]:
    """All links below a task, in two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOWING, [task_id, MOST_FOLLOWING])
        ids = [pk for (pk,) in cursor.fetchall()]
    return [one.link for one in Dependency.objects.filter(before__in=ids)]


def _said(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def lag_of(days: float) -> int:
    """In minutes."""
    return round(timedelta(days=days) / timedelta(minutes=1))
