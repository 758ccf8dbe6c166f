"""What programs that plan meetings look for (RFC 6638): a principal's inbox and outbox for scheduling.

Invitations stand in calendars as soon as they are made, and the server sends them: so the inbox is always
empty. The outbox answers when others are taken, and to nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from icalendar import Calendar, FreeBusy, vCalAddress, vPeriod

from box.core.registry.company import TIME_ZONE
from box.core.registry.dav import dav_address, dav_host, dav_sources
from box.lib.icalendars import components
from box.lib.moments import refuse_distant

if TYPE_CHECKING:
    from box.bridges.dav.session import Session
    from box.core.accounts.models import User
    from box.core.registry.dav import Stretch

DAV, CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
SCHEDULE_TAG = f"{CALDAV}schedule-tag"
INBOX, OUTBOX = "inbox", "outbox"
BOXES = {INBOX: "schedule-inbox", OUTBOX: "schedule-outbox"}
URLS = {f"C:{kind}-URL": name for name, kind in BOXES.items()}
"""By the property of the principal that says where it is."""
LARGEST_QUESTION = 64 * 1024
MOST_ASKED = 100
LONGEST = timedelta(days=100)
SUCCESS, NOBODY = "2.0;Success", "3.7;Invalid calendar user"


@dataclass(frozen=True)
class Question:
    uid: str
    organizer: vCalAddress
    attendees: Sequence[vCalAddress]
    starts_at: datetime
    ends_at: datetime


def is_outbox(path: str, session: Session) -> bool:
    return path.strip("/") == f"{session.home}/{OUTBOX}"


def free_busy(text: str, session: Session) -> bytes:
    """When those are taken whom a VFREEBUSY request names: a `schedule-response`. Raises ValidationError, and
    PermissionDenied where somebody else is said to ask."""
    asked = _question(text, ZoneInfo(session.user.time_zone or TIME_ZONE.value))
    if _email(asked.organizer) not in addresses_of(session.user):
        raise PermissionDenied("The organizer of a question is whoever asks it.")
    emails = [_email(one) for one in asked.attendees]
    found: dict[str, list[Stretch]] = {}
    for source in dav_sources:
        for email, busy in source.busy(emails, asked.starts_at, asked.ends_at, by=session.user).items():
            found.setdefault(email, []).extend(busy)
    root = ElementTree.Element(f"{CALDAV}schedule-response")
    for attendee in asked.attendees:
        _add_answer(root, asked, attendee, found.get(_email(attendee)))
    answer: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return answer


def addresses_of(user: User) -> tuple[str, ...]:
    """By which programs know whose events are their own, in lower case."""
    return tuple(dict.fromkeys((dav_address(user), f"u{user.pk}@{dav_host()}")))


def _question(text: str, zone: ZoneInfo) -> Question:
    """`zone` is the place of whoever asks."""
    if len(text) > LARGEST_QUESTION:
        raise ValidationError("The question is too large.")
    try:
        part: Any
        (part,) = [one for each in components(text.encode()) for one in each.walk("VFREEBUSY")]
        starts, ends = (_moment(part[name].dt, zone) for name in ("DTSTART", "DTEND"))
        organizer, attendees = part["ORGANIZER"], part["ATTENDEE"]
        uid = str(part.get("UID", ""))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValidationError("A question says from when to when, who asks, and about whom.") from error
    attendees = attendees if isinstance(attendees, list) else [attendees]
    if len(attendees) > MOST_ASKED:
        raise ValidationError(f"At most {MOST_ASKED} people are asked about at once.")
    refuse_distant(starts, ends)
    if not timedelta(0) < ends - starts <= LONGEST:
        raise ValidationError(f"Ask for {LONGEST.days} days at most.")
    return Question(uid, organizer, attendees, starts, ends)


def _moment(said: Any, zone: ZoneInfo) -> datetime:
    """RFC 6638 wants moments in UTC; `caldav` says them by the clock of whoever asks. Raises TypeError for a
    day, and for a zone that the question describes itself."""
    if not isinstance(said, datetime) or not isinstance(said.tzinfo, ZoneInfo | None):
        raise TypeError("A moment has a zone of the time zone database.")
    return said.replace(tzinfo=said.tzinfo or zone).astimezone(UTC)


def _email(address: str) -> str:
    return address.lower().removeprefix("mailto:").strip()


def _add_answer(
    root: ElementTree.Element, asked: Question, attendee: vCalAddress, busy: Sequence[Stretch] | None
) -> None:
    one = ElementTree.SubElement(root, f"{CALDAV}response")
    recipient = ElementTree.SubElement(one, f"{CALDAV}recipient")
    ElementTree.SubElement(recipient, f"{DAV}href").text = str(attendee)
    status = ElementTree.SubElement(one, f"{CALDAV}request-status")
    status.text = NOBODY if busy is None else SUCCESS
    if busy is not None:
        ElementTree.SubElement(one, f"{CALDAV}calendar-data").text = _reply(asked, attendee, busy)


def _reply(asked: Question, attendee: vCalAddress, busy: Sequence[Stretch]) -> str:
    part = FreeBusy()
    if asked.uid:
        part.add("uid", asked.uid)
    part.add("dtstamp", timezone.now().astimezone(UTC))
    part.add("dtstart", asked.starts_at)
    part.add("dtend", asked.ends_at)
    part.add("organizer", asked.organizer)
    part.add("attendee", attendee)
    for stretch in _within(asked, busy):
        part.add("freebusy", vPeriod(stretch), parameters={"FBTYPE": "BUSY"})
    whole = Calendar()
    whole.add("prodid", "-//Korobka//EN")
    whole.add("version", "2.0")
    whole.add("method", "REPLY")
    whole.add_component(part)
    text: str = whole.to_ical().decode()
    return text


def _within(asked: Question, busy: Sequence[Stretch]) -> Iterator[Stretch]:
    for starts, ends in sorted(busy):
        first, last = max(starts.astimezone(UTC), asked.starts_at), min(ends.astimezone(UTC), asked.ends_at)
        if first < last:
            yield first, last


def complete(root: ElementTree.Element, session: Session, folder: str) -> None:
    """What Radicale leaves out of a multistatus: by which e-mails the principal is invited, where the boxes
    are, and that they are boxes."""
    for one in root.iter(f"{CALDAV}calendar-user-address-set"):
        if len(one):
            # Radicale names the principal's own address: a program that takes it for one to invite by invites
            # nobody, for events have e-mails.
            one.clear()
            for email in addresses_of(session.user):
                ElementTree.SubElement(one, f"{DAV}href").text = f"mailto:{email}"
    for kind in BOXES.values():
        for one in root.iter(f"{CALDAV}{kind}-URL"):
            if one.text:
                ElementTree.SubElement(one, f"{DAV}href").text, one.text = one.text, None
    places: Mapping[str, str] = {f"{folder}/{session.home}/{name}/": kind for name, kind in BOXES.items()}
    for one in root.findall(f"{DAV}response"):
        if kind := places.get(one.findtext(f"{DAV}href", ""), ""):
            for types in one.iter(f"{DAV}resourcetype"):
                ElementTree.SubElement(types, f"{CALDAV}{kind}")


def add_schedule_tags(root: ElementTree.Element, tag_at: Callable[[str], str]) -> None:
    """Into a multistatus in which Radicale has found none; `tag_at` says it of an object's address."""
    for one in root.iter(f"{DAV}response"):
        tag = tag_at(unquote(one.findtext(f"{DAV}href", "")))
        parts = {part.findtext(f"{DAV}status", "").split(" ")[1]: part for part in one.iter(f"{DAV}propstat")}
        missing = parts["404"].find(f"{DAV}prop") if "404" in parts else None
        asked = missing.find(SCHEDULE_TAG) if missing is not None else None
        if not tag or missing is None or asked is None:
            continue
        missing.remove(asked)
        if len(missing) == 0:
            one.remove(parts["404"])
        asked.text = tag
        _found(one, parts).append(asked)


def _found(response: ElementTree.Element, parts: Mapping[str, ElementTree.Element]) -> ElementTree.Element:
    """What a response has of properties that are there."""
    if "200" in parts:
        return next(parts["200"].iter(f"{DAV}prop"))
    part = ElementTree.SubElement(response, f"{DAV}propstat")
    properties = ElementTree.SubElement(part, f"{DAV}prop")
    ElementTree.SubElement(part, f"{DAV}status").text = "HTTP/1.1 200 OK"
    return properties
