"""What pages show of calendars and events, in as many queries for fifty as for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_edit, can_write, has_own_calendar, shared_codes, writable_codes
from box.apps.calendar.actions.calendars import make_missing
from box.apps.calendar.models import Attendance, Booking, Calendar, Event, RoomRequest
from box.apps.calendar.occurrences import WIDEST_OFFSET, Occurrence, occurrences
from box.apps.calendar.said import utc_day, when
from box.apps.calendar.slots import FARTHEST_DAYS, Workday, next_slots
from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.people.models import Absence
from box.core.portal.calendar import work_calendar, working_hours
from box.core.registry.capabilities import calendar_layers
from box.core.registry.company import company_zone
from box.core.registry.services import is_on
from box.core.structure.names import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from box.apps.calendar.models import Room, RoomRequestQuerySet
    from box.apps.calendar.said import When
    from box.core.accounts.models import User
    from box.core.registry.capabilities import LayerItem

LONGEST_WINDOW = timedelta(days=100)
MOST_CALENDARS = 100


@dataclass(frozen=True)
class Shown:
    """A calendar beside the page: `key` is how its switch and its events know each other."""

    pk: int
    name: str
    color: str
    can_write: bool
    is_mine: bool
    is_main: bool
    href: str = ""
    """Where the program looks for it that has made it."""

    @property
    def key(self) -> str:
        return f"calendar-{self.pk}"


def calendars_of(reader: User) -> list[Shown]:
    """Their own, and those of their groups, departments and the company: in three queries. Each principal has
    its first from the moment on that somebody looks."""
    codes = shared_codes(reader)
    own = code_of(reader)
    if has_own_calendar(reader):
        codes = [own, *codes]
    make_missing(codes)
    found = list(Calendar.objects.filter(code__in=codes).in_order()[:MOST_CALENDARS])
    names = {
        code: one.name for code, one in named({one.code for one in found} - {own}, reader=reader).items()
    }
    names[EVERYONE] = _("Company")
    shown = [
        Shown(
            *(one.pk, _name(one, own, names), one.color, can_write(reader, one)),
            is_mine=one.code == own,
            is_main=one.is_main,
            href=one.href,
        )
        for one in found
        if one.code == own or one.code in names
    ]
    return sorted(shown, key=lambda one: (not one.is_mine, not one.is_main))


def _name(calendar: Calendar, own: str, names: Mapping[str, str]) -> str:
    if calendar.name:
        return calendar.name
    return _("My calendar") if calendar.code == own else names[calendar.code]


def name_of(calendar: Calendar, reader: User) -> str:
    if calendar.name:
        return calendar.name
    if calendar.code == code_of(reader):
        return _("My calendar")
    if calendar.code == EVERYONE:
        return _("Company")
    whose = named([calendar.code], reader=reader).get(calendar.code)
    return whose.name if whose else _("A calendar that nobody has any more")


def events_of(reader: User, since: datetime, before: datetime) -> list[tuple[Event, Attendance | None]]:
    """All that a reader's own calendar shows: what they take part in, and what is in the calendars that they
    share with others. In two queries."""
    since, before = since - WIDEST_OFFSET, before + WIDEST_OFFSET
    own = Attendance.objects.overlapping(since, before).filter(user=reader)
    mine = {
        one.event_id: one
        for one in own.select_related("event__calendar").exclude(answer=Attendance.Answer.DECLINED)
    }
    declined = Attendance.objects.filter(user=reader, answer=Attendance.Answer.DECLINED).values("event")
    shared = (
        Event.objects.visible_to(reader).there().overlapping(since, before)
        .filter(Q(calendar__code__in=shared_codes(reader)))
        .exclude(pk__in=[one.event_id for one in mine.values()]).exclude(pk__in=declined)
        .select_related("calendar")
    )  # fmt: skip
    return [*((one.event, one) for one in mine.values()), *((event, None) for event in shared)]


def items_of(reader: User, since: datetime, before: datetime) -> list[dict[str, Any]]:
    """The times of events in a stretch, as FullCalendar reads them."""
    found = events_of(reader, since, before)
    answers = {event.pk: one for event, one in found}
    own, writable = code_of(reader), writable_codes(reader)
    times = occurrences((event for event, _answer in found), since - WIDEST_OFFSET, before + WIDEST_OFFSET)
    return [
        _item(one, answers[one.event.pk], own, editable=can_edit(reader, one.event, writable))
        for one in times
    ]


def _item(one: Occurrence, answer: Attendance | None, own: str, *, editable: bool) -> dict[str, Any]:
    event = one.event
    # What somebody is asked to from the calendar of another person stands in their own.
    is_guest = event.calendar.is_personal and event.calendar.code != own
    waiting = answer is not None and answer.answer in (Attendance.Answer.WAITING, Attendance.Answer.TENTATIVE)
    return {
        "id": f"{event.pk}-{int(one.starts_at.timestamp())}",
        "title": event.title,
        **times_of(one),
        "editable": editable,
        "extendedProps": {
            "event": event.pk,
            "at": one.original_at.isoformat() if event.rule and one.original_at else "",
            "recurs": bool(event.rule or event.series_id),
            "calendar": "" if is_guest else f"calendar-{event.calendar_id}",
            "color": "" if is_guest else event.calendar.color,
            "open": waiting,
            "private": event.is_confidential,
            "place": event.place,
            "url": f"{event.get_absolute_url()}{at_of(one)}",
        },
    }


def at_of(one: Occurrence) -> str:
    """What the address of an event says of the time that is meant."""
    return f"?at={int(one.starts_at.timestamp())}" if one.event.rule else ""


def times_of(one: Occurrence) -> dict[str, Any]:
    if one.event.is_all_day:
        return {"start": str(utc_day(one.starts_at)), "end": str(utc_day(one.ends_at)), "allDay": True}
    return {"start": one.starts_at.isoformat(), "end": one.ends_at.isoformat(), "allDay": False}


@dataclass(frozen=True)
class LayerSwitch:
    key: str
    label: str
    icon: str
    is_on_at_first: bool


def layer_switches() -> list[LayerSwitch]:
    layers = [(key, one) for key, one in calendar_layers.items() if is_on(key.partition(".")[0])]
    layers.sort(key=lambda pair: pair[1].order)
    return [LayerSwitch(key, str(one.label), one.icon, one.is_on_at_first) for key, one in layers]


def layer_items(keys: Iterable[str], reader: User, since: datetime, before: datetime) -> list[dict[str, Any]]:
    """What other rooms show in the calendar, of the layers that are switched on."""
    return [
        _layer_item(key, one)
        for key in dict.fromkeys(keys)
        if key in calendar_layers and is_on(key.partition(".")[0])
        for one in calendar_layers[key].items(reader, since, before)
    ]


def _layer_item(key: str, one: LayerItem) -> dict[str, Any]:
    whole = not isinstance(one.starts, datetime)
    ends = one.ends + timedelta(days=1) if whole else one.ends
    return {
        "id": f"{key}-{one.key}",
        "title": one.title,
        "start": one.starts.isoformat(),
        "end": ends.isoformat(),
        "allDay": whole,
        "editable": False,
        "extendedProps": {"layer": key, "tone": one.tone, "url": one.url},
    }


@dataclass(frozen=True)
class Block:
    """A stretch of somebody's day that is taken: `title` and `url` only for whoever may know what it is."""

    starts: datetime
    ends: datetime
    title: str
    url: str
    minutes: tuple[int, int]
    """Of the day that is shown, from its midnight."""
    is_waiting: bool = False
    """Of a room: whoever keeps it has not said yet that they get it."""


