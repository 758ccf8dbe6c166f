"""What comes after what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.tasks.models.tasks import Task
from box.apps.tasks.scheduling import Bar, Link, LinkKind

DAY = timedelta(days=1)


class Dependency(models.Model):
    """`after` follows `before`, so many minutes later, or earlier where they are negative."""

    class Kind(models.TextChoices):
        FINISH_START = LinkKind.FINISH_START.value, _("begins once it is over")
        START_START = LinkKind.START_START.value, _("begins once it has begun")
        FINISH_FINISH = LinkKind.FINISH_FINISH.value, _("ends once it is over")
        START_FINISH = LinkKind.START_FINISH.value, _("ends once it has begun")

    before = models.ForeignKey(Task, models.CASCADE, related_name="links_after", db_index=False)
    after = models.ForeignKey(Task, models.CASCADE, related_name="links_before")
    kind = models.CharField(max_length=2, choices=Kind, default=Kind.FINISH_START)
    lag_minutes = models.IntegerField(default=0)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["before", "after"], name="task_dependency_once"),
            models.CheckConstraint(
                condition=~models.Q(before=models.F("after")), name="task_waits_not_for_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.after_id} after {self.before_id}: {self.kind}"

    @property
    def link(self) -> Link:
        lag = timedelta(minutes=self.lag_minutes)
        return Link(self.before_id, self.after_id, LinkKind(self.kind), lag)

    @property
    def lag_days(self) -> int | float:
        days = self.lag_minutes / (24 * 60)
        return int(days) if days.is_integer() else round(days, 2)


class Dated(Protocol):
    """A task, or as much of it as says when it takes place."""

    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def ends_at(self) -> datetime | None: ...
    @property
    def deadline_at(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def estimate_minutes(self) -> int | None: ...


def bar_of(task: Dated) -> Bar | None:
    """When a task takes place: as it is planned, else to its deadline. Without any of these it has none."""
    starts, ends = task.starts_at, task.ends_at or task.deadline_at
    if starts is None and ends is None:
        return None
    if ends is None and starts is not None:
        return Bar(starts, starts + (timedelta(minutes=task.estimate_minutes or 0) or DAY))
    assert ends is not None  # noqa: S101 - for the checker
    if starts is None or starts >= ends:
        starts = min(task.created_at, ends - DAY)
    return Bar(starts, ends)
