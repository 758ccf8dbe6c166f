"""Boards of tasks: by state, where a move is a step; by deadline, where it is another day; and by stages that
people have made, of a project or for their own plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import BigIntegerField, Count, DateTimeField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.tasks.access import roles_of
from box.apps.tasks.actions.stages import put_into_stage, stages_of
from box.apps.tasks.actions.states import STEPS
from box.apps.tasks.actions.tasks import change_task, place_task
from box.apps.tasks.lists import MINE, Row, as_row, task_list
from box.apps.tasks.models import OPEN, Placement, Task
from box.apps.tasks.models.tasks import ANYBODY, asked_by
from box.apps.tasks.quick_add import END_OF_DAY
from box.apps.tasks.states import State, Step, steps, target
from box.core.boards.definition import Board, Column, Move
from box.core.boards.usual import UsualColumns
from box.core.groups.models import Group
from box.core.lists.definition import deferred
from box.core.lists.presenters import macro
from box.lib.prepared import Param

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.lists.query import Query

WAYS = ("state", "deadline")
CARD = macro("tasks/ui.html", "card")
SHOWN_DAYS = 7
"""So long what is completed stands in its column."""
COLORS = {
    State.WAITING: "#8c8371",
    State.IN_PROGRESS: "#17695a",
    State.DEFERRED: "#b9b0a1",
    State.IN_REVIEW: "#c08a4a",
    State.COMPLETED: "#2c6e3f",
}


def task_board(user: User, *, way: str, role: str, now: datetime) -> Board[Task, Row]:
    """`now` is a moment in the reader's time zone: today is theirs."""
    return _by_state(user, role, now) if way == "state" else _by_deadline(user, role, now)


def _counted(rows: QuerySet[Task, Task], conditions: Mapping[str, Q]) -> dict[str, int]:
    """How many are in each column, in a query. A count a key: they are words with hyphens."""
    found = rows.order_by().aggregate(
        **{f"n{place}": Count("pk", filter=one) for place, one in enumerate(conditions.values())}
    )
    return {key: found[f"n{place}"] for place, key in enumerate(conditions)}


# By state


def _by_state(user: User, role: str, now: datetime) -> Board[Task, Row]:
    listed = task_list(user, role=role, is_narrowed=True)
    since = now - timedelta(days=SHOWN_DAYS)
    given = {**asked_by(user), "since": since}

    def columns(rows: QuerySet[Task, Task], query: Query) -> Sequence[Column]:
        is_usual = _is_usual(role, query)
        counts = _USUAL_STATES.counts(**given) if is_usual else _counted(rows, _IN_STATES)
        return [Column(state, state.label, COLORS[state], counts[state]) for state in State]

    return Board(
        listed=replace(listed, rows=deferred(lambda: listed.rows.filter(_recent(since)))),
        usual=lambda columns, query: _USUAL_STATES.cards(**given) if _is_usual(role, query) else None,
        columns=columns,
        rows_in=lambda rows, column: rows.filter(state=column.key),
        column_of=lambda task: task.state,
        card=CARD,
        move=lambda task, move: _step(task, move, user),
        present=listed.present,
        told=("tasks", "changed"),
    )


def _recent(since: datetime | Param) -> Q:
    return OPEN | Q(closed_at__gte=since)


_IN_STATES = {state.value: Q(state=state) for state in State}
_USUAL_STATES = UsualColumns(
    lambda: Task.objects.there().in_role(ANYBODY, MINE).filter(_recent(Param("since", DateTimeField()))),
    lambda: _IN_STATES,
    read=as_row,
)


def _is_usual(role: str, query: Query) -> bool:
    return role == MINE and not query


def _step(task: Task, move: Move, by: User) -> None:
    to = move.column.key
    if task.state != to:
        roles = roles_of(by, task)
        able = steps(task.state, roles)
        ends = {one: target(one, roles, needs_acceptance=task.will_be_accepted) for one in able}
        step = next((one for one, end in ends.items() if end == to), None)
        if step is None and to == State.COMPLETED and Step.COMPLETE in able:
            # Whoever has done it puts it among what is completed: it is to be accepted first.
            step = Step.COMPLETE
        if step is None:
            raise PermissionDenied(_("This step is not yours to take, or does not lead there."))
        task = STEPS[step](task, by=by)
    place_task(task, move.after, move.before, by=by)


# By stages that people have made


def stage_board(user: User, *, owner: Group | User, role: str) -> Board[Task, Row]:
    """Of a project, or one's own plan. What was never put into a stage is in the first."""
    stages = stages_of(owner)
    first, by_key = stages[0], {str(one.pk): one for one in stages}
    project = owner if isinstance(owner, Group) else None
    listed = task_list(user, role=role, is_narrowed=False, project=project)
    placed = Placement.objects.filter(task=OuterRef("pk"), stage__in=[one.pk for one in stages])
    rows = listed.rows.annotate(
        stage=Coalesce(
            Subquery(placed.order_by("pk").values("stage")[:1]),
            Value(first.pk),
            output_field=BigIntegerField(),
        )
    )

    def columns(found: QuerySet[Task, Task], query: Query) -> Sequence[Column]:
        grouped = found.order_by().values_list("stage")  # type: ignore[misc]
        counts = dict(grouped.annotate(Count("pk")))
        return [Column(str(one.pk), one.label, one.color, counts.get(one.pk, 0)) for one in stages]

    return Board(
        listed=replace(listed, rows=rows, ways=() if project else listed.ways),
        columns=columns,
        rows_in=lambda found, column: found.filter(stage=int(column.key)),  # type: ignore[misc]
        column_of=lambda task: str(task.stage),  # type: ignore[attr-defined]
        card=CARD,
        move=lambda task, to: put_into_stage(task, by_key[to.column.key], to.after, to.before, by=user),
        present=listed.present,
        told=("tasks", "changed"),
    )


