"""What waits for a person: numbers beside the roles, and the one in the menu."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.utils import timezone

from box.apps.tasks.models import OPEN, Participant, Task
from box.apps.tasks.states import State
from box.core.notify.counters import COUNT_CAP, recount

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    late = Q(deadline_at__lt=now) & ~Q(state=State.IN_REVIEW)
    found = rows.order_by().aggregate(
        open=Count("pk"),
        overdue=Count("pk", filter=late),
        due=Count("pk", filter=Q(deadline_at__gte=now, deadline_at__lt=now + timedelta(days=1))),
        to_accept=Count("pk", filter=Q(state=State.IN_REVIEW)),
    )
    return Counted(**found)


def attention_count(user: User, now: datetime) -> int:
    """What this person can do something about now: what is late of their own work, and what they are to
    accept. Capped, and so never the count of a long table."""
    helps = Participant.objects.filter(user=user, role=Participant.Role.ACCOMPLICE).values("task")
    late = Q(deadline_at__lt=now) & (Q(responsible=user) | Q(pk__in=helps)) & ~Q(state=State.IN_REVIEW)
    mine = Q(created_by=user, state=State.IN_REVIEW)
    return Task.objects.filter(OPEN).filter(late | mine)[: COUNT_CAP + 1].count()


def recount_all(people: Iterable[User]) -> None:
    """One by one in the order of their ids, so that two who count the same people only wait."""
    for person in sorted(people, key=lambda one: one.pk):
        recount(person, KEY, lambda person=person: attention_count(person, timezone.now()))  # type: ignore[misc]
