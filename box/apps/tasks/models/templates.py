"""Tasks that are given again and again: from a template by hand, or by its rule."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, ClassVar, Self
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import pgettext
from markupsafe import Markup

from box.apps.tasks.models.checklists import LONGEST_ITEM
from box.apps.tasks.models.tasks import FileLink, Participant, Task
from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.accounts.models import User
from box.core.groups.models import Group
from box.core.registry.capabilities import Card, Ref
from box.lib.recurrence import Rule, local_moment, parse
from box.lib.recurrence_text import in_words
from box.lib.rich_text import LONGEST_TAG

if TYPE_CHECKING:
    from collections.abc import Collection

TEMPLATE = "tasks.template"


def values_key(template_id: int) -> int:
    """Under which number the company's own fields of tasks hold what a template has in them: below zero,
    where no task is."""
    return -template_id


class TemplateQuerySet(AudienceQuerySet["Template"]):
    def due(self, now: datetime) -> Self:
        """Those of whoever is suspended wait until they are back."""
        return self.filter(next_at__lte=now).exclude(created_by__status=User.Status.SUSPENDED)

    def by_title(self) -> Self:
        return self.order_by("title", "id")


class Template(AudienceModel):
    """What a task will be. The audience is whoever keeps it, and the members of its project.

    With a rule it gives a task at each of its moments: `next_at` is the next one, or nothing while it is
    paused, over, or stopped by a problem.
    """

    title = models.CharField(max_length=255)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, default="")
    responsible = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Group, models.SET_NULL, null=True, related_name="+", db_index=False)
    priority = models.PositiveSmallIntegerField(choices=Task.Priority, default=Task.Priority.NORMAL)
    estimate_minutes = models.PositiveIntegerField(null=True)
    tags = ArrayField(models.CharField(max_length=LONGEST_TAG), default=list)
    needs_acceptance = models.BooleanField(default=True)
    may_move_deadline = models.BooleanField(default=True)
    # Lines of the checklist.
    items = ArrayField(models.CharField(max_length=LONGEST_ITEM), default=list)
    # The deadline: so many days after the task is given, at this time; none where it has none.
    due_days = models.PositiveSmallIntegerField(null=True)
    due_at = models.TimeField(default=time(18))

    rule = models.CharField(max_length=500, blank=True)
    starts_at = models.DateTimeField(null=True)
    # The place whose local time stays.
    zone = models.CharField(max_length=64)
    next_at = models.DateTimeField(null=True)
    is_paused = models.BooleanField(default=False)
    # Why it could not give its last task.
    problem = models.CharField(max_length=500, blank=True)

    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[TemplateQuerySet] = TemplateQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        indexes = [
            *AudienceModel.Meta.indexes,
            models.Index(fields=["next_at"], name="template_due", condition=~models.Q(next_at=None)),
        ]
        constraints = [
            *AudienceModel.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(rule="") | models.Q(starts_at__isnull=False),
                name="template_rule_has_a_start",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def body(self) -> Markup:
        return Markup(self.html)  # noqa: S704 - cleaned when it was written

    @property
    def ref(self) -> Ref:
        return Ref(TEMPLATE, self.pk)

    @property
    def recurrence(self) -> Rule | None:
        return parse(self.rule) if self.rule else None

    @property
    def local_start(self) -> datetime:
        """Of one with a rule."""
        return (self.starts_at or timezone.now()).astimezone(ZoneInfo(self.zone))

    @property
    def rhythm(self) -> str:
        """When it gives a task, in the reader's words; nothing where it is given by hand alone."""
        rule = self.recurrence
        return in_words(rule, self.local_start) if rule else ""

    def next_after(self, moment: datetime) -> datetime | None:
        rule = self.recurrence
        return rule.next_after(self.local_start, moment) if rule and not self.is_paused else None

    def deadline_from(self, moment: datetime) -> datetime | None:
        """Of a task that is given at this moment."""
        if self.due_days is None:
            return None
        zone = ZoneInfo(self.zone)
        return local_moment(moment.astimezone(zone).date() + timedelta(days=self.due_days), self.due_at, zone)

    def get_absolute_url(self) -> str:
        return reverse("tasks:template", args=[self.pk])


class TemplateParticipant(models.Model):
    """Who will help with its tasks, or watch them."""

    template = models.ForeignKey(Template, models.CASCADE, related_name="participants", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    role = models.CharField(max_length=10, choices=Participant.Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "user"], name="template_participant_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.template_id}"


class TemplateFile(FileLink):
    """A file that comes along: every task gets a copy of its own, for a file is part of one thing."""

    template = models.ForeignKey(Template, models.CASCADE, related_name="file_links", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["template", "position"], name="template_file_of")]

    def __str__(self) -> str:
        return f"{self.file_id} of {self.template_id}"


def template_cards(ids: Collection[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    found = Template.objects.visible_to(reader).filter(pk__in=ids).select_related("responsible")
    return {
        one.pk: Card(
            one.ref,
            one.title,
            one.get_absolute_url(),
            "repeat",
            pgettext("template", "stopped") if one.problem else "",
            "bad" if one.problem else "",
            (one.responsible.face,),
        )
        for one in found
    }