# By deadline


@dataclass(frozen=True)
class Span:
    """A column of deadlines: from a moment to another. `suggests` is the day that what is moved into it gets;
    None: nothing is moved there."""

    label: _StrOrPromise
    first: datetime | None = None
    end: datetime | None = None
    suggests: datetime | None = None
    color: str = ""

    @property
    def condition(self) -> Q:
        return due_between(self.first, self.end)

    def holds(self, deadline: datetime) -> bool:
        return (self.first is None or deadline >= self.first) and (self.end is None or deadline < self.end)


def due_between(first: datetime | Param | None, end: datetime | Param | None) -> Q:
    found = Q(deadline_at__isnull=False)
    if first is not None:
        found &= Q(deadline_at__gte=first)
    if end is not None:
        found &= Q(deadline_at__lt=end)
    return found


NONE = "none"


def spans(now: datetime) -> dict[str, Span]:
    """Every deadline is in exactly one, whatever the weekday: on a Sunday this week is over."""
    midnight = datetime.combine(now.date(), time(), now.tzinfo)
    tomorrow = midnight + timedelta(days=1)
    monday = midnight + timedelta(days=7 - now.weekday())
    friday = max(monday - timedelta(days=3), tomorrow)
    return {
        "overdue": Span(pgettext_lazy("deadline", "Overdue"), end=now, color="#a8322a"),
        "today": Span(pgettext_lazy("deadline", "Today"), now, tomorrow, midnight, "#c08a4a"),
        "this-week": Span(pgettext_lazy("deadline", "This week"), tomorrow, monday, friday, "#17695a"),
        "next-week": Span(
            pgettext_lazy("deadline", "Next week"),
            monday,
            monday + timedelta(days=7),
            monday + timedelta(days=4),
            "#3a4169",
        ),
        "later": Span(
            pgettext_lazy("deadline", "Later"),
            monday + timedelta(days=7),
            None,
            monday + timedelta(days=11),
            "#8c8371",
        ),
    }


def _by_deadline(user: User, role: str, now: datetime) -> Board[Task, Row]:
    listed = task_list(user, role=role, is_narrowed=False)
    known = spans(now)
    conditions = {**{key: span.condition for key, span in known.items()}, NONE: Q(deadline_at=None)}
    given = {**asked_by(user), **_moments_of(known)}
    labels = {**{key: span.label for key, span in known.items()}, NONE: gettext_lazy("Without a deadline")}

    def columns(rows: QuerySet[Task, Task], query: Query) -> Sequence[Column]:
        is_usual = _is_usual(role, query)
        counts = _USUAL_DEADLINES.counts(**given) if is_usual else _counted(rows, conditions)
        colors = {key: span.color for key, span in known.items()}
        return [Column(key, labels[key], colors.get(key, ""), counts[key]) for key in conditions]

    def column_of(task: Task) -> str:
        deadline = task.deadline_at
        if deadline is None:
            return NONE
        return next(key for key, span in known.items() if span.holds(deadline))

    return Board(
        listed=listed,
        usual=lambda columns, query: _USUAL_DEADLINES.cards(**given) if _is_usual(role, query) else None,
        columns=columns,
        rows_in=lambda rows, column: rows.filter(conditions[column.key]),
        column_of=column_of,
        card=CARD,
        move=_mover(user, known, column_of, now),
        present=listed.present,
        told=("tasks", "changed"),
    )


def _moments_of(known: Mapping[str, Span]) -> dict[str, datetime | None]:
    """Of what `_usual_deadlines` asks."""
    return {f"{key}-{end}": getattr(span, end) for key, span in known.items() for end in ("first", "end")}


def _usual_deadlines() -> dict[str, Q]:
    known = spans(timezone.localtime())
    ends = {
        name: Param(name, DateTimeField()) if moment is not None else None
        for name, moment in _moments_of(known).items()
    }
    found = {key: due_between(ends[f"{key}-first"], ends[f"{key}-end"]) for key in known}
    return {**found, NONE: Q(deadline_at=None)}


_USUAL_DEADLINES = UsualColumns(
    lambda: Task.objects.there().in_role(ANYBODY, MINE).filter(OPEN), _usual_deadlines, read=as_row
)


def _mover(
    user: User, known: Mapping[str, Span], column_of: Callable[[Task], str], now: datetime
) -> Callable[[Task, Move], None]:
    def move(task: Task, to: Move) -> None:
        key = to.column.key
        if column_of(task) != key:
            span = known.get(key)
            change_task(task, {"deadline_at": _deadline(task, span, now) if span else None}, by=user)
        place_task(task, to.after, to.before, by=user)

    return move


def _deadline(task: Task, span: Span, now: datetime) -> datetime:
    """On the day of the column, at the hour that it had."""
    if span.suggests is None:
        raise ValidationError(_("Nothing is put off into the past."), code="past")
    at = timezone.localtime(task.deadline_at, now.tzinfo).time() if task.deadline_at else END_OF_DAY
    moment = datetime.combine(span.suggests.date(), at, now.tzinfo)
    # Today's hour may be over already: then it is the end of the day.
    return moment if span.holds(moment) else datetime.combine(span.suggests.date(), time(23, 59), now.tzinfo)
