"""What a calendar file says, in our terms. A part that cannot be read spoils no other: of an event without a
beginning nothing is kept, and `Read.refused` says how many there were."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar
from icalendar.cal import Component
from icalendar.timezone import tzp

from box.lib.icalendars.zones import zone_named
from box.lib.moments import EARLIEST, LATEST
from box.lib.recurrence import local_moment

LARGEST = 16 * 2**20
MOST_ITEMS = 10_000
MOST_LINES = 400_000
"""The largest file, of lines of 40 bytes: each costs icalendar as much, however short it is."""
MOST_VALUES = 1_000_000
"""And parameters: what commas and semicolons part, in texts too."""
# There are about 600 in the world.
MOST_ZONES = 700
MOST_EXCLUDED = 2_000
DEEPEST = 8
LONGEST_KEPT = 8_000
LONGEST_LEAD = timedelta(days=366)
ONE_DAY = timedelta(days=1)
_BEGIN = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*BEGIN:VCALENDAR\s", re.IGNORECASE)
# As icalendar unfolds: from the first of several ends of line, and so once.
_FOLD = re.compile(rb"(?:(?<!\n)\r\n|(?<![\r\n])\n)(?:\r?\n)*[ \t]")
_PART = re.compile(rb'^(BEGIN|END)(?:;(?:[^":\n]|"[^"\n]*")*)?:([^\n]*)', re.IGNORECASE | re.MULTILINE)
_KINDS = ("VEVENT", "VTODO")
# What clients write of their own, or what has no place here: given back to them as it came.
_KEPT = re.compile(
    r"X-[A-Z0-9-]+|CATEGORIES|COLOR|GEO|PRIORITY|CONFERENCE|STATUS|RESOURCES|CONTACT|CLASS|RELATED-TO"
)
# Of the program that sent it, not of the event: alarms that rang, and what an account calls it.
_LEFT = re.compile(r"X-MOZ-(LASTACK|SNOOZE).*|X-MICROSOFT-.*|X-GOOGLE-CALENDAR-.*|X-ALT-DESC")


class NotCalendar(ValueError):
    """It is no calendar, or larger than any. Says why, in English."""


@dataclass(frozen=True)
class Attendee:
    email: str
    name: str = ""
    answer: str = "NEEDS-ACTION"
    """PARTSTAT, as RFC 5545 has it."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """An event or a to-do. What lasts whole days begins and ends at midnight in UTC, and ends the day after
    its last; `zone` is the place whose local time stays."""

    kind: str
    uid: str
    zone: str
    title: str = ""
    description: str = ""
    place: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    """Of a to-do when it is due."""
    is_all_day: bool = False
    rule: str = ""
    excluded: tuple[datetime, ...] = ()
    original_at: datetime | None = None
    """Of one time of a series: when it would have begun."""
    original_is_day: bool = False
    is_cancelled: bool = False
    is_confidential: bool = False
    is_free: bool = False
    sequence: int = 0
    organizer: str = ""
    attendees: tuple[Attendee, ...] = ()
    alarms: tuple[int, ...] = ()
    """Minutes before the beginning, each once."""
    completed_at: datetime | None = None
    status: str = ""
    percent: int | None = None
    priority: int = 0
    comment: str = ""
    kept: str = ""
    """Lines of properties that have no other place, to be given back to whoever asks for the object."""


@dataclass
class Read:
    """A file: its items in order, and what of it was none."""

    method: str = ""
    name: str = ""
    items: list[Item] = field(default_factory=list)
    refused: int = 0


def is_icalendar(head: bytes) -> bool:
    return _BEGIN.match(head) is not None


def read(data: bytes, *, zone: str) -> Read:
    """`zone` is for times without one. Raises NotCalendar."""
    found = Read()
    for calendar in components(data):
        _gather(calendar, found, zone)
    return found


def components(data: bytes) -> Sequence[Component]:
    """The calendars of a file as icalendar has them. Raises NotCalendar.

    Zones that the file describes itself are the sender's word: whoever asks one of them for an offset follows
    its rule from 1970 on, which may be one of every second.
    """
    data = data.replace(b"\x00", b"")
    _demand_bounds(data)
    try:
        calendars = Calendar.from_ical(data.decode("utf-8-sig", errors="replace"), multiple=True)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError, OverflowError) as error:
        raise NotCalendar(f"It does not read as iCalendar: {error}") from None
    finally:
        # icalendar keeps each of them for the whole process.
        tzp.use_zoneinfo()
    if not calendars:
        raise NotCalendar("There is no whole calendar in it.")
    return calendars


def _demand_bounds(data: bytes) -> None:
    """Before anything of it is parsed."""
    if len(data) > LARGEST:
        raise NotCalendar(f"It is larger than {LARGEST // 2**20} MB.")
    if data.count(b"\n") > MOST_LINES:
        raise NotCalendar("It has too many lines.")
    if data.count(b",") + data.count(b";") > MOST_VALUES:
        raise NotCalendar("It has too many values in its lines.")
    depth = items = zones = 0
    for match in _PART.finditer(_FOLD.sub(b"", data)):
        begins = match[1].upper() == b"BEGIN"
        depth += 1 if begins else -1
        if depth > DEEPEST:
            raise NotCalendar("Its parts are nested too deeply.")
        kind = match[2].strip().upper().decode("latin-1")
        items += begins and kind in _KINDS
        zones += begins and kind == "VTIMEZONE"
    if items > MOST_ITEMS:
        raise NotCalendar(f"It holds more than {MOST_ITEMS} events.")
    if zones > MOST_ZONES:
        raise NotCalendar(f"It describes more than {MOST_ZONES} time zones.")


def _gather(calendar: Component, found: Read, zone: str) -> None:
    definitions = {str(one.get("TZID", "")): one for one in calendar.walk("VTIMEZONE")}
    found.method = found.method or str(calendar.get("METHOD", "")).upper()
    found.name = found.name or str(calendar.get("X-WR-CALNAME", ""))[:200]
    said = str(calendar.get("X-WR-TIMEZONE", ""))
    reader = _Reader(definitions, zone_named(said, definitions, zone) if said else zone)
    for kind in _KINDS:
        for component in calendar.walk(kind):
            try:
                found.items.append(reader.item(kind, component))
            except (ValueError, TypeError, OverflowError, AttributeError):
                found.refused += 1


@dataclass(frozen=True)
class _Moment:
    at: datetime
    is_day: bool
    zone: str


class _Reader:
    def __init__(self, definitions: Mapping[str, Component], zone: str) -> None:
        self._definitions, self._zone = definitions, zone
        self._named: dict[str, str] = {}

    def item(self, kind: str, component: Component) -> Item:
        """Raises ValueError for an event without a beginning."""
        starts = self._moment(component.get("DTSTART"))
        if starts is None and kind == "VEVENT":
            raise ValueError("An event without a beginning.")
        ends = self._end(component, starts, "DUE" if kind == "VTODO" else "DTEND")
        original = self._moment(component.get("RECURRENCE-ID"))
        begins = starts or ends
        rule = _rule(component)
        zone = begins.zone if begins else self._zone
        if rule and _is_in_utc(component.get("DTSTART")):
            # What recurs in UTC does so all the year, wherever clocks are put forward.
            zone = "UTC"
        status = str(component.get("STATUS", "")).upper()
        return Item(
            kind=kind,
            uid=str(component.get("UID", "")).strip()[:500],
            zone=zone,
            title=_text(component, "SUMMARY", 200),
            description=_text(component, "DESCRIPTION", 20_000, keeps_lines=True),
            place=_text(component, "LOCATION", 200),
            starts_at=starts.at if starts else None,
            ends_at=ends.at if ends else None,
            is_all_day=begins.is_day if begins else False,
            rule=rule,
            excluded=self._excluded(component, starts),
            original_at=original.at if original else None,
            original_is_day=original.is_day if original else False,
            is_cancelled=status == "CANCELLED",
            is_confidential=str(component.get("CLASS", "")).upper() in ("PRIVATE", "CONFIDENTIAL"),
            is_free=_is_free(component),
            sequence=_number(component.get("SEQUENCE")) or 0,
            organizer=_email(component.get("ORGANIZER")),
            attendees=tuple(_attendees(component)),
            alarms=_alarms(component),
            completed_at=self._at(component.get("COMPLETED")),
            status=status,
            percent=_number(component.get("PERCENT-COMPLETE")),
            priority=_number(component.get("PRIORITY")) or 0,
            comment=_text(component, "COMMENT", 300),
            kept=_kept(component),
        )

    def _at(self, value: Any) -> datetime | None:
        found = self._moment(value)
        return found.at if found else None

    def _moment(self, value: Any) -> _Moment | None:
        if isinstance(value, list):
            value = value[0]
        moment = getattr(value, "dt", None)
        return self._of(moment, value.params.get("TZID", "")) if moment is not None else None

    def _of(self, moment: Any, tzid: str) -> _Moment:
        """Raises ValueError for what nobody means, and Python cannot say in another zone."""
        if not isinstance(moment, date) or not EARLIEST.year <= moment.year < LATEST.year:
            raise ValueError("No moment, or one that is too far away.")
        if not isinstance(moment, datetime):
            return _Moment(datetime.combine(moment, time(), tzinfo=UTC), True, self._zone)
        if not tzid and moment.tzinfo is not None:
            return _Moment(moment.astimezone(UTC), False, self._zone)
        zone = self._called(tzid) if tzid else self._zone
        return _Moment(local_moment(moment.date(), moment.time(), ZoneInfo(zone)), False, zone)

    def _called(self, tzid: str) -> str:
        """A definition of many parts is looked through once, and not for each moment."""
        if tzid not in self._named:
            self._named[tzid] = zone_named(tzid, self._definitions, self._zone)
        return self._named[tzid]

    def _end(self, component: Component, starts: _Moment | None, name: str) -> _Moment | None:
        """What says nothing of it lasts a day, or, of a moment, half an hour; what ends before it begins,
        too."""
        ends = self._moment(component.get(name))
        if starts is None:
            return ends
        length = getattr(component.get("DURATION"), "dt", None)
        if ends is None and isinstance(length, timedelta):
            ends = _Moment(starts.at + length, starts.is_day, starts.zone)
        if ends is None and name == "DUE":
            return None
        if ends is None or ends.at <= starts.at:
            usual = ONE_DAY if starts.is_day else timedelta(minutes=30)
            return _Moment(starts.at + usual, starts.is_day, starts.zone)
        return ends

    def _excluded(self, component: Component, starts: _Moment | None) -> tuple[datetime, ...]:
        """A day leaves out the time that begins on it."""
        found: set[datetime] = set()
        for one in _listed(component.get("EXDATE")):
            for moment in list(getattr(one, "dts", []))[:MOST_EXCLUDED]:
                if not EARLIEST.year <= moment.dt.year < LATEST.year:
                    continue
                out = self._of(moment.dt, one.params.get("TZID", ""))
                if out.is_day and starts is not None and not starts.is_day:
                    zone = ZoneInfo(starts.zone)
                    local = starts.at.astimezone(zone)
                    found.add(local_moment(out.at.date(), local.time(), zone).astimezone(UTC))
                else:
                    found.add(out.at.astimezone(UTC))
        return tuple(sorted(found)[:MOST_EXCLUDED])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _text(component: Component, name: str, longest: int, *, keeps_lines: bool = False) -> str:
    text = str(next(iter(_listed(component.get(name))), "")).replace("\x00", "")
    text = text.replace("\r\n", "\n").strip() if keeps_lines else " ".join(text.split())
    return text[:longest]


def _number(value: Any) -> int | None:
    try:
        return min(max(int(value), 0), 2**31 - 1)
    except (TypeError, ValueError):
        return None


def _is_in_utc(value: Any) -> bool:
    moment = getattr(value, "dt", None)
    return isinstance(moment, datetime) and moment.tzinfo is not None and not value.params.get("TZID")


def _rule(component: Component) -> str:
    """Doubled rules are folded: the first one is the series."""
    first = next(iter(_listed(component.get("RRULE"))), None)
    return first.to_ical().decode() if first is not None else ""


def _is_free(component: Component) -> bool:
    busy = str(component.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    return str(component.get("TRANSP", "")).upper() == "TRANSPARENT" or busy == "FREE"


def _email(value: Any) -> str:
    """Outlook writes MAILTO, iOS sometimes no scheme at all."""
    text = str(next(iter(_listed(value)), "")).strip()
    address = re.sub(r"^mailto:", "", text, flags=re.IGNORECASE).strip().lower()
    return address if "@" in address and len(address) <= 254 else ""


def _attendees(component: Component) -> Iterator[Attendee]:
    seen: set[str] = set()
    for one in _listed(component.get("ATTENDEE"))[:1000]:
        email = _email(one)
        if email and email not in seen:
            seen.add(email)
            name = str(one.params.get("CN", "")).strip().strip('"')[:200]
            yield Attendee(email, name, str(one.params.get("PARTSTAT", "NEEDS-ACTION")).upper())


def _alarms(component: Component) -> tuple[int, ...]:
    """Minutes before the beginning; what rings at a moment of its own, or after it, is left out."""
    found: set[int] = set()
    for alarm in component.walk("VALARM")[:50]:
        trigger = getattr(alarm.get("TRIGGER"), "dt", None)
        is_of_end = str(getattr(alarm.get("TRIGGER"), "params", {}).get("RELATED", "")).upper() == "END"
        if isinstance(trigger, timedelta) and -LONGEST_LEAD <= trigger <= timedelta(0) and not is_of_end:
            found.add(int(-trigger.total_seconds() // 60))
    return tuple(sorted(found))


def _kept(component: Component) -> str:
    lines: list[str] = []
    for name, value in component.property_items(recursive=False, sorted=True):
        if name == "CLASS" and str(value).upper() != "CONFIDENTIAL":
            # `is_confidential` says it; of the two kinds of it this is the rarer.
            continue
        if _KEPT.fullmatch(name) and not _LEFT.fullmatch(name):
            lines.append(component.content_line(name, value, sorted=True).replace("\r\n", "\n"))
    return _bounded(lines)


def _bounded(lines: Iterable[str]) -> str:
    found, length = [], 0
    for line in lines:
        length += len(line) + 1
        if length > LONGEST_KEPT:
            break
        found.append(line)
    return "\n".join(found)
