"""The audit log. Its rows are only ever added; the seal shows a row that was changed or taken away."""

from __future__ import annotations

from typing import Any, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Concat, Lower
from django.utils import timezone

from box.lib.search_words import words_of


class RecordQuerySet(models.QuerySet["AuditRecord"]):
    def newest_first(self) -> Self:
        return self.order_by("-at", "-id")

    def matching(self, text: str) -> Self:
        """Each word of the text is in who it was or in what it was about."""
        found = self
        for word in words_of(text):
            found = found.filter(search_text__contains=word)
        return found

    def sealed(self) -> Self:
        return self.exclude(position=None)


class AuditRecord(models.Model):
    """Something that was done. No foreign keys: what it tells of may go, the record stays as it was."""

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=80)
    by_id = models.BigIntegerField(null=True)
    # Who it was, as they were called then; of whoever has no row in the portal it is all there is.
    actor = models.TextField(blank=True)
    address = models.GenericIPAddressField(null=True)
    about_kind = models.CharField(max_length=40, blank=True)
    about_id = models.BigIntegerField(null=True)
    about_name = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    # Names a record of another log, so that it is taken over once.
    source = models.CharField(max_length=100, null=True, unique=True)  # noqa: DJ001 - many have none
    search_text = models.GeneratedField(
        expression=Lower(Concat("actor", models.Value(" "), "about_name", output_field=models.TextField())),
        output_field=models.TextField(),
        db_persist=True,
    )

    # The seal: its place in the chain, and the hash over itself and the one before.
    position = models.BigIntegerField(null=True, unique=True)
    seal = models.CharField(max_length=64, blank=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["at", "id"], name="audit_by_time"),
            models.Index(fields=["by_id", "at", "id"], name="audit_by_person"),
            models.Index(fields=["kind", "at", "id"], name="audit_by_kind"),
            models.Index(fields=["id"], name="audit_unsealed", condition=Q(position=None)),
            GinIndex(OpClass("search_text", "gin_trgm_ops"), name="audit_search", fastupdate=False),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} {self.actor}"

    def sealed_content(self) -> dict[str, Any]:
        """Everything that the seal covers."""
        return {
            "at": self.at.astimezone(timezone.get_fixed_timezone(0)).isoformat(timespec="microseconds"),
            **{
                name: getattr(self, name)
                for name in (
                    *("id", "kind", "by_id", "actor", "address", "about_kind", "about_id", "about_name"),
                    *("details", "source", "position"),
                )
            },
        }


class Anchor(models.Model):
    """One row: the last record that retention has removed. The chain that is left begins behind it."""

    position = models.BigIntegerField(default=0)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.position}: {self.seal}"


class Cursor(models.Model):
    """How far another log was read, or this one was sent."""

    name = models.CharField(max_length=80, primary_key=True)
    value = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
