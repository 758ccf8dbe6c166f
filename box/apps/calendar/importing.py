"""Events from files: .ics as Google, Outlook and iOS export them, and tables. See `box.core.imports`.

They come into the person's own calendar, or into that which a column names; nobody is invited anew, and the
same file again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.access import has_own_calendar
from box.apps.calendar.actions import EventDraft, Scope, change_event, create_event, remove_event
from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.reminders import choose_reminder
from box.apps.calendar.models import Calendar, Event
from box.apps.calendar.presenters import calendars_of
from box.core.access.principals import code_of
from box.core.imports.importers import Context, Duplicates, Entry, Importer, ImportField, Option, Taken
from box.core.registry.company import time_zones
from box.lib.moments import refuse_distant
from box.lib.recurrence import BadRule, local_moment, parse

if TYPE_CHECKING:
    from box.core.accounts.models import User

KEY = "calendar.events"
DAY_FIRST = "day_first"
ONE_DAY = timedelta(days=1)
USUAL_LENGTH = timedelta(minutes=30)
MOST_EXCLUDED = 500

_FIELDS = (
    ImportField(
        "title", gettext_lazy("Title"), "title subject summary событие тема название", is_required=True
    ),
    ImportField(
        "starts_on", gettext_lazy("Begins"), "starts start startdate начало датаначала", is_required=True
    ),
    ImportField("starts", gettext_lazy("Begins at"), "starttime времяначала"),
    ImportField("ends_on", gettext_lazy("Ends"), "ends end enddate конец окончание датаокончания"),
    ImportField("ends", gettext_lazy("Ends at"), "endtime времяокончания времязавершения"),
    ImportField("is_all_day", gettext_lazy("All day"), "allday alldayevent весьдень целыйдень"),
    ImportField("zone", gettext_lazy("Time zone"), "timezone часовойпояс"),
    ImportField("rule", gettext_lazy("Repeats"), "repeats rrule повторение повторяется"),
    ImportField("excluded", gettext_lazy("Except"), "except exdate кроме"),
    ImportField("original_at", gettext_lazy("Instead of"), "insteadof recurrenceid вместо"),
    ImportField("place", gettext_lazy("Place"), "place location место расположение"),
    ImportField("description", gettext_lazy("Description"), "description notes описание заметки"),
    ImportField("is_confidential", gettext_lazy("Private"), "private частное личное"),
    ImportField("is_free", gettext_lazy("The time stays free"), "free свободно"),
    ImportField("remind", gettext_lazy("Reminder, minutes before"), "reminder напоминание"),
    ImportField("calendar", gettext_lazy("Calendar"), "calendar календарь"),
    ImportField("uid", gettext_lazy("Identifier"), "uid"),
)  # fmt: skip
_YES = frozenset({"1", "true", "yes", "on", "да", "истина", "вкл"})
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class EventRow:
    draft: EventDraft
    calendar: str
    uid: str
    excluded: tuple[datetime, ...]
    original_at: datetime | None
    remind: int | None

    @property
    def key(self) -> str:
        if self.uid:
            return f"uid:{self.uid}:{_stamp(self.original_at) if self.original_at else ''}"
        return f"row:{_stamp(self.draft.starts_at)}:{self.draft.title}"


class EventImporter(Importer[EventRow]):
    key = KEY
    label = gettext_lazy("Events")
    about = gettext_lazy(
        "A calendar file (.ics) of Google, Outlook or a phone, or a table with a row for each event."
        " Nobody is invited, and the same file again adds nothing."
    )
    options = (Option(DAY_FIRST, gettext_lazy("In dates with slashes the day comes before the month")),)
    duplicates = (Duplicates.SKIP,)
    is_undoable = True
    back = "calendar:home"

    def can_import(self, user: User) -> bool:
        return has_own_calendar(user)

    def fields(self) -> Sequence[ImportField]:
        return _FIELDS

    def understand(self, cells: Mapping[str, str], context: Context) -> EventRow:
        title = " ".join(cells.get("title", "").split())[:200] or _("Without a title")
        zone = _zone(cells.get("zone", ""))
        is_all_day = _yes(cells.get("is_all_day", ""))
        read = partial(_moment, zone=ZoneInfo(zone), is_day_first=DAY_FIRST in context.options)
        starts, starts_is_day = read(cells.get("starts_on", ""), cells.get("starts", ""))
        is_all_day = is_all_day or starts_is_day
        if is_all_day:
            starts = _midnight(starts.date())
        ends_at = self._end(cells, read, starts, is_all_day=is_all_day)
        if rule := cells.get("rule", "").strip():
            try:
                rule = str(parse(rule))
            except BadRule as error:
                raise ValidationError(str(error)) from None
        draft = EventDraft(
            title=title, starts_at=starts, ends_at=ends_at, zone=zone, is_all_day=is_all_day, rule=rule,
            description=cells.get("description", "")[:20_000],
            place=" ".join(cells.get("place", "").split())[:200],
            is_confidential=_yes(cells.get("is_confidential", "")), is_free=_yes(cells.get("is_free", "")),
        )  # fmt: skip
        original = cells.get("original_at", "").strip()
        remind = cells.get("remind", "").strip()
        return EventRow(
            draft,
            cells.get("calendar", "").strip(),
            cells.get("uid", "").strip()[:500],
            tuple(_stamped(one) for one in cells.get("excluded", "").split()[:MOST_EXCLUDED]),
            _stamped(original) if original else None,
            int(remind) if remind.isdecimal() and len(remind) < 7 else None,
        )

    def _end(
        self, cells: Mapping[str, str], read: partial[tuple[datetime, bool]], starts: datetime, *,
        is_all_day: bool,
    ) -> datetime:  # fmt: skip
        """Of whole days tables name the last one, calendar files that after it."""
        usual = starts + (ONE_DAY if is_all_day else USUAL_LENGTH)
        if not cells.get("ends_on") and not cells.get("ends"):
            return usual
        ends, _is_day = read(cells.get("ends_on") or cells["starts_on"], cells.get("ends", ""))
        if is_all_day:
            last = _midnight(ends.date())
            ends = last if "uid" in cells else last + ONE_DAY
        return ends if ends > starts else usual

    def shown(self, row: EventRow) -> Mapping[str, str]:
        local = row.draft.starts_at.astimezone(UTC if row.draft.is_all_day else ZoneInfo(row.draft.zone))
        form = "%d.%m.%Y" if row.draft.is_all_day else "%d.%m.%Y %H:%M"
        return {"title": row.draft.title, "starts_on": local.strftime(form)}

    def keys(self, row: EventRow) -> Collection[str]:
        return {row.key}

    def known(self, keys: Collection[str], context: Context) -> Mapping[str, int]:
        ids = [one.pk for one in _calendars(context).values()]
        there = Event.objects.there().filter(calendar__in=ids)
        uids = {key.removeprefix("uid:").rpartition(":")[0] for key in keys if key.startswith("uid:")}
        found: dict[str, int] = {}
        roots = there.filter(uid__in=uids, series=None).values_list("uid", "pk")
        found |= {f"uid:{uid}:": pk for uid, pk in roots}
        times = there.filter(series__uid__in=uids).values_list("series__uid", "original_at", "pk")
        found |= {f"uid:{uid}:{_stamp(at)}": pk for uid, at, pk in times if at is not None}
        titles = {key.split(":", 2)[2] for key in keys if key.startswith("row:")}
        rows = there.filter(title__in=titles).values_list("starts_at", "title", "pk")
        return found | {f"row:{_stamp(at)}:{title}": pk for at, title, pk in rows}

    def take(self, entries: Sequence[Entry[EventRow]], context: Context) -> Sequence[Taken]:
        return [self._taken(one, context) for one in entries]

    def _taken(self, entry: Entry[EventRow], context: Context) -> Taken:
        try:
            with transaction.atomic():
                made = _made(entry.row, context)
        except (ValidationError, PermissionDenied) as error:
            said = error.messages if isinstance(error, ValidationError) else [str(error)]
            return Taken(entry.number, problem=" ".join(said))
        return Taken(entry.number, made.pk, is_new=True)

    def states(self, ids: Collection[int]) -> Mapping[int, str]:
        # Held, so that nobody changes between the look at it and its end what an undo takes away.
        held = Event.objects.there().select_for_update(of=("self",), no_key=True).order_by("pk")
        rows = held.filter(pk__in=ids).values_list("pk", "version", "changed_at")
        return {pk: f"{version} {at.isoformat()}" for pk, version, at in rows}

    def remove(self, ids: Sequence[int], context: Context) -> None:
        """Times of a series before the series."""
        rows = Event.objects.there().filter(pk__in=ids).select_related("calendar")
        for event in rows.order_by("series", "-pk"):
            remove_event(event, scope=Scope.THIS if event.series_id else Scope.ALL, by=context.by)


def _made(row: EventRow, context: Context) -> Event:
    calendars = _calendars(context)
    calendar = calendars.get(row.calendar.casefold()) if row.calendar else calendars[""]
    if calendar is None:
        raise ValidationError(
            _("There is no calendar “%(name)s” that you may write into.") % {"name": row.calendar}
        )
    if row.original_at is not None:
        series = Event.objects.there().filter(calendar=calendar, uid=row.uid, series=None).first()
        if series is None or not series.rule:
            return create_event(calendar, row.draft, by=context.by)
        draft = replace(row.draft, rule="")
        return change_event(series, draft, scope=Scope.THIS, at=row.original_at, by=context.by).event
    made = create_event(calendar, row.draft, by=context.by, uid=row.uid)
    if row.excluded and made.rule:
        made.excluded = sorted(row.excluded)
        made.save(update_fields=["excluded"])
    if row.remind is not None:
        choose_reminder(made, row.remind, by=context.by)
    return made


def _calendars(context: Context) -> Mapping[str, Calendar]:
    """Those that the person may write into, by name; the nameless one is their own."""
    if "calendars" not in context.known:
        shown = [one for one in calendars_of(context.by) if one.can_write]
        rows = Calendar.objects.in_bulk([one.pk for one in shown])
        found = {one.name.casefold(): rows[one.pk] for one in reversed(shown)}
        context.known["calendars"] = {**found, "": main_calendar(code_of(context.by))}
    calendars: Mapping[str, Calendar] = context.known["calendars"]
    return calendars


def _zone(text: str) -> str:
    known = {name for name, _label in time_zones()}
    return text.strip() if text.strip() in known or _is_zone(text) else timezone.get_current_timezone_name()


def _is_zone(text: str) -> bool:
    try:
        return bool(text.strip()) and bool(ZoneInfo(text.strip()))
    except (ValueError, OSError, LookupError):
        return False


def _yes(text: str) -> bool:
    return text.strip().casefold() in _YES


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _moment(day: str, at: str, *, zone: ZoneInfo, is_day_first: bool) -> tuple[datetime, bool]:
    """And whether it is a day without a time."""
    day, at = day.strip(), at.strip()
    if not at and (found := _iso(day, zone)) is not None:
        return found
    if not at and " " in day:
        day, _space, at = day.partition(" ")
    on = _day(day, is_day_first=is_day_first)
    if not at:
        return _midnight(on), True
    return local_moment(on, _time(at), zone), False


def _iso(text: str, zone: ZoneInfo) -> tuple[datetime, bool] | None:
    try:
        if len(text) <= 10:
            return _midnight(_near(date.fromisoformat(text))), True
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    _near(found.date())
    if found.tzinfo is None:
        found = local_moment(found.date(), found.time(), zone)
    return found, False


def _day(text: str, *, is_day_first: bool) -> date:
    slashes = ("%d/%m/%Y", "%d/%m/%y") if is_day_first else ("%m/%d/%Y", "%m/%d/%y")
    for form in (*_DATES, *slashes):
        try:
            return _near(datetime.strptime(text, form).date())  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValidationError(_("%(text)s is no day: write 24.11.2026 or 2026-11-24.") % {"text": text or "–"})


def _near(day: date) -> date:
    """Before it is reckoned with: the days at the ends of the calendar cannot be said in every zone."""
    refuse_distant(_midnight(day))
    return day


def _time(text: str) -> time:
    text = re.sub(r"\s+", " ", text).upper()
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).time()  # noqa: DTZ007 - of a day that has its zone
        except ValueError:
            continue
    raise ValidationError(_("%(text)s is no time: write 14:30.") % {"text": text})


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_STAMP)


def _stamped(text: str) -> datetime:
    try:
        found = datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise ValidationError(
            _("%(text)s is no moment: write 20261124T113000Z.") % {"text": text[:40]}
        ) from None
    refuse_distant(found)
    return found
