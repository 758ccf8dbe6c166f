"""What a request is about, as far as its person may see it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404

from box.apps.calendar.access import has_own_calendar, shared_codes
from box.apps.calendar.models import Calendar, Event
from box.apps.calendar.occurrences import Occurrence, occurrence_at
from box.core.access.principals import code_of
from box.lib.pages import lead_on, number_of, wants_part, with_toast

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.core.accounts.requests import PersonRequest

CHANGED = "calendar-changed"
"""The event by which a page hears that it is to fetch what it shows anew."""
DONE = "calendar-done"
"""The same, and that the dialog which asked for it may close."""


def event_of(request: PersonRequest, pk: int) -> Event:
    seen = (
        Event.objects.visible_to(request.user)
        .there()
        .select_related("calendar", "organizer", "series", "room")
    )
    return get_object_or_404(seen, pk=pk)


def calendar_of(request: PersonRequest, pk: int) -> Calendar:
    """One that this person has: their own, or one that they share."""
    codes = shared_codes(request.user)
    if has_own_calendar(request.user):
        codes.append(code_of(request.user))
    return get_object_or_404(Calendar, pk=pk, code__in=codes)


def time_of(event: Event, data: QueryDict) -> Occurrence:
    """The time of the event that the address means, by default its first. A time that is none is 404."""
    seconds = number_of(data, "at")
    if seconds is None or not event.rule:
        return Occurrence(event, event.starts_at, event.ends_at)
    try:
        found = occurrence_at(event, datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        found = None
    if found is None:
        raise Http404
    return found


def done(request: PersonRequest, said: str, *, to: str, undo: str = "", label: str = "") -> HttpResponse:
    """After something was done: the dialog closes and the page renews itself; without one, on to a page."""
    if not wants_part(request):
        return lead_on(request, to, said)
    action = {"label": label, "url": undo, "values": {}} if undo else None
    return with_toast(HttpResponse(status=204), said, action=action, event=DONE)


def problem_of(error: ValidationError) -> str:
    return " ".join(error.messages)
