"""The outbox: what happened, and who still has to hear of it."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models.expressions import Expression
from django.utils import timezone


class Event(models.Model):
    """Something that happened, stored in the transaction that made it happen."""

    kind = models.CharField(max_length=100)
    payload = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    # From where it was caused: see box.core.registry.origin.
    origin = models.JSONField(default=dict, db_default={})

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="event_age")]

    def __str__(self) -> str:
        return f"{self.kind} {self.payload}"

    @property
    def imported_at(self) -> datetime | None:
        """When it happened elsewhere, of what was taken over from there."""
        at = self.origin.get("imported_at")
        return datetime.fromisoformat(at) if at else None


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime | Expression) -> DeliveryQuerySet:
        return self.filter(completed_at=None, due_at__lte=now)


class Delivery(models.Model):
    """One event for one handler: taken under a lock, and completed with what the handler writes."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    handler = models.CharField(max_length=200)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    completed_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["due_at", "id"], name="delivery_due", condition=models.Q(completed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} for {self.handler}"


class Nonce(models.Model):
    """A form that was posted, and what came of it."""

    actor_id = models.BigIntegerField()
    value = models.CharField(max_length=64)
    # What came of it, as `app.Model:pk`.
    result = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor_id", "value"], name="nonce_once_per_actor")]
        indexes = [models.Index(fields=["created_at"], name="nonce_age")]

    def __str__(self) -> str:
        return self.value
