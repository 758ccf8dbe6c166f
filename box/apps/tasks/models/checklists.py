"""What a task consists of, to be ticked off."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from box.apps.tasks.models.tasks import Task
from box.core.accounts.models import User

LONGEST_ITEM = 400
OPEN_TASK = Q(task__closed_at=None, task__deleted_at=None)


class ChecklistItemQuerySet(models.QuerySet["ChecklistItem"]):
    def due_by(self, day: date) -> Self:
        """What is to be done on this day, or was to be before, in tasks that are open."""
        return self.filter(OPEN_TASK, done_at=None, due_on__lte=day)

    def of_people(self, ids: Collection[int]) -> Self:
        """Whose each line is: whoever it was given to, or else whoever does the task."""
        return self.filter(Q(assignee__in=ids) | Q(assignee=None, task__responsible__in=ids))


class ChecklistItem(models.Model):
    """One line. What is done says since when and by whom."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="items", db_index=False)
    text = models.CharField(_("what is to be done"), max_length=LONGEST_ITEM)
    rank = models.CharField(max_length=200, db_collation="C", default="i")
    assignee = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    due_on = models.DateField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = ChecklistItemQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["task", "rank", "id"], name="task_item_in_order"),
            models.Index(
                fields=["due_on"], name="task_item_due", condition=Q(done_at=None, due_on__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(done_at=None, done_by=None)
                | models.Q(done_at__isnull=False, done_by__isnull=False),
                name="task_item_done_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return self.text

    def is_late(self, today: date) -> bool:
        return self.done_at is None and self.due_on is not None and self.due_on < today
