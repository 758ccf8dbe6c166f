"""What a task consists of, to be ticked off."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from box.apps.tasks.models.tasks import Task
from box.core.accounts.models import User

LONGEST_ITEM = 400


class ChecklistItem(models.Model):
    """One line. What is done says since when and by whom."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="items", db_index=False)
    text = models.CharField(_("what is to be done"), max_length=LONGEST_ITEM)
    rank = models.CharField(max_length=200, db_collation="C", default="i")
    assignee = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    due_on = models.DateField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["task", "rank", "id"], name="task_item_in_order")]
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
