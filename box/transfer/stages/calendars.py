"""Calendars, and what takes place in them.

Source: https://apidocs.bitrix24.com/api-reference/calendar/index.html. The portal gives events of one owner
in a stretch of time, and of a series a row for each of its times; whoever is invited has a row of their own
in their calendar. So each owner is asked for a year at a time, the first row of a series is the series, and
an event comes from the calendar of its host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, override
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.actions.answers import answer_event
from box.apps.calendar.actions.attendees import MOST_INVITED
from box.apps.calendar.actions.calendars import create_calendar, main_calendar
from box.apps.calendar.actions.events import EventDraft, Scope, change_event, change_excluded, create_event
from box.apps.calendar.colors import nearest
from box.apps.calendar.models import Attendance, Calendar, Event
from box.apps.calendar.models.events import LONGEST_NAME
from box.core.access.principals import EVERYONE
from box.core.accounts.models import User
from box.lib.moments import EARLIEST, LATEST
from box.lib.numbers import whole_number
from box.lib.plain_text import text_of
from box.lib.recurrence import BadRule, local_moment, parse
from box.transfer.cloud import AT_ONCE, Command, Outcome
from box.transfer.ledger import Extra, Row, digest_of
from box.transfer.stages.base import Page, Stage, Work, color_in, is_yes, line, moment_in

SECTION = "section"
FIRST_YEAR = 2008
YEARS_AHEAD = 3
# The portal writes this year where a series goes on without an end.
ENDLESS_FROM = 2037
LONGEST_TEXT = 20_000
# What is refused whoever's calendar is asked for.
_OF_NOBODY = frozenset({"insufficient_scope", "error_method_not_found"})
_ANSWERS = {"Y": Attendance.Answer.ACCEPTED, "N": Attendance.Answer.DECLINED}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Owner:
    """Whose calendars they are: as the portal says it, and as a principal here."""

    type: str
    id: str
    code: str

    @property
    def asked(self) -> dict[str, str]:
        return {"type": self.type, "ownerId": self.id}


def owners(work: Work, *, after: int = 0) -> list[Owner]:
    """The company, then groups, people and another Korobka's departments that have come, in an order that
    stays."""
    found = [Owner("company_calendar", "0", EVERYONE)]
    kinds = [("group", "group", "G"), ("person", "user", "U")]
    if work.migration.inventory.get("is_korobka"):
        kinds.append(("department", "department", "DR"))
    for kind, type_, letters in kinds:
        found += [Owner(type_, theirs, f"{letters}{ours}") for theirs, ours in work.listed(kind)]
    return found[after:]


class Calendars(Stage):
    """The first of an owner is the one that everybody has here; more of them only people have."""

    key = "calendars"
    label = gettext_lazy("Calendars")
    kind = SECTION
    needs = ("departments", "people", "groups")

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        waiting = owners(work, after=after)
        for start in range(0, len(waiting), AT_ONCE):
            some = waiting[start : start + AT_ONCE]
            commands = [Command(f"s{n}", "calendar.section.get", owner.asked) for n, owner in enumerate(some)]
            found = work.cloud.each(commands)
            rows: list[Row] = []
            for number, owner in enumerate(some):
                sections = _given(work, self, owner, found[f"s{number}"])
                sections.sort(key=lambda one: whole_number(str(one.get("ID"))) or 0)
                rows += [
                    {**one, "owner": owner.code, "is_first": place == 0} for place, one in enumerate(sections)
                ]
            yield Page(rows, {"after": after + start + len(some)})

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        code, is_own = row["owner"], row["owner"].startswith("U") and row["owner"] != EVERYONE
        owner = User.objects.filter(pk=int(code[1:])).first() if is_own else None
        if row["is_first"] or owner is None or not owner.is_active:
            calendar, is_new = main_calendar(code), False
        else:
            name = line(row.get("NAME"), LONGEST_NAME) or _("Calendar")
            calendar, is_new = create_calendar(name, nearest(color_in(row.get("COLOR"))), by=owner), True
        work.took(self.kind, self.id_of(row), calendar.pk, digest=digest_of(row), is_new=is_new)
        return calendar.pk


class Events(Stage):
    key = "events"
    label = gettext_lazy("Events in calendars")
    kind = "event"
    needs = ("calendars",)

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        years = range(FIRST_YEAR, timezone.now().year + YEARS_AHEAD + 1)
        waiting = owners(work, after=after)
        at_once = max(1, AT_ONCE // len(years))
        hosts = {owner.id for owner in owners(work) if owner.type == "user"}
        for start in range(0, len(waiting), at_once):
            some = waiting[start : start + at_once]
            commands = [
                Command(f"e{n}y{year}", "calendar.event.get",
                        {**owner.asked, "from": f"{year}-01-01", "to": f"{year}-12-31"})
                for n, owner in enumerate(some)
                for year in years
            ]  # fmt: skip
            found = work.cloud.each(commands)
            rows: dict[str, Row] = {}
            for number, owner in enumerate(some):
                for year in years:
                    for one in _by_time(_given(work, self, owner, found[f"e{number}y{year}"])):
                        if _is_the_hosts(one, hosts):
                            rows.setdefault(str(one["ID"]), {**one, "owner": owner.code})
            yield Page(_in_order(list(rows.values())), {"after": after + start + len(some)})

    @override
    def id_of(self, row: Row) -> str:
        """One that several have rows of has its first one's number."""
        return _parent_of(row)

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("DATE_CREATE"))

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        """What rooms are called, whose numbers stand where an event takes place."""
        if "rooms" not in work.kept:
            asked = Command("rooms", "calendar.section.get", {"type": "location", "ownerId": 0})
            told = work.cloud.batch([asked])["rooms"].result
            work.kept["rooms"] = {
                str(one.get("ID")): line(one.get("NAME"), 120)
                for one in (told if isinstance(told, list) else ())
                if isinstance(one, dict)
            }
        return Extra({"rooms": work.kept["rooms"]})

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        by = work.author(self.kind, theirs, row.get("MEETING_HOST") or row.get("CREATED_BY"))
        draft = self._draft(work, row, extra)
        series, at = self._series(work, row)
        if series is not None and at is not None:
            event = change_event(series, draft, by=by, scope=Scope.THIS, at=at).event
        else:
            event = create_event(self._calendar(work, row), draft, by=by)
        work.took(self.kind, theirs, event.pk, digest=digest_of(row))
        self._answer(work, row, event)
        return event.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        event = Event.objects.there().filter(pk=ours).select_related("organizer").first()
        if event is None:
            return
        draft = self._draft(work, row, extra)
        event = change_event(event, draft, by=event.organizer).event
        if event.rule and draft.excluded is not None and set(draft.excluded) - set(event.excluded):
            change_excluded(event, {*event.excluded, *draft.excluded}, by=event.organizer)
        self._answer(work, row, event)

    def _calendar(self, work: Work, row: Row) -> Calendar:
        ours = work.ours(SECTION, row.get("SECT_ID") or row.get("SECTION_ID"))
        return Calendar.objects.filter(pk=ours).first() or main_calendar(row["owner"])

    def _draft(self, work: Work, row: Row, extra: Extra) -> EventDraft:
        theirs = self.id_of(row)
        zone = _zone(row.get("TZ_FROM"), work)
        is_all_day = is_yes(row.get("DT_SKIP_TIME"))
        starts, ends = _times(row, is_all_day=is_all_day)
        rule, excluded = "", None
        if isinstance(row.get("RRULE"), dict) and row["RRULE"].get("FREQ"):
            try:
                rule = _rule(row["RRULE"])
            except BadRule as error:
                said = _("How it comes again is not known here (%(why)s): only its first time came.")
                work.remark(self.kind, theirs, said % {"why": error})
            else:
                excluded = _excluded(row, starts, UTC if is_all_day else ZoneInfo(zone))
        people = self._people(work, row)
        if len(people) > MOST_INVITED:
            said = _("Of those who were invited only the first %(most)s came.") % {"most": MOST_INVITED}
            work.remark(self.kind, theirs, said)
        return EventDraft(
            title=line(row.get("NAME"), 200) or _("(without a title)"),
            starts_at=starts,
            ends_at=ends,
            zone=zone,
            is_all_day=is_all_day,
            rule=rule,
            description=text_of(work.html(row.get("DESCRIPTION"))).strip()[:LONGEST_TEXT],
            place=_place(row.get("LOCATION"), extra.rows["rooms"]),
            is_confidential=is_yes(row.get("PRIVATE_EVENT")),
            is_free=str(row.get("ACCESSIBILITY")) == "free",
            invited=tuple(f"U{pk}" for pk in people[:MOST_INVITED]),
            excluded=excluded,
        )

    def _people(self, work: Work, row: Row) -> list[int]:
        ids = [str(one.get("id")) for one in _attendees(row)]
        known = work.all_ours("person", ids)
        return list(dict.fromkeys(known[one] for one in ids if one in known))

    def _answer(self, work: Work, row: Row, event: Event) -> None:
        known = work.all_ours("person", [str(one.get("id")) for one in _attendees(row)])
        people = User.objects.in_bulk(known.values())
        present = dict(event.attendances.values_list("user_id", "answer"))
        for one in _attendees(row):
            answer, person = (
                _ANSWERS.get(str(one.get("status"))),
                people.get(known.get(str(one.get("id")), 0)),
            )
            if answer is None or person is None or person.pk == event.organizer_id:
                continue
            if present.get(person.pk, answer) != answer:
                with transaction.atomic():
                    answer_event(event, answer, by=person)

    def _series(self, work: Work, row: Row) -> tuple[Event | None, datetime | None]:
        """Of a time that was changed alone its series, and which time of that it was."""
        day = day_in(row.get("ORIGINAL_DATE_FROM"))
        ours = work.ours(self.kind, row.get("RECURRENCE_ID")) if _is_moved(row) else 0
        series = Event.objects.there().filter(pk=ours).exclude(rule="").first()
        if series is None or day is None:
            return None, None
        at = local_moment(day, series.local_start.timetz().replace(tzinfo=None), series.tz)
        return (series, at) if at not in series.excluded else (None, None)


