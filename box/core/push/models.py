"""Messages on their way to the browsers."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import close_old_connections, connection, models
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


def has_given(number: int) -> bool:
    """Whether the database has numbered so many messages. Yes where nobody leads: a copy cannot say no."""
    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(max(number), 0) >= %s OR pg_is_in_recovery() FROM push_pushmessage", [number]
            )
            (answer,) = cursor.fetchone()
            return bool(answer)
    finally:
        close_old_connections()
