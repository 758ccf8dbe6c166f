"""Events, for programs: the same actions and the same rules as on their pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.access import can_edit, can_write
from box.apps.calendar.actions import EventDraft, change_event, choose_reminder, create_event, remove_event
from box.apps.calendar.actions import Scope as Times
from box.apps.calendar.actions.events import draft_of
from box.apps.calendar.api.meetings import status_of
from box.apps.calendar.api.owners import (
    INTEGER,
    TRUE,
    OfOwner,
    calendar_meant,
    day_said,
    event_seen,
    method,
    owner_code,
    said_of,
    stretch,
    takes_over,
    type_of,
)
from box.apps.calendar.events import EventChanged, EventCreated, EventRemoved
from box.apps.calendar.models import Attendance, Event
from box.core.access.principals import code_of
from box.core.registry.rest import (
    Call,
    Conditions,
    HookEvent,
    Parameters,
    Scope,
    Several,
    Structures,
    YesNo,
    hook_events,
    listed,
    numbered,
    scopes,
    shaped,
)
from box.lib.moments import refuse_distant
from box.lib.recurrence import BadRule, Rule, local_moment, parse

MOST = 1000
_YES_NO = {True: "Y", False: "N"}
_COUNT = re.compile("[0-9]{1,7}")
_MINUTES = {"min": 1, "hour": 60, "day": 24 * 60}
LONGEST_LEAD = 366 * 24 * 60
"""Minutes before an event at which one is reminded at most."""


class EventGet(OfOwner):
    FROM = forms.CharField(required=False, help_text=gettext_lazy("From which day; a month ago by default."))
    TO = forms.CharField(required=False, help_text=gettext_lazy("To which day; in three months by default."))
    SECTION = Several(required=False, help_text=gettext_lazy("Only of these calendars."))


class OfEvent(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The event."))


class EventFields(OfOwner):
    NAME = forms.CharField(required=False, max_length=200, help_text=gettext_lazy("What it is called."))
    FROM = forms.CharField(required=False, max_length=40, help_text=gettext_lazy("When it begins."))
    TO = forms.CharField(required=False, max_length=40, help_text=gettext_lazy("When it ends."))
    FROM_TS = forms.IntegerField(required=False, help_text=gettext_lazy("The same, in seconds since 1970."))
    TO_TS = forms.IntegerField(required=False, help_text=gettext_lazy("The same, in seconds since 1970."))
    SECTION = forms.IntegerField(required=False, help_text=gettext_lazy("The calendar."))
    SKIP_TIME = YesNo(required=False, help_text=gettext_lazy("Y: it lasts whole days."))
    TIMEZONE_FROM = forms.CharField(
        required=False, max_length=64, help_text=gettext_lazy("The zone whose local time stays.")
    )
    DESCRIPTION = forms.CharField(required=False, help_text=gettext_lazy("What it is about."))
    LOCATION = forms.CharField(required=False, max_length=200, help_text=gettext_lazy("Where it is."))
    ACCESSIBILITY = forms.CharField(required=False, help_text=gettext_lazy("free, or any other: busy."))
    PRIVATE_EVENT = YesNo(required=False, help_text=gettext_lazy("Others see only that one is busy."))
    RRULE = Conditions(required=False, help_text=gettext_lazy("FREQ, INTERVAL, COUNT, UNTIL, BYDAY."))
    REMIND = Structures(required=False, help_text=gettext_lazy("Maps of type (min, hour, day) and count."))
    ATTENDEES = Several(required=False, help_text=gettext_lazy("The people invited."))


class EventUpdate(EventFields, OfEvent):
    pass


def events(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-event-get.html"""
    since = day_said(call.values["FROM"], call.now - timedelta(days=30))
    before = day_said(call.values["TO"], call.now + timedelta(days=90)) + timedelta(days=1)
    since, before = stretch(since, before)
    own = Q(calendar__code=owner_code(call))
    if owner_code(call) == code_of(call.user):
        mine = Attendance.objects.filter(user=call.user).exclude(answer=Attendance.Answer.DECLINED)
        own |= Q(pk__in=mine.values("event"))
    rows = Event.objects.visible_to(call.user).there().overlapping(since, before).filter(own)
    if call.values["SECTION"]:
        numbers = [int(one) for one in call.values["SECTION"] if one.isdecimal() and len(one) < 19]
        rows = rows.filter(calendar__in=numbers)
    found = list(rows.select_related("calendar", "organizer", "room").order_by("starts_at", "pk")[:MOST])
    return _shown(found)


