"""Events in calendars.

Sources: https://apidocs.bitrix24.com/api-reference/calendar/calendar-event/calendar-event-add.html,
.../calendar-event-update.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, override
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.models import Event
from box.lib.numbers import whole_number
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.calendar import events
from box.transfer.outbound.base import OutboundStage, OutboundWork, There, Write, rows_in, same, stays


class Events(OutboundStage[records.Event]):
    key = "events"
    label = gettext_lazy("Events in calendars")
    kind = "event"
    scope = "calendar"
    needs = ("departments", "people", "groups")

    @override
    def things(self, scope: Scope) -> Iterator[records.Event]:
        return events(scope)

    @override
    def count(self, scope: Scope) -> int:
        found: int = scope.seen(Event.objects.all()).there().count()
        return found

    @override
    def write(self, work: OutboundWork, record: records.Event) -> Write:
        if record.series is not None:
            said = _("A time of a series that is unlike the others stands beside the series.")
            work.remark(self.kind, record.id, said)
        elif record.excluded:
            said = _("The times at which the series does not take place are in it again.")
            work.remark(self.kind, record.id, said)
        fields = {**self._fields(work, record), "auto_detect_section": "Y"}
        return Write("calendar.event.add", fields, by=record.organizer, at=record.created_at)

    def _fields(self, work: OutboundWork, record: records.Event) -> dict[str, Any]:
        """Raises ValidationError."""
        owner = self._owner(work, record)
        if owner is None:
            raise stays(_("Whose calendar it is is not there."))
        fields: dict[str, Any] = {
            **owner, **_times(record),
            "name": record.title, "description": record.description, "location": record.place,
            "accessibility": "free" if record.is_free else "busy",
            "private_event": "Y" if record.is_confidential else "N",
        }  # fmt: skip
        if record.rule:
            fields["rrule"] = _rule(record.rule)
        host = work.user(record.organizer)
        if people := [one for one in work.people(each.person for each in record.attendees) if one != host]:
            fields |= {"is_meeting": "Y", "host": host, "attendees": [host, *people],
                       "meeting": {"notify": False, "reinvite": False}}  # fmt: skip
        return fields

    def _owner(self, work: OutboundWork, record: records.Event) -> dict[str, Any] | None:
        number = record.calendar.lstrip("UADRG")
        letters = record.calendar.removesuffix(number)
        if letters == "UA":
            return {"type": "company_calendar", "ownerId": 0}
        kinds = {"U": ("user", "person"), "G": ("group", "group")}
        if work.takes_over:
            kinds["DR"] = ("department", "department")
        kind, of = kinds.get(letters, ("", ""))
        theirs = work.theirs(of, int(number)) if of else ""
        return {"type": kind, "ownerId": theirs} if theirs else None

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Event]) -> Mapping[int, str]:
        def ask(one: records.Event) -> Write | None:
            if (owner := self._owner(work, one)) is None:
                return None
            days = [(one.starts_at + timedelta(days=by)).date().isoformat() for by in (-1, 1)]
            return Write("calendar.event.get", {**owner, "from": days[0], "to": days[1]})

        def told(one: records.Event, result: Any) -> Iterator[str]:
            for row in rows_in(result):
                begins = whole_number(str(row.get("DATE_FROM_TS_UTC")), digits=11)
                is_then = one.is_all_day or begins == int(one.starts_at.timestamp())
                if is_then and same(row.get("NAME"), one.title):
                    yield str(row.get("PARENT_ID") or row["ID"])

        return work.look_for(self.kind, sought, ask, told)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.Event]]) -> None:
        writes = []
        for one in there:
            if not one.is_changed:
                continue
            record = one.record
            # What it may have been before: a series, and a meeting.
            nothing = {"rrule": {"FREQ": ""}, "is_meeting": "N", "attendees": [work.user(record.organizer)]}
            try:
                told = {"id": one.theirs, **nothing, **self._fields(work, record)}
            except ValidationError as error:
                work.hold_back(self.kind, record.id, " ".join(error.messages))
                continue
            write = Write("calendar.event.update", told, by=record.organizer, at=record.created_at)
            writes.append((record.id, write))
        work.write_all(self.kind, writes)


def _times(record: records.Event) -> dict[str, str]:
    if record.is_all_day:
        # Here an event ends with the midnight behind its last day, there with the day.
        last = (record.ends_at.astimezone(UTC) - timedelta(days=1)).date()
        first = record.starts_at.astimezone(UTC).date()
        return {"from": first.isoformat(), "to": max(first, last).isoformat(), "skip_time": "Y"}
    zone = ZoneInfo(record.zone)

    def said(at: datetime) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")

    return {
        "from": said(record.starts_at), "to": said(record.ends_at), "skip_time": "N",
        "timezone_from": record.zone, "timezone_to": record.zone,
    }  # fmt: skip


def _rule(rule: str) -> dict[str, Any]:
    """The parts of a rule of RFC 5545 that the portal knows."""
    parts = dict(part.split("=", 1) for part in rule.removeprefix("RRULE:").split(";") if "=" in part)
    told: dict[str, Any] = {name: parts[name] for name in ("FREQ", "COUNT", "INTERVAL") if name in parts}
    if "BYDAY" in parts:
        told["BYDAY"] = parts["BYDAY"].split(",")
    if until := parts.get("UNTIL", "")[:8]:
        told["UNTIL"] = f"{until[:4]}-{until[4:6]}-{until[6:]}"
    return told