def _given(work: Work, stage: Stage, owner: Owner, told: Outcome) -> list[Row]:
    """What the portal shows of an owner; where it shows nothing of theirs, that is said. Raises CloudRefused
    where it shows nobody's."""
    if told.refused is not None:
        if told.refused.code.lower() in _OF_NOBODY:
            raise told.refused
        said = _("The calendar of %(owner)s is not shown: %(why)s")
        whose = f"{owner.type} {owner.id}"
        work.hide(stage.key, stage.kind, whose, said % {"owner": whose, "why": told.refused})
    return [one for one in told.result if isinstance(one, dict)] if isinstance(told.result, list) else []


def _by_time(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda one: whole_number(str(one.get("DATE_FROM_TS_UTC")), digits=11) or 0)


def _parent_of(row: Row) -> str:
    """The row of whoever has called for it; of what nobody was invited to it may say 0."""
    parent = str(row.get("PARENT_ID") or "")
    return parent if parent.strip("0") else str(row["ID"])


def _is_moved(row: Row) -> bool:
    """One time of a series that is otherwise. What has a rule of its own is a series of its own."""
    return bool(row.get("RECURRENCE_ID")) and not isinstance(row.get("RRULE"), dict)


def _is_the_hosts(row: Row, hosts: set[str]) -> bool:
    """The row of whoever has called for it; another's only where they are nobody who has come."""
    if not str(row.get("ID", "")).isdecimal() or is_yes(row.get("DELETED")):
        return False
    return _parent_of(row) == str(row["ID"]) or str(row.get("MEETING_HOST") or "") not in hosts