def event(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-event-get-by-id.html"""
    return _shown([event_seen(call.values["ID"], call.user)])[0]


def add_event(call: Call) -> Event:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-event-add.html"""
    calendar = calendar_meant(call, call.values["SECTION"])
    if not (can_write(call.user, calendar) or takes_over(call, calendar)):
        raise PermissionDenied(_("You may look into this calendar, and not write into it."))
    if not call.values["NAME"]:
        raise ValidationError(_("Say what the event is called."), code="name")
    start = call.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    zone = call.values["TIMEZONE_FROM"] or timezone.get_current_timezone_name()
    usual = EventDraft(title="", starts_at=start, ends_at=start + timedelta(hours=1), zone=zone)
    if not (call.values["FROM"] or call.values["FROM_TS"]):
        raise ValidationError(_("Say when the event begins."), code="from")
    made = create_event(calendar, _draft(call, usual), by=call.author)
    _remind(made, call)
    return made


def update_event(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-event-update.html"""
    found = event_seen(call.values["ID"], call.user)
    if not (can_edit(call.user, found) or takes_over(call, found.calendar)):
        raise PermissionDenied(_("You may look at this event, and not change it."))
    calendar = calendar_meant(call, call.values["SECTION"]) if call.values["SECTION"] else None
    at, times = found.starts_at if found.rule else None, _times_of(found)
    draft = _draft(call, draft_of(found))
    changed = change_event(found, draft, by=call.author, scope=times, at=at, calendar=calendar).event
    _remind(changed, call)
    return changed.pk


def delete_event(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-event-delete.html"""
    found = event_seen(call.values["ID"], call.user)
    remove_event(found, by=call.user, scope=_times_of(found))
    return True


def _times_of(event: Event) -> Times:
    """By its number a time that is another event than its series means itself."""
    return Times.THIS if event.series_id else Times.ALL


def _draft(call: Call, now: EventDraft) -> EventDraft:
    """What is said, and as it is now what is not."""
    values, given = call.values, call.parameters.given
    is_all_day = values["SKIP_TIME"] if "SKIP_TIME" in given else now.is_all_day
    zone = values["TIMEZONE_FROM"] or now.zone
    starts = _moment(values["FROM"], values["FROM_TS"], zone, is_all_day=is_all_day) or now.starts_at
    ends = _moment(values["TO"], values["TO_TS"], zone, is_all_day=is_all_day)
    if ends is None:
        ends = starts + (now.ends_at - now.starts_at)
    elif is_all_day:
        ends += timedelta(days=1)
    texts = {
        name: values[key]
        for key, name in (("NAME", "title"), ("DESCRIPTION", "description"), ("LOCATION", "place"))
        if key in given
    }
    flags: dict[str, Any] = {}
    if "PRIVATE_EVENT" in given:
        flags["is_confidential"] = values["PRIVATE_EVENT"]
    if "ACCESSIBILITY" in given:
        flags["is_free"] = values["ACCESSIBILITY"] == "free"
    if "ATTENDEES" in given:
        flags["invited"] = tuple(f"U{pk}" for pk in values["ATTENDEES"] if pk.isdecimal())
    if "RRULE" in given:
        flags["rule"] = _rule(values["RRULE"])
    return replace(now, starts_at=starts, ends_at=ends, zone=zone, is_all_day=is_all_day, **texts, **flags)


def _moment(text: str, stamp: int | None, zone: str, *, is_all_day: bool) -> datetime | None:
    """Of whole days the midnight in UTC; what names no zone is local time of the event's."""
    if stamp is not None and not text:
        try:
            found = datetime.fromtimestamp(stamp, UTC)
        except (OverflowError, ValueError, OSError):
            raise ValidationError(_("This moment is not understood."), code="moment") from None
        refuse_distant(found)
        return _midnight(found) if is_all_day else found
    if not text:
        return None
    try:
        found_day, found_at = parse_date(text[:10]), parse_datetime(text)
        if day := found_at.date() if found_at else found_day:
            refuse_distant(datetime.combine(day, time(), tzinfo=UTC))
        if is_all_day and found_day is not None:
            return datetime.combine(found_day, time(), tzinfo=UTC)
        moment = found_at or (datetime.combine(found_day, time()) if found_day else None)
        if moment is None:
            raise ValueError(text)
        return moment if moment.tzinfo else local_moment(moment.date(), moment.time(), ZoneInfo(zone))
    except (ValueError, OSError, LookupError):
        raise ValidationError(_("This moment is not understood."), code="moment") from None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _rule(said: Mapping[str, Any]) -> str:
    parts = []
    for name, value in said.items():
        if value in ("", None, [], {}):
            continue
        several = list(value.values()) if isinstance(value, Mapping) else value
        text = ",".join(map(str, several)) if isinstance(several, list) else str(several)
        parts.append(f"{name.upper()}={text.replace('-', '') if name.upper() == 'UNTIL' else text}")
    try:
        return str(parse(";".join(parts))) if parts else ""
    except BadRule as error:
        raise ValidationError(str(error), code="rrule") from None


def _remind(event: Event, call: Call) -> None:
    if "REMIND" not in call.parameters.given:
        return
    said = [one for one in call.values["REMIND"] if _COUNT.fullmatch(str(one.get("count", "")))]
    minutes = [int(one["count"]) * _MINUTES.get(str(one.get("type")), 1) for one in said]
    if minutes and min(minutes) > LONGEST_LEAD:
        raise ValidationError(_("Choose one of the times before an event."), code="remind")
    choose_reminder(event, min(minutes, default=None), by=call.user)


def _shown(rows: Sequence[Event]) -> list[dict[str, Any]]:
    people: dict[int, list[Attendance]] = {one.pk: [] for one in rows}
    for one in Attendance.objects.filter(event__in=rows).order_by("pk"):
        people[one.event_id].append(one)
    return [_event_shown(event, people[event.pk]) for event in rows]


def _event_shown(event: Event, people: Sequence[Attendance]) -> dict[str, Any]:
    kind, owner = type_of(event.calendar)
    last = event.ends_at - timedelta(days=1) if event.is_all_day else event.ends_at
    return {
        "ID": str(event.pk),
        "PARENT_ID": str(event.pk),
        "DELETED": "N",
        "CAL_TYPE": kind,
        "OWNER_ID": owner,
        "NAME": event.title,
        "DATE_FROM": said_of(event, event.starts_at),
        "DATE_TO": said_of(event, last),
        "ORIGINAL_DATE_FROM": said_of(event, event.original_at) if event.original_at else None,
        "TZ_FROM": event.zone,
        "TZ_TO": event.zone,
        "DATE_FROM_TS_UTC": str(int(event.starts_at.timestamp())),
        "DATE_TO_TS_UTC": str(int(last.timestamp())),
        "DT_SKIP_TIME": _YES_NO[event.is_all_day],
        "DT_LENGTH": int(event.duration.total_seconds()),
        "CREATED_BY": str(event.organizer_id),
        "DATE_CREATE": timezone.localtime(event.created_at).isoformat(timespec="seconds"),
        "TIMESTAMP_X": timezone.localtime(event.changed_at).isoformat(timespec="seconds"),
        "DESCRIPTION": event.description,
        "PRIVATE_EVENT": _YES_NO[event.is_confidential],
        "ACCESSIBILITY": "free" if event.is_free else "busy",
        "IS_MEETING": len(people) > 1,
        "MEETING_HOST": str(event.organizer_id),
        "LOCATION": ", ".join(filter(None, [event.room.name if event.room else "", event.place])),
        "RRULE": _rule_shown(event.recurrence),
        "EXDATE": ";".join(one.astimezone(event.tz).date().isoformat() for one in event.excluded),
        "VERSION": str(event.version),
        "RECURRENCE_ID": event.series_id,
        "SECTION_ID": str(event.calendar_id),
        "SECT_ID": str(event.calendar_id),
        "ATTENDEES_CODES": [f"U{one.user_id}" for one in people],
        "ATTENDEE_LIST": [
            {"id": one.user_id, "entryId": str(event.pk), "status": status_of(event, one)} for one in people
        ],
    }


def _rule_shown(rule: Rule | None) -> Any:
    if rule is None:
        return ""
    days = {str(one): str(one) for one in rule.weekdays}
    return {
        "FREQ": str(rule.frequency), "INTERVAL": rule.interval,
        **({"BYDAY": days} if days else {}),
        **({"COUNT": rule.count} if rule.count else {}),
        **({"UNTIL": rule.until.isoformat()} if rule.until else {}),
    }  # fmt: skip


_EVENT = shaped(
    **dict.fromkeys(
        ("ID", "PARENT_ID", "DELETED", "CAL_TYPE", "OWNER_ID", "NAME", "DATE_FROM", "DATE_TO", "TZ_FROM",
         "TZ_TO", "DATE_FROM_TS_UTC", "DATE_TO_TS_UTC", "DT_SKIP_TIME", "CREATED_BY", "DATE_CREATE",
         "TIMESTAMP_X", "DESCRIPTION", "PRIVATE_EVENT", "ACCESSIBILITY", "MEETING_HOST", "LOCATION", "EXDATE",
         "VERSION", "SECTION_ID", "SECT_ID"),
        "string",
    ),
    DT_LENGTH="integer", IS_MEETING="boolean", ORIGINAL_DATE_FROM="string?", RECURRENCE_ID="integer?",
    ATTENDEES_CODES="array of string",
)  # fmt: skip
_EVENT["properties"] |= {
    "RRULE": {"type": ["string", "object"], "additionalProperties": True},
    "ATTENDEE_LIST": listed(id="integer", entryId="string", status="string"),
}


def _told(event: EventCreated | EventChanged | EventRemoved) -> Mapping[str, Any]:
    return {**numbered(event.event_id), "id": event.event_id}


def declare() -> None:
    for name, label, event_type in (
        ("ONCALENDARENTRYADD", gettext_lazy("An event was made"), EventCreated),
        ("ONCALENDARENTRYUPDATE", gettext_lazy("An event was changed"), EventChanged),
        ("ONCALENDARENTRYDELETE", gettext_lazy("An event was removed"), EventRemoved),
    ):
        hook_events.add(name, HookEvent("calendar", label, event_type, _told))
    about = gettext_lazy("Read the calendars that you have, plan and answer in your name.")
    scopes.add("calendar", Scope(gettext_lazy("Calendar"), about, room="calendar"))
    removes = gettext_lazy("Removes an event, for a month.")
    several: Mapping[str, Any] = {"type": "array", "items": _EVENT}
    method("event.get", gettext_lazy("Events of a calendar."), EventGet, events, result=several)
    method("event.getbyid", gettext_lazy("One event."), OfEvent, event, result=_EVENT)
    method("event.add", gettext_lazy("Plans an event."), EventFields, add_event, result=INTEGER, makes=Event)
    changes = gettext_lazy("Changes an event.")
    method("event.update", changes, EventUpdate, update_event, result=INTEGER, is_of_migrations=True)
    method("event.delete", removes, OfEvent, delete_event, result=TRUE)
