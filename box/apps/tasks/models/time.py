"""How long who has worked on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from box.apps.tasks.models.tasks import Task
from box.core.accounts.models import User

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_NOTE = 400


class TimeEntryQuerySet(models.QuerySet["TimeEntry"]):
    def visible_to(self, user: User) -> Self:
        """Whoever sees the task sees what it took."""
        return self.filter(task__in=Task.objects.visible_to(user).order_by().values("pk"))

    def running(self) -> Self:
        return self.filter(ended_at=None)

    def over(self) -> Self:
        return self.exclude(ended_at=None)


class TimeEntry(models.Model):
    """A stretch of work. One that runs has no end yet, and of each person there is one at most: `seconds` is
    what counts, by the clock or as it was corrected."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="time_entries", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    seconds = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    # Why it is another than the clock said; empty where nobody has changed it.
    reason = models.CharField(max_length=LONGEST_NOTE, blank=True)
    is_by_hand = models.BooleanField(default=False)
    written_at = models.DateTimeField(default=timezone.now)

    objects = TimeEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(ended_at=None), name="task_one_clock_runs"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="task_time_ends_later"
            ),
        ]
        indexes = [
            models.Index("task", F("started_at").desc(), F("id").desc(), name="task_time_of_task"),
            models.Index("user", F("started_at").desc(), F("id").desc(), name="task_time_of_user"),
            models.Index(F("started_at").desc(), F("id").desc(), name="task_time_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.task_id}: {self.seconds} s"

    def elapsed(self, now: datetime) -> int:
        """In seconds, of one that runs until now."""
        if self.ended_at is not None:
            return self.seconds
        return max(0, int((now - self.started_at).total_seconds()))
