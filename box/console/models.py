"""What the administrator's pages remember themselves; how the box is, they ask the agent."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone


class TroubleQuerySet(models.QuerySet["Trouble"]):
    def open(self) -> Self:
        return self.filter(ended_at=None)


class Trouble(models.Model):
    """Something wrong with backups, from when it was first seen until it has been well for a while."""

    key = models.CharField(max_length=300)
    kind = models.CharField(max_length=20)
    target = models.CharField(max_length=200, blank=True)
    about = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar = TroubleQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(ended_at=None), name="console_trouble_once"
            ),
        )

    def __str__(self) -> str:
        return self.key


class Bulletin(models.Model):
    """What was told at once to those who look after backups: troubles, or that all is well again."""

    made_at = models.DateTimeField(default=timezone.now)
    troubles = models.JSONField(default=list)
    """Kind, target and about of each; none: all is well again."""

    def __str__(self) -> str:
        return f"{len(self.troubles)} at {self.made_at:%Y-%m-%d %H:%M}"
