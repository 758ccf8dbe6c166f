"""What waits for a person: numbers beside the roles, and the one in the menu."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models import Count, DateTimeField, Q, Value
from django.utils import timezone

from box.apps.tasks.models import OPEN, Participant, Task
from box.apps.tasks.models.tasks import ANYBODY, asked_by
from box.apps.tasks.states import State
from box.core.notify.counters import COUNT_CAP, recount
from box.lib.prepared import Param, Prepared, at_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

    from box.apps.tasks.models import TaskQuerySet
    from box.core.accounts.models import User

KEY = "tasks"


@dataclass(frozen=True)
class Counted:
    """Open tasks, and of these those that are late, due within a day, or done and waiting to be accepted."""

    open: int = 0
    overdue: int = 0
    due: int = 0
    to_accept: int = 0

    @property
    def tone(self) -> str:
        return "bad" if self.overdue else "warn" if self.due or self.to_accept else ""

    @property
    def urgent(self) -> int:
        return self.overdue or self.due or self.to_accept


def counts(rows: TaskQuerySet, now: datetime) -> Counted:
    """In one query."""
    return Counted(**rows.order_by().aggregate(**_counted(now, now + _SOON)))


_SOON = timedelta(days=1)


def _counted(now: datetime | Param, soon: datetime | Param) -> dict[str, Count]:
    late = Q(deadline_at__lt=now) & ~Q(state=State.IN_REVIEW)
    return {
        "open": Count("pk"),
        "overdue": Count("pk", filter=late),
        "due": Count("pk", filter=Q(deadline_at__gte=now, deadline_at__lt=soon)),
        "to_accept": Count("pk", filter=Q(state=State.IN_REVIEW)),
    }


@dataclass(frozen=True)
class Waiting:
    """What stands beside the roles of a person, and which task is the newest of all."""

    by_role: Mapping[str, Counted]
    newest: int


def waiting_for(user: User, roles: Iterable[str], now: datetime) -> Waiting:
    """In one query that is composed once."""
    wanted = tuple(roles)
    given = {**asked_by(user), "now": now, "soon": now + _SOON}
    newest, *found = at_once(_NEWEST.asked(), *(_counts_in(role).asked(**given) for role in wanted))
    by_role = {
        role: Counted(*rows[0][1:]) if rows else Counted() for role, rows in zip(wanted, found, strict=True)
    }
    return Waiting(by_role, newest[0][0] if newest else 0)


@cache
def _counts_in(role: str) -> Prepared:
    def make() -> QuerySet[Task, Any]:
        now, soon = (Param(name, DateTimeField()) for name in ("now", "soon"))
        rows = Task.objects.open().in_role(ANYBODY, role)
        # All of them are one group.
        return rows.order_by().values_list(Value(0)).annotate(**_counted(now, soon))

    return Prepared(make)


_NEWEST = Prepared(lambda: Task.objects.order_by("-id").values_list("id")[:1])


def attention_count(user: User, now: datetime) -> int:
    """What this person can do something about now: what is late of their own work, and what they are to
    accept. Capped, and so never the count of a long table."""
    helps = Participant.objects.filter(user=user, role=Participant.Role.ACCOMPLICE).values("task")
    late = Q(deadline_at__lt=now) & (Q(responsible=user) | Q(pk__in=helps)) & ~Q(state=State.IN_REVIEW)
    mine = Q(created_by=user, state=State.IN_REVIEW)
    return Task.objects.filter(OPEN).filter(late | mine)[: COUNT_CAP + 1].count()


def waits_now(task: Task, now: datetime) -> bool:
    """Whether somebody's number holds it: what `attention_count` asks of all, asked of one."""
    is_late = task.deadline_at is not None and task.deadline_at < now
    return task.is_open and (is_late or task.state == State.IN_REVIEW)


def recount_all(people: Iterable[User]) -> None:
    """One by one in the order of their ids, so that two who count the same people only wait."""
    for person in sorted(people, key=lambda one: one.pk):
        recount(person, KEY, lambda person=person: attention_count(person, timezone.now()))  # type: ignore[misc]
