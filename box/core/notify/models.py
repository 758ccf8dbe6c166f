"""What a person should know. One row a person, and so never for something said to all."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone

from box.core.accounts.models import User


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> Self:
        return self.filter(read_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def before(self, notification_id: int) -> Self:
        """The page below this one."""
        return self.filter(id__lt=notification_id)


class Notification(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="notifications", db_index=False)
    # What happened, as `<room>.<event>`: chooses the sentence.
    kind = models.CharField(max_length=60)
    # The object it is about, as a core reference.
    about_kind = models.CharField(max_length=40)
    about_id = models.BigIntegerField()
    actor = models.ForeignKey(User, models.CASCADE, null=True, related_name="+", db_index=False)
    # The same thing is told once: an event's handler may run again.
    key = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_newest"),
            models.Index(
                fields=["user"], name="notification_unread", condition=models.Q(read_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"