@dataclass(frozen=True)
class Column:
    person: User
    blocks: Sequence[Block]


def team_day(reader: User, people: Sequence[User], on: date) -> list[Column]:
    """Whose time is taken when, side by side: in one query."""
    zone = timezone.get_current_timezone()
    since = datetime(on.year, on.month, on.day, tzinfo=zone)
    before = since + timedelta(days=1)
    blocks: dict[int, list[Block]] = {one.pk: [] for one in people}
    for user_id, one in taken(people, since, before):
        is_known = sees(reader, one.event)
        title = one.event.title if is_known else _("Busy")
        url = f"{one.event.get_absolute_url()}{at_of(one)}" if is_known else ""
        starts, ends = _bounds(one, zone)
        if starts < before and ends > since:
            minutes = _minutes(max(starts, since) - since), _minutes(min(ends, before) - since)
            here = starts.astimezone(zone), ends.astimezone(zone)
            blocks[user_id].append(Block(*here, title, url, minutes))
    return [Column(one, sorted(blocks[one.pk], key=lambda block: block.starts)) for one in people]


def rooms_day(reader: User, rooms: Sequence[Room], on: date) -> list[tuple[Room, list[Block]]]:
    """Which room is taken when: in one query."""
    zone = timezone.get_current_timezone()
    since = datetime(on.year, on.month, on.day, tzinfo=zone)
    before = since + timedelta(days=1)
    found = Booking.objects.filter(room__in=rooms, span__overlap=DateTimeTZRange(since, before))
    blocks: dict[int, list[Block]] = {one.pk: [] for one in rooms}
    for one in found.select_related("event__organizer", "event__room_request").order_by("span"):
        is_known = sees(reader, one.event)
        title = one.event.title if is_known else one.event.organizer.name
        url = one.event.get_absolute_url() if is_known else ""
        here = one.span.lower.astimezone(zone), one.span.upper.astimezone(zone)
        minutes = _minutes(max(here[0], since) - since), _minutes(min(here[1], before) - since)
        asked = getattr(one.event, "room_request", None)
        is_waiting = asked is not None and asked.is_waiting
        blocks[one.room_id].append(Block(*here, title, url, minutes, is_waiting))
    return [(one, blocks[one.pk]) for one in rooms]