def _in_order(rows: list[Row]) -> list[Row]:
    """Series before the times of them that are otherwise, whose days the series does not leave out then."""
    moved: dict[str, list[str]] = {}
    for row in rows:
        if _is_moved(row) and (day := day_in(row.get("ORIGINAL_DATE_FROM"))):
            moved.setdefault(str(row["RECURRENCE_ID"]), []).append(day.isoformat())
    for row in rows:
        row["moved"] = sorted(moved.get(str(row["ID"]), ()))
    return sorted(rows, key=lambda row: (_is_moved(row), int(row["ID"])))


def _times(row: Row, *, is_all_day: bool) -> tuple[datetime, datetime]:
    starts, ends = (_stamp(row.get(name)) for name in ("DATE_FROM_TS_UTC", "DATE_TO_TS_UTC"))
    length = timedelta(seconds=min(whole_number(str(row.get("DT_LENGTH"))) or 0, 366 * 86_400))
    if is_all_day:
        told = day_in(row.get("DATE_FROM_FORMATTED")) or (starts.date() if starts else None)
        if told is None:
            raise ValidationError(_("It does not say when it begins."), code="refused")
        begin = datetime.combine(told, time(), tzinfo=UTC)
        last = day_in(row.get("DATE_TO_FORMATTED"))
        days = (last - told).days + 1 if last else max(1, length.days)
        return begin, begin + timedelta(days=max(1, days))
    if starts is None:
        raise ValidationError(_("It does not say when it begins."), code="refused")
    end = starts + length if length else ends or starts
    # What has no length here lasts the shortest time that one sees.
    return starts, end if end > starts else starts + timedelta(minutes=5)


