"""Who sees an event, written down in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.calendar.access import readers_of
from box.core.access.principals import is_private

if TYPE_CHECKING:
    from box.apps.calendar.models import Event


def write_audience(event: Event) -> None:
    """As its calendar and those who take part have it now."""
    people = event.attendances.values_list("user_id", flat=True)
    event.audience = readers_of(event, people)
    event.is_private = is_private(event.audience)
    event.save(update_fields=["audience", "is_private"])
