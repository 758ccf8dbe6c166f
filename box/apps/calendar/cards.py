"""A request for a room, as a notice names it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.urls import reverse

from box.apps.calendar.access import can_approve
from box.apps.calendar.models import RoomRequest
from box.apps.calendar.occurrences import Occurrence
from box.apps.calendar.said import when
from box.core.registry.capabilities import Card

if TYPE_CHECKING:
    from box.core.accounts.models import User


def request_cards(ids: Collection[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`: for those who answer it, and whose it is."""
    found = RoomRequest.objects.filter(pk__in=ids).select_related("room", "event")
    return {one.pk: card for one in found if (card := _card(one, reader)) is not None}


def _card(request: RoomRequest, reader: User) -> Card | None:
    event = request.event
    if reader.pk in (request.asked_by_id, event.organizer_id):
        url = event.get_absolute_url()
    elif can_approve(reader, request.room):
        url = reverse("calendar:room-requests")
    else:
        return None
    times = when(Occurrence(event, event.starts_at, event.ends_at)).text
    return Card(
        request.ref, f"{request.room}, {times}", url, icon="door", state=request.get_state_display(),
        tone={"waiting": "warn", "refused": "bad"}.get(request.state, "good"),
    )  # fmt: skip