def _stamp(told: Any) -> datetime | None:
    seconds = whole_number(str(told), digits=11)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def day_in(told: Any) -> date | None:
    """The day of a moment as the portal writes it: in a form of its own that is the same everywhere
    (`Wed Dec 11 2024 17:59:00`), or by the habits of its site (12/11/2024, 11.12.2024). None for one that
    nobody means, so that no sum with it leaves the calendar."""
    words = str(told or "").split()
    if len(words) >= 4 and words[1][:3] in _MONTHS:
        parts = [words[3], str(_MONTHS.index(words[1][:3]) + 1), words[2]]
    elif words and words[0].count(".") == 2:
        parts = words[0].split(".")[::-1]
    elif words and words[0].count("/") == 2:
        first, second, year = words[0].split("/")
        parts = [year, second, first] if (whole_number(first) or 0) > 12 else [year, first, second]
    else:
        parts = (words[0].partition("T")[0] if words else "").split("-")
    numbers = [whole_number(one, digits=4) for one in parts]
    try:
        year_, month, day = (one or 0 for one in numbers)
        found = date(year_, month, day)
    except ValueError:
        return None
    return found if EARLIEST.date() <= found <= LATEST.date() else None


def _zone(told: Any, work: Work) -> str:
    name = str(told or "")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return timezone.get_default_timezone_name()
    return name


def _rule(told: Mapping[str, Any]) -> str:
    """As RFC 5545 writes it. Raises BadRule."""
    days = told.get("BYDAY")
    until = _stamp(told.get("UNTIL_TS"))
    day = until.date() if until else day_in(told.get("UNTIL"))
    parts = {
        "FREQ": str(told.get("FREQ")).upper(),
        "INTERVAL": str(whole_number(str(told.get("INTERVAL"))) or 1),
        "BYDAY": ",".join(map(str, days.values() if isinstance(days, dict) else days or ())),
        "COUNT": str(whole_number(str(told.get("COUNT"))) or ""),
    }
    if not parts["COUNT"] and day and day.year < ENDLESS_FROM:
        parts["UNTIL"] = day.strftime("%Y%m%d")
    return str(parse(";".join(f"{name}={value}" for name, value in parts.items() if value)))


def _excluded(row: Row, starts: datetime, zone: Any) -> tuple[datetime, ...]:
    at = starts.astimezone(zone).time()
    days = (day_in(one) for one in str(row.get("EXDATE") or "").split(";"))
    left_out = {day for day in days if day} - {date.fromisoformat(one) for one in row.get("moved", ())}
    return tuple(sorted(local_moment(day, at, zone) for day in left_out))


def _place(told: Any, rooms: Mapping[str, str]) -> str:
    """Words, or a room of the portal: `calendar_5_1265`, or `ECMR_5_1265` of older ones."""
    text = line(told, 200)
    kind, sign, rest = text.partition("_")
    if sign and kind in ("calendar", "ECMR"):
        return rooms.get(rest.partition("_")[0], "")
    return text


def _attendees(row: Row) -> list[Row]:
    told = row.get("ATTENDEE_LIST")
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
