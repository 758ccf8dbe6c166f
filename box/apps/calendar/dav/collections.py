"""A calendar as a collection of CalDAV: an object a series with its exceptions, as one person sees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Many
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar import ics
from box.apps.calendar.actions import change_calendar, create_calendar, remove_calendar
from box.apps.calendar.actions.guests import PARTSTATS
from box.apps.calendar.colors import HEXADECIMAL, nearest
from box.apps.calendar.dav.changes import apply_new, apply_removal, apply_text
from box.apps.calendar.dav.people import people_at
from box.apps.calendar.models import Attendance, Calendar, Color, Event, Guest
from box.apps.calendar.presenters import busy_times, calendars_of
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.models import User
from box.core.registry.company import TIME_ZONE
from box.core.registry.dav import (
    MOST_OBJECTS,
    DavChanged,
    DavCollection,
    DavObject,
    DavSource,
    dav_address,
    dav_host,
    schedule_part,
    tag_of_meeting,
)
from box.core.registry.services import is_on

if TYPE_CHECKING:
    from icalendar import Event as Component

    from box.apps.calendar.models import EventQuerySet
    from box.apps.calendar.presenters import Shown
    from box.core.registry.dav import Stretch

PREFIX = "calendar-"


class CalendarSource(DavSource):
    def collections(self, user: User) -> Iterable[DavCollection]:
        if not is_on("calendar"):
            return []
        return [CalendarCollection(user, one) for one in calendars_of(user)]

    def create(self, key: str, *, name: str, color: str, by: User) -> DavCollection | None:
        if key.startswith(PREFIX):
            raise ValidationError(_("Choose another name: this one is the portal's own."))
        made = create_calendar(name[:80], nearest(color), href=key, by=by)
        shown = next(one for one in calendars_of(by) if one.pk == made.pk)
        return CalendarCollection(by, shown)

    def busy(
        self, emails: Sequence[str], since: datetime, before: datetime, *, by: User
    ) -> Mapping[str, Sequence[Stretch]]:
        if not is_on("calendar"):
            return {}
        people = people_at(emails, User.objects.active().visible_to(by))
        found: dict[int, list[Stretch]] = defaultdict(list)
        with timezone.override(by.time_zone or TIME_ZONE.value):
            for pk, stretch in busy_times(list(people.values()), since, before):
                found[pk].append(stretch)
        return {email: found[one.pk] for email, one in people.items()}


class CalendarCollection(DavCollection):
    """With `is_mine` and the first, also what the person is asked to from calendars of others."""

    def __init__(self, user: User, shown: Shown) -> None:
        self.user, self.pk = user, shown.pk
        self.key, self.name = shown.href or f"{PREFIX}{shown.pk}", shown.name
        self.color = HEXADECIMAL[Color(shown.color)]
        self.can_write = shown.can_write
        self.can_change = shown.is_mine and not shown.is_main
        self._has_invitations = shown.is_mine and shown.is_main
        self._roots: dict[str, int] = {}

    def _events(self) -> EventQuerySet:
        """Series, their exceptions and single events, without those that the person does not come to."""
        mine = Attendance.objects.filter(user=self.user)
        declined = mine.filter(answer=Attendance.Answer.DECLINED).values("event")
        here = Q(calendar=self.pk)
        if self._has_invitations:
            others = Q(calendar__code__startswith="U") & ~Q(calendar__code__in=[EVERYONE, code_of(self.user)])
            here |= others & Q(pk__in=mine.values("event"))
        return Event.objects.visible_to(self.user).there().filter(here).exclude(pk__in=declined)

    def tags(self) -> Mapping[str, str]:
        newest = self._events().order_by(F("span__endswith").desc(nulls_first=True), "-pk")
        return self._tags(newest.values_list(*_TAGGED)[: MOST_OBJECTS * 2])

    def _tags(self, rows: Iterable[tuple[int, int | None, int, datetime, str, str | None]]) -> dict[str, str]:
        families: dict[int, list[str]] = defaultdict(list)
        names: dict[int, str] = {}
        for pk, series, version, changed_at, href, series_href in rows:
            root = series or pk
            names[root] = href or series_href or f"{root}.ics"
            families[root].append(f"{pk}.{version}.{changed_at.timestamp()}")
        chosen = list(families)[:MOST_OBJECTS]
        said = _answers(chosen, self.user)
        found = {names[pk]: said[pk].tag(families[pk]) for pk in chosen}
        self._roots |= {names[pk]: pk for pk in chosen}
        return found

    def _tag_of(self, root: int) -> str:
        family = self._events().filter(Q(pk=root) | Q(series=root)).order_by("pk")
        return next(iter(self._tags(family.values_list(*_TAGGED)).values()), "")

    def read(self, names: Many[str]) -> Mapping[str, DavObject]:
        roots = {pk: name for name in names if (pk := self._root(name)) is not None}
        rows = self._events().filter(Q(pk__in=roots) | Q(series__in=roots)).order_by(*_SERIES_FIRST)
        families: dict[int, list[Event]] = defaultdict(list)
        for event in rows.select_related("room", "organizer", "series", "calendar"):
            families[event.series_id or event.pk].append(event)
        people = _people([one for family in families.values() for one in family])
        return {roots[pk]: self._object(family, people) for pk, family in families.items()}

    def _root(self, name: str) -> int | None:
        if name not in self._roots:
            self.tags()
        return self._roots.get(name)

    def _object(self, family: Sequence[Event], people: Mapping[int, _InEvent]) -> DavObject:
        moved = ics.moved_times(family)
        components = [self._component(one, moved[one.pk], people[one.pk]) for one in family]
        spans = [one.span for one in family]
        uppers = [one.upper for one in spans]
        return DavObject(
            text=ics.enclosing(components).decode(),
            uid=ics.uid_of(family[0]),
            changed_at=max(one.changed_at for one in family),
            begins_at=min(one.lower for one in spans),
            ends_at=None if None in uppers else max(uppers),
        )

    def _component(self, event: Event, moved: set[datetime], who: _InEvent) -> Component:
        mine = next((one for one in who.attendances if one.user_id == self.user.pk), None)
        remind = mine.remind_minutes if mine else None
        return ics.component(event, moved, people=who.people(event), remind_minutes=remind)

    def touching(self, since: datetime | None, before: datetime | None) -> Sequence[str] | None:
        if since is None and before is None:
            return None
        window = DateTimeTZRange(since, before)
        rows = self._events().filter(span__overlap=window).values_list(*_TAGGED)
        return list(self._tags(rows[:MOST_OBJECTS]))

    def name_of_uid(self, uid: str) -> str | None:
        rows = self._events().filter(series=None)
        number, _at, host = uid.partition("@")
        found = rows.filter(uid=uid).values_list(*_TAGGED)[:1]
        if not found and number.isdecimal() and len(number) < 19 and host == dav_host():
            found = rows.filter(pk=int(number), uid="").values_list(*_TAGGED)[:1]
        return next(iter(self._tags(found)), None)

    def write(self, name: str, text: str, *, tag: str | None) -> None:
        if tag is None:
            apply_new(Calendar.objects.get(pk=self.pk), name, text, by=self.user)
            return
        apply_text(self._locked(name, tag), text, by=self.user)

    def remove(self, name: str, *, tag: str) -> None:
        apply_removal(self._locked(name, tag), by=self.user)

    def _locked(self, name: str, tag: str) -> Sequence[Event]:
        """The series and what the person sees of it, if it still reads as they know it."""
        root = self._root(name)
        if root is None:
            raise DavChanged
        Event.objects.select_for_update().get(pk=root)
        now = self._tag_of(root)
        if tag not in {now, schedule_part(now)}:
            raise DavChanged
        family = self._events().filter(Q(pk=root) | Q(series=root)).order_by(*_SERIES_FIRST)
        return list(family.select_related("room", "organizer", "series", "calendar"))

    def change(self, *, name: str | None, color: str | None) -> None:
        calendar = Calendar.objects.get(pk=self.pk)
        self.name = (name or calendar.name)[:80]
        tint = nearest(color) if color else calendar.color
        change_calendar(calendar, name=self.name, color=tint, is_open=calendar.is_open, by=self.user)
        self.color = HEXADECIMAL[Color(tint)]

    def discard(self) -> None:
        remove_calendar(Calendar.objects.get(pk=self.pk), by=self.user)


# An exception may be older than the series that it was moved to.
_SERIES_FIRST = (F("series").asc(nulls_first=True), "pk")
_TAGGED = ("pk", "series", "version", "changed_at", "href", "series__href")


class _Asked:
    """Who takes part in a series, and what they have answered."""

    def __init__(self) -> None:
        self.who: list[str] = []
        self.own: list[str] = []
        self.answers: list[str] = []

    def add(self, who: str, answer: str) -> None:
        self.who.append(who)
        self.answers.append(f"{who}.{answer}")

    def add_own(self, who: str, answer: str, remind: int | None) -> None:
        self.add(who, answer)
        self.own.append(f"{who}.{answer}.{remind}")

    def tag(self, versions: Sequence[str]) -> str:
        """Whose part of it is only to look is asked nothing."""
        said, answers = (
            ";".join([*sorted(versions), *sorted(self.who), *sorted(self.own)]),
            sorted(self.answers),
        )
        if self.own and len(self.who) > len(self.own):
            return tag_of_meeting(said, ";".join(answers))
        return ";".join([said, *answers])


def _answers(roots: Sequence[int], reader: User) -> Mapping[int, _Asked]:
    """Of each series: it reads otherwise when somebody is asked, and when somebody answers."""
    of = Q(event__in=roots) | Q(event__series__in=roots)
    found: dict[int, _Asked] = defaultdict(_Asked)
    rows = Attendance.objects.filter(of).values_list(
        "event", "event__series", "user", "answer", "remind_minutes"
    )
    for event, series, user, answer, remind in rows:
        asked = found[series or event]
        if user == reader.pk:
            asked.add_own(f"u{event}.{user}", answer, remind)
        else:
            asked.add(f"u{event}.{user}", answer)
    guests = Guest.objects.asked().filter(of).values_list("event", "event__series", "email", "answer")
    for event, series, email, answer in guests:
        found[series or event].add(f"g{event}.{email}", answer)
    return found


class _InEvent:
    """Who takes part in one event, from here and from outside."""

    def __init__(self) -> None:
        self.attendances: list[Attendance] = []
        self.guests: list[Guest] = []

    def people(self, event: Event) -> ics.People | None:
        """None, where nobody else does: then it is no meeting."""
        if len(self.attendances) + len(self.guests) < 2:
            return None
        organizer = ics.Person(dav_address(event.organizer), event.organizer.name)
        inside = [
            ics.Person(dav_address(one.user), one.user.name, PARTSTATS[Attendance.Answer(one.answer)])
            for one in self.attendances
        ]
        outside = [
            ics.Person(one.email, one.name, PARTSTATS[Attendance.Answer(one.answer)]) for one in self.guests
        ]
        return ics.People(organizer, (*inside, *outside))


def _people(events: Sequence[Event]) -> Mapping[int, _InEvent]:
    found: dict[int, _InEvent] = defaultdict(_InEvent)
    for one in Attendance.objects.filter(event__in=events).select_related("user").order_by("pk"):
        found[one.event_id].attendances.append(one)
    for guest in Guest.objects.asked().filter(event__in=events).order_by("pk"):
        found[guest.event_id].guests.append(guest)
    return found
