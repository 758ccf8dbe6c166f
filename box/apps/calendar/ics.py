"""Events as other programs read them: iCalendar (RFC 5545), rows in, bytes out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Calendar, vRecur
from icalendar import Event as Component

if TYPE_CHECKING:
    from box.apps.calendar.models import Event

TYPE = "text/calendar; charset=utf-8"
# What is long over is of no use to a program that asks every hour.
PAST = timedelta(days=90)
MOST = 3000


def written(events: Iterable[Event], name: str, *, hides_private: bool = False) -> bytes:
    """These events as one calendar. An exception stands with its series under one name, as programs expect;
    with `hides_private` they learn of private ones only that the time is taken."""
    events = list(events)
    moved: dict[int, set[datetime]] = defaultdict(set)
    for event in events:
        if event.series_id is not None and event.original_at is not None:
            moved[event.series_id].add(event.original_at)
    found = Calendar()
    found.add("prodid", "-//Korobka//Calendar//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add("x-wr-calname", name)
    for event in events:
        found.add_component(_component(event, moved[event.pk], hides_private and event.is_confidential))
    found.add_missing_timezones()
    return bytes(found.to_ical())


def _component(event: Event, moved: set[datetime], is_hidden: bool) -> Component:
    one = Component()
    one.add("uid", f"{event.series_id or event.pk}@{urlsplit(settings.PORTAL_URL).hostname}")
    one.add("dtstamp", event.changed_at.astimezone(UTC))
    one.add("sequence", event.version)
    one.add("dtstart", _moment(event, event.starts_at))
    one.add("dtend", _moment(event, event.ends_at))
    if event.rule:
        one.add("rrule", vRecur.from_ical(event.rule))
        # A time that takes place otherwise is said by itself, and not left out.
        left_out = [_moment(event, one_time) for one_time in event.excluded if one_time not in moved]
        if left_out:
            one.add("exdate", left_out)
    if event.original_at is not None:
        one.add("recurrence-id", _moment(event, event.original_at))
    one.add("transp", "TRANSPARENT" if event.is_free else "OPAQUE")
    one.add("summary", _("Busy") if is_hidden else event.title)
    if is_hidden:
        one.add("class", "PRIVATE")
        return one
    if where := ", ".join(filter(None, [event.room.name if event.room else "", event.place])):
        one.add("location", where)
    if event.description:
        one.add("description", event.description)
    one.add("url", f"{settings.PORTAL_URL}{event.get_absolute_url()}")
    return one


def _moment(event: Event, moment: datetime) -> object:
    local = moment.astimezone(event.tz)
    return local.date() if event.is_all_day else local
