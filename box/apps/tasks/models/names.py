"""What another program calls a task that it has made."""

from __future__ import annotations

from django.db import models

from box.apps.tasks.models.tasks import Task
from box.core.accounts.models import User


class ProgramName(models.Model):
    """Of whose program; to everybody else's the task is called by its number."""

    task = models.OneToOneField(Task, models.CASCADE, related_name="program_name")
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    uid = models.CharField(max_length=500)
    href = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "uid"], name="task_uid_once"),
            models.UniqueConstraint(fields=["user", "href"], name="task_href_once"),
        ]

    def __str__(self) -> str:
        return f"{self.uid} is {self.task_id}"
