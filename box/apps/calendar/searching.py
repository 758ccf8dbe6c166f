"""Events are found by whoever sees what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from box.apps.calendar.events import EventChanged, EventCreated, EventRemoved, EventsRewritten
from box.apps.calendar.models import Event
from box.core.registry.capabilities import Findable, Searchable, Touched


def _read(ids: Sequence[int]) -> Iterable[Findable]:
    for event in Event.objects.there().filter(pk__in=ids):
        yield Findable(
            id=event.pk,
            title=event.title,
            body=f"{event.place}\n{event.description}",
            url=event.get_absolute_url(),
            audience=event.audience,
            at=event.starts_at,
            is_private=event.is_private,
        )


def _touched(event: Any) -> Touched:
    # A change may have made another row of one time, or ended some.
    related = Event.objects.filter(pk=event.event_id).values_list("series", "exceptions")
    return Touched({event.event_id, *(pk for row in related for pk in row if pk is not None)})


def _rewritten(event: Any) -> Touched:
    return Touched(set(event.event_ids))


EVENTS = Searchable(
    label=_("Events"),
    icon="calendar-event",
    order=45,
    read=_read,
    rows=Event.objects.there,
    touched_by={
        **dict.fromkeys((EventCreated, EventChanged, EventRemoved), _touched),
        EventsRewritten: _rewritten,
    },
)
