"""Events as other programs read them: iCalendar (RFC 5545), rows in, bytes out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Timezone, vCalAddress, vRecur, vText
from icalendar import Event as Component

from box.core.registry.dav import dav_host

if TYPE_CHECKING:
    from box.apps.calendar.models import Event

TYPE = "text/calendar; charset=utf-8"
PRODUCT = "-//Korobka//Calendar//EN"
# What is long over is of no use to a program that asks every hour.
PAST = timedelta(days=90)
MOST = 3000


@dataclass(frozen=True)
class Person:
    """Somebody in an event; `answer` is a PARTSTAT, and of who invites empty."""

    email: str
    name: str
    answer: str = ""


@dataclass(frozen=True)
class People:
    organizer: Person
    attendees: tuple[Person, ...] = ()


def uid_of(event: Event) -> str:
    """A series and its exceptions have one."""
    root = event.series or event
    return root.uid or f"{root.pk}@{dav_host()}"


def written(events: Iterable[Event], name: str, *, hides_private: bool = False) -> bytes:
    """These events as one calendar. An exception stands with its series under one name, as programs expect;
    with `hides_private` they learn of private ones only that the time is taken."""
    events = list(events)
    moved = moved_times(events)
    components = [
        component(event, moved[event.pk], is_hidden=hides_private and event.is_confidential)
        for event in events
    ]
    return enclosing(components, method="PUBLISH", name=name)


def enclosing(components: Iterable[Component], *, method: str = "", name: str = "") -> bytes:
    """These as one calendar, with the time zones that they name."""
    found = Calendar()
    found.add("prodid", PRODUCT)
    found.add("version", "2.0")
    if method:
        found.add("method", method)
    if name:
        found.add("x-wr-calname", name)
    for one in components:
        found.add_component(one)
    for zone in sorted(found.get_missing_tzids()):
        if (described := _described(zone)) is not None:
            found.subcomponents.insert(0, described)
    return bytes(found.to_ical())


@cache
def _described(zone: str) -> Timezone | None:
    """Once a process: it takes longer than all the rest of an object. None: the database has no such zone."""
    try:
        return Timezone.from_tzid(zone)
    except ValueError:
        return None


def moved_times(events: Iterable[Event]) -> dict[int, set[datetime]]:
    """Of each series the times in whose place one of these events stands."""
    found: dict[int, set[datetime]] = defaultdict(set)
    for event in events:
        if event.series_id is not None and event.original_at is not None:
            found[event.series_id].add(event.original_at)
    return found


def component(
    event: Event, moved: set[datetime], *, is_hidden: bool = False, people: People | None = None,
    remind_minutes: int | None = None,
) -> Component:  # fmt: skip
    one = Component()
    one.add("uid", uid_of(event))
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
        one.add("recurrence-id", _original(event, event.original_at))
    one.add("transp", "TRANSPARENT" if event.is_free else "OPAQUE")
    one.add("summary", _("Busy") if is_hidden else event.title)
    if is_hidden:
        one.add("class", "PRIVATE")
        return one
    if event.is_confidential:
        one.add("class", "PRIVATE")
    if where := ", ".join(filter(None, [event.room.name if event.room else "", event.place])):
        one.add("location", where)
    if event.description:
        one.add("description", event.description)
    one.add("url", f"{settings.PORTAL_URL}{event.get_absolute_url()}")
    if people is not None:
        _add_people(one, people)
    if remind_minutes is not None:
        one.add_component(_alarm(event.title, remind_minutes))
    if event.kept_lines:
        _add_kept(one, event.kept_lines)
    return one


def _add_people(one: Component, people: People) -> None:
    one.add("organizer", _address(people.organizer))
    for person in people.attendees:
        address = _address(person)
        address.params["ROLE"] = vText("REQ-PARTICIPANT")
        address.params["PARTSTAT"] = vText(person.answer)
        if person.answer == "NEEDS-ACTION":
            address.params["RSVP"] = vText("TRUE")
        one.add("attendee", address)


def _address(person: Person) -> vCalAddress:
    address = vCalAddress(f"mailto:{person.email}")
    if person.name:
        address.params["CN"] = vText(person.name)
    return address


def _alarm(title: str, minutes: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", -timedelta(minutes=minutes))
    return alarm


def _add_kept(one: Component, lines: str) -> None:
    kept = Component.from_ical(f"BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\n")
    for name in kept:
        # How private it is stands in place of that it is; what is private no more, is not so here either.
        if (name == "CLASS") == (name in one):
            one[name] = kept[name]


def _moment(event: Event, moment: datetime) -> object:
    local = moment.astimezone(event.tz)
    return local.date() if event.is_all_day else local


def _original(event: Event, moment: datetime) -> object:
    """In the terms of the series: a day where it lasts whole days."""
    return _moment(event.series or event, moment)
