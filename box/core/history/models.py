"""Who did what to an object and when: lines that are only ever added, and go with nobody but what they are
about."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone

from box.core.accounts.models import User


class LineQuerySet(models.QuerySet["Line"]):
    def about(self, kind: str, pk: int) -> Self:
        return self.filter(about_kind=kind, about_id=pk)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def before(self, line_id: int) -> Self:
        """The page below this line."""
        return self.filter(id__lt=line_id)


class Line(models.Model):
    about_kind = models.CharField(max_length=40)
    about_id = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now)
    # Chooses the sentence: see `box.core.registry.auditing`.
    kind = models.CharField(max_length=80)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    details = models.JSONField(default=dict)

    objects = LineQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["about_kind", "about_id", "-id"], name="line_of_object"),
            models.Index(fields=["by"], name="line_by_person", condition=models.Q(by__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.about_kind}:{self.about_id}"
