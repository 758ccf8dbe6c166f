"""Columns that people make for themselves: the stages of a project, and those of one's own plan."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from box.apps.tasks.models.tasks import Task
from box.core.accounts.models import User
from box.core.groups.models import Group
from box.lib.prepared import Param, Prepared, at_once

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LONGEST_STAGE = 60


class TaskStageQuerySet(models.QuerySet["TaskStage"]):
    def of(self, owner: Group | User) -> Self:
        """In the order of their columns."""
        own = Q(project=owner) if isinstance(owner, Group) else Q(user=owner)
        return self.filter(own).order_by("position", "id")


class TaskStage(models.Model):
    """Of a project, for whoever works in it; or of a person's own plan, which nobody else sees. What was put
    into none is in the first."""

    class Usual(models.TextChoices):
        """Those that boards begin with."""

        NEW = "new", pgettext_lazy("stage", "New")
        IN_WORK = "in-work", pgettext_lazy("stage", "In work")
        DONE = "done", pgettext_lazy("stage", "Done")
        NOT_PLANNED = "not-planned", pgettext_lazy("stage", "Not planned")
        TODAY = "today", pgettext_lazy("stage", "Today")
        THIS_WEEK = "this-week", pgettext_lazy("stage", "This week")

    project = models.ForeignKey(Group, models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=LONGEST_STAGE)
    # Until somebody calls it otherwise, each reader has its name in their own language.
    usual = models.CharField(max_length=16, choices=Usual, blank=True, db_default="")
    color = models.CharField(max_length=7)
    position = models.PositiveSmallIntegerField(default=0)

    objects = TaskStageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(project=None) ^ Q(user=None), name="task_stage_is_of_one_board"
            )
        ]

    def __str__(self) -> str:
        return str(self.label)

    @property
    def label(self) -> _StrOrPromise:
        return self.Usual(self.usual).label if self.usual else self.name


def stage_labels(tasks: Collection[Task]) -> dict[int, str]:
    """In which stage of its project each of these stands, in one query: what was put into none is in the
    first."""
    projects = {task.pk: task.project_id for task in tasks}
    stages, placed = at_once(
        _STAGES.asked(projects=list(set(projects.values()))), _PLACED.asked(tasks=list(projects))
    )
    known = {
        pk: (project, str(TaskStage(usual=usual, name=name).label)) for pk, project, usual, name in stages
    }
    usual = str(TaskStage.Usual.NEW.label)
    first = dict(reversed(known.values()))
    labels = {pk: first.get(project, usual) for pk, project in projects.items()}
    for task, stage in placed:
        if stage in known and known[stage][0] == projects[task]:
            labels[task] = known[stage][1]
    return labels


_STAGES = Prepared(
    lambda: (
        TaskStage.objects.filter(project__id__in_array=Param("projects"))
        .order_by("position", "id")
        .values_list("id", "project_id", "usual", "name")
    )
)
_PLACED = Prepared(
    lambda: Placement.objects.filter(task__id__in_array=Param("tasks")).values_list("task_id", "stage_id")
)


class Placement(models.Model):
    """A task stands in this stage."""

    stage = models.ForeignKey(TaskStage, models.CASCADE, related_name="placements", db_index=False)
    task = models.ForeignKey(Task, models.CASCADE, related_name="placements")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stage", "task"], name="task_in_stage_once")]

    def __str__(self) -> str:
        return f"{self.task_id} in {self.stage_id}"
