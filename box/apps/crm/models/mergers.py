"""Records that were made one, so that it can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils import timezone

from box.apps.crm.models.records import Record
from box.core.accounts.models import User

if TYPE_CHECKING:
    from datetime import datetime

KEPT_FOR = timedelta(days=30)


class MergerQuerySet(models.QuerySet["Merger"]):
    def revocable(self, now: datetime) -> Self:
        return self.filter(taken_back_at=None, at__gt=now - KEPT_FOR)

    def seen_by(self, reader: User) -> Self:
        """Those of which the reader saw what has gone."""
        return self.filter(gone__in=Record.objects.visible_to(reader))

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def expired(self, now: datetime) -> Self:
        return self.filter(at__lte=now - KEPT_FOR).exclude(moved={}, filled=[])


class Merger(models.Model):
    """That `gone` became a part of `kept`.

    `moved`: by relation the rows that went along; `filled`: by field what was empty before. Rows that would
    have been there twice stayed with what is gone.
    """

    kept = models.ForeignKey(Record, models.CASCADE, related_name="mergers")
    gone = models.ForeignKey(Record, models.CASCADE, related_name="merged_by")
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    moved = models.JSONField(default=dict)
    filled = models.JSONField(default=list)
    taken_back_at = models.DateTimeField(null=True)

    objects = MergerQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["at"], name="crm_merger_by_time")]

    def __str__(self) -> str:
        return f"{self.gone_id} into {self.kept_id}"
