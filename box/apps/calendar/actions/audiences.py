"""Who sees an event, written down in it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import batched
from typing import TYPE_CHECKING

from box.apps.calendar.access import readers_of
from box.apps.calendar.events import EventsRewritten
from box.core.access.principals import is_private
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from box.apps.calendar.models import Event

MOST_TOLD = 1_000


def write_audience(event: Event) -> None:
    """As its calendar and those who take part have it now."""
    people = event.attendances.values_list("user_id", flat=True)
    event.audience = readers_of(event, people)
    event.is_private = is_private(event.audience)
    event.save(update_fields=["audience", "is_private"])


def tell_rewritten(event_ids: Iterable[int]) -> None:
    """Before the rows go, or once they are written: whoever keeps a copy of them reads them again."""
    for some in batched(event_ids, MOST_TOLD, strict=False):
        emit(EventsRewritten(event_ids=some))
