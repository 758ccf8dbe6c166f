"""What people answer to is written down, for the report of former rights."""

from __future__ import annotations

from django.utils import timezone

from box.core.access.actions import note_standing
from box.core.access.events import AccessChanged
from box.core.events.outbox import on


@on(AccessChanged)
def remember(event: AccessChanged) -> None:
    now = timezone.now()
    for user_id in event.user_ids:
        note_standing(user_id, now)
