"""The dates of a project as they once were planned."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.tasks.models.tasks import Task
from box.core.accounts.models import User
from box.core.groups.models import Group

LONGEST_BASELINE = 80


class Baseline(models.Model):
    """What is planned now is compared with it; it never changes."""

    project = models.ForeignKey(Group, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(_("name"), max_length=LONGEST_BASELINE)
    taken_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="baseline_of_project")]

    def __str__(self) -> str:
        return self.name


class BaselineBar(models.Model):
    """When a task was to take place: as its bar was then, whatever it was made of."""

    baseline = models.ForeignKey(Baseline, models.CASCADE, related_name="bars", db_index=False)
    task = models.ForeignKey(Task, models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["baseline", "task"], name="baseline_bar_once")]

    def __str__(self) -> str:
        return f"{self.task_id} in {self.baseline_id}"
