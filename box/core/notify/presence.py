"""Who is here: noted once in some minutes by each worker, and never a reason for a request to fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from box.core.notify.models import Presence
from box.core.registry.health import is_read_only

NOTED_EVERY_SECONDS = 180.0
# Longer than the pause between two notes: who clicks is not away.
AWAY_AFTER = timedelta(minutes=15)


class PresenceMiddleware:
    """A write a request would be the dearest part of most of them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._noted: dict[int, float] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Not evaluated by us: of a page that asked for nobody we don't either.
        user = getattr(request, "user", None)
        if user is not None and getattr(user, "is_authenticated", False) and self._is_due(user.pk):
            note(user.pk)
        return response

    def _is_due(self, user_id: int) -> bool:
        now = time.monotonic()
        if now - self._noted.get(user_id, -NOTED_EVERY_SECONDS) < NOTED_EVERY_SECONDS:
            return False
        self._noted[user_id] = now
        return not is_read_only()


def note(user_id: int) -> None:
    table = Presence._meta.db_table
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{table}" (user_id, seen_at) VALUES (%s, now())'  # noqa: S608 - our own table's name
                " ON CONFLICT (user_id) DO UPDATE SET seen_at = excluded.seen_at",
                [user_id],
            )
    except DatabaseError:
        # A standby, a full disk: what was asked for is answered all the same.
        return
