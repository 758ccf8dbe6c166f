"""Messages on their way to the browsers."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class PushMessage(models.Model):
    """What changed and who may know it; kept for an hour, for those who reconnect.

    `number` is null until the publisher has seen the message committed. Ids are taken when a transaction
    inserts and seen when it commits, in another order, so nobody can follow ids without missing some;
    numbers are given in one process, without gaps, and can be followed.
    """

    number = models.BigIntegerField(unique=True, null=True)
    topic = models.TextField()
    kind = models.TextField()
    audience: ArrayField[list[str], list[str]] = ArrayField(models.TextField())
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(number=None), name="push_not_yet_numbered"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.kind} for {', '.join(self.audience)}"