@dataclass(frozen=True)
class Asked:
    """A request for a room; what for, where the reader may know it."""

    request: RoomRequest
    when: When
    title: str
    people: int


def asked_shown(reader: User, requests: RoomRequestQuerySet) -> list[Asked]:
    """In two queries."""
    found = list(requests.select_related("room", "event", "asked_by"))
    asked = Q(event__guests__is_asked=True)
    counts = RoomRequest.objects.filter(pk__in=[one.pk for one in found]).values_list(
        "pk",
        Count("event__attendances", distinct=True) + Count("event__guests", distinct=True, filter=asked),
    )
    people = dict(counts)
    return [
        Asked(
            one,
            when(Occurrence(one.event, one.event.starts_at, one.event.ends_at)),
            one.event.title if sees(reader, one.event) else "",
            people[one.pk],
        )
        for one in found
    ]


@dataclass(frozen=True)
class Suggestion:
    """A time at which all can come, and the rooms that are free then."""

    starts: datetime
    ends: datetime
    rooms: list[Room]


def suggestions(
    people: Sequence[User], length: timedelta, after: datetime, rooms: Sequence[Room],
    way: timedelta = timedelta(0),
) -> list[Suggestion]:  # fmt: skip
    """The next five times at which nobody of these has something else or is away, within working hours: in
    three queries, whoever they are. `way` is what all need before and after anything else to get there."""
    before = after + timedelta(days=FARTHEST_DAYS)
    zone = timezone.get_current_timezone()
    busy = [stretch for _pk, stretch in busy_times(people, after, before)]
    begins, ends = working_hours()
    day = Workday(work_calendar().is_working_day, begins, ends, company_zone())
    found = next_slots(busy, length, after=after, day=day, margin=way)
    booked = list(Booking.objects.filter(room__in=rooms, span__overlap=DateTimeTZRange(after, before)))
    return [
        Suggestion(start.astimezone(zone), end.astimezone(zone), _free_rooms(rooms, booked, start, end))
        for start, end in found
    ]


def busy_times(
    people: Sequence[User], since: datetime, before: datetime
) -> list[tuple[int, tuple[datetime, datetime]]]:
    """Who has something else or is away, and when, in two queries. Whole days are those of whoever asks."""
    zone = timezone.get_current_timezone()
    busy = [(pk, _bounds(one, zone)) for pk, one in taken(people, since, before)]
    first, last = since.astimezone(zone).date(), before.astimezone(zone).date()
    for away in Absence.objects.within(first, last).filter(user__in=[one.pk for one in people]):
        begin = datetime.combine(away.starts_on, time(), tzinfo=zone)
        end = datetime.combine(away.ends_on + timedelta(days=1), time(), tzinfo=zone)
        busy.append((away.user_id, (begin, end)))
    return busy


def _free_rooms(
    rooms: Sequence[Room], booked: Sequence[Booking], start: datetime, end: datetime
) -> list[Room]:
    taken_then = {one.room_id for one in booked if one.span.lower < end and one.span.upper > start}
    return [one for one in rooms if one.pk not in taken_then]


def _minutes(length: timedelta) -> int:
    return int(length.total_seconds()) // 60


def _bounds(one: Occurrence, zone: Any) -> tuple[datetime, datetime]:
    """Whole days are those of whoever looks."""
    if not one.event.is_all_day:
        return one.starts_at, one.ends_at
    starts, ends = one.starts_at.astimezone(UTC), one.ends_at.astimezone(UTC)
    return starts.replace(tzinfo=zone), ends.replace(tzinfo=zone)


def taken(
    people: Iterable[User], since: datetime, before: datetime, *, but: int = 0
) -> list[tuple[int, Occurrence]]:
    """Whose time is taken by what, in one query; `but` is an appointment that is left out."""
    wide = since - WIDEST_OFFSET, before + WIDEST_OFFSET
    ids = [one.pk for one in people]
    rows = (
        Attendance.objects.overlapping(*wide).taken().filter(user__in=ids).select_related("event__calendar")
    )
    if but:
        rows = rows.exclude(event__appointment=but)
    return [(row.user_id, one) for row in rows for one in occurrences([row.event], *wide)]


def sees(reader: User, event: Event) -> bool:
    """Whether this person may know what it is; the row is read already."""
    if reader.is_administrator and not event.is_private:
        return True
    return not codes_of(reader).isdisjoint(event.audience)
