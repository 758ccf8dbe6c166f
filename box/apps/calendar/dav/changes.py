"""What a phone or a mail program has written becomes changes of events, by the room's own actions: each keeps
what was before, so that its owner takes back what a program has done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_edit
from box.apps.calendar.actions import (
    EventDraft,
    Scope,
    answer_event,
    change_event,
    choose_reminder,
    create_event,
    remove_event,
)
from box.apps.calendar.actions.events import change_excluded, draft_of
from box.apps.calendar.dav.people import people_meant
from box.apps.calendar.models import Attendance, Event
from box.apps.calendar.occurrences import of_event
from box.core.registry.company import TIME_ZONE
from box.core.registry.dav import dav_address
from box.lib.icalendars import NotCalendar, read
from box.lib.recurrence import BadRule, parse

if TYPE_CHECKING:
    from box.apps.calendar.models import Calendar
    from box.core.accounts.models import User
    from box.lib.icalendars import Item

_ANSWERS = {
    "ACCEPTED": Attendance.Answer.ACCEPTED,
    "TENTATIVE": Attendance.Answer.TENTATIVE,
    "DECLINED": Attendance.Answer.DECLINED,
}


def apply_new(calendar: Calendar, href: str, text: str, *, by: User) -> None:
    """An exception that comes without its series is an event of its own."""
    items = _items(text, by)
    master = next((one for one in items if one.original_at is None), None)
    if master is None and len(items) > 1:
        raise ValidationError(_("The series itself is missing: send all of it."))
    item = master or items[0]
    draft = _draft(item, by)
    made = create_event(calendar, draft, by=by, uid=item.uid, href=href, sequence=item.sequence)
    _remind(made, item, by)
    if master is not None:
        _apply_exceptions(made, [one for one in items if one is not master], by)


def apply_text(family: Sequence[Event], text: str, *, by: User) -> None:
    """Whoever may not change the event answers: what else the text says is left."""
    items = _items(text, by)
    root = family[0]
    if not can_edit(by, root):
        _answer(family, items, by)
        return
    master = next((one for one in items if one.original_at is None), None)
    others = [one for one in items if one is not master]
    if master is None:
        # Some programs send a time without its series: the series stays as it is.
        _apply_exceptions(_series(root), others, by)
        return
    if root.series_id is not None:
        raise PermissionDenied(_("You are invited to some times of this series only."))
    draft = _draft(master, by, of=root)
    if _differs(draft, root):
        root = change_event(root, draft, by=by, at=root.starts_at if root.rule else None).event
    _remind(root, master, by)
    kept = _apply_exceptions(root, others, by)
    for gone in root.exceptions.filter(removed_at=None).exclude(pk__in=kept).select_related("calendar"):
        remove_event(gone, by=by, scope=Scope.THIS)
    _leave_out(root, master, by)


def apply_removal(family: Sequence[Event], *, by: User) -> None:
    """Who was only asked does not come."""
    root = family[0]
    if can_edit(by, root):
        for event in [root] if root.series_id is None else family:
            remove_event(event, by=by, scope=Scope.THIS if event.series_id else Scope.ALL)
        return
    asked = [one for one in family if one.attendances.filter(user=by).exists()]
    if not asked:
        raise PermissionDenied(_("You may look at this event, and not change it."))
    for event in asked:
        answer_event(event, Attendance.Answer.DECLINED, by=by)


def _items(text: str, by: User) -> Sequence[Item]:
    try:
        found = read(text.encode(), zone=by.time_zone or TIME_ZONE.value)
    except NotCalendar as error:
        raise ValidationError(str(error)) from None
    items = [one for one in found.items if one.kind == "VEVENT"]
    if not items or found.refused:
        raise ValidationError(_("This is no event: it has no beginning."))
    return items


def _draft(item: Item, by: User, *, of: Event | None = None) -> EventDraft:
    """Of an event that is there: its room stays, and does not stand in its place twice."""
    if item.starts_at is None or item.ends_at is None:
        raise ValidationError(_("This is no event: it has no beginning."))
    is_others = bool(item.organizer) and item.organizer not in {dav_address(by), ""} and of is None
    codes, guests = ((), ()) if is_others else people_meant(item.attendees)
    if of is not None and of.organizer_id != by.pk:
        codes = (*codes, f"U{of.organizer_id}")
        guests = tuple(one for one in guests if one.email != dav_address(of.organizer))
    place = item.place
    if of is not None and of.room is not None:
        place = place.removeprefix(of.room.name).removeprefix(",").strip()
    return EventDraft(
        title=item.title or _("Without a title"),
        starts_at=item.starts_at,
        ends_at=item.ends_at,
        zone=item.zone,
        is_all_day=item.is_all_day,
        rule=_rule(item.rule),
        description=item.description,
        place=place,
        is_confidential=item.is_confidential,
        is_free=item.is_free,
        invited=codes,
        room=of.room if of is not None else None,
        guests=guests,
        kept_lines=item.kept,
        excluded=item.excluded,
    )


def _rule(text: str) -> str:
    try:
        return str(parse(text)) if text else ""
    except BadRule as error:
        raise ValidationError(str(error)) from None


def _differs(draft: EventDraft, event: Event) -> bool:
    """Whether anything but answers and reminders is otherwise: then everybody hears of a change."""
    now = draft_of(event)
    guests = {one.email for one in event.guests.asked()}
    own = f"U{event.organizer_id}"
    same = replace(
        draft, invited=now.invited, guests=now.guests, excluded=now.excluded, starts_at=now.starts_at,
        ends_at=now.ends_at,
    )  # fmt: skip
    return (
        same != replace(now, rule=_rule(now.rule), kept_lines=event.kept_lines)
        or (draft.starts_at, draft.ends_at) != (now.starts_at, now.ends_at)
        or {*draft.invited, own} != {*now.invited, own}
        or {one.email for one in draft.guests or ()} != guests
    )


def _remind(event: Event, item: Item, by: User) -> None:
    minutes = item.alarms[0] if item.alarms else None
    mine = event.attendances.filter(user=by).first()
    if mine is not None and mine.remind_minutes != minutes:
        choose_reminder(event, minutes, by=by)


def _series(event: Event) -> Event:
    found: Event = event.series or event
    return found


def _apply_exceptions(series: Event, items: Sequence[Item], by: User) -> list[int]:
    """The ids of the rows that these are now."""
    there = {one.original_at: one for one in series.exceptions.filter(removed_at=None)}
    kept: list[int] = []
    for item in items:
        at = _original(series, item, there)
        if at is None:
            continue
        present = there.get(at)
        if item.is_cancelled:
            if present is None:
                remove_event(series, by=by, scope=Scope.THIS, at=at)
            continue
        kept.append(_apply_exception(series, present, item, at, by).pk)
    return kept


def _apply_exception(series: Event, present: Event | None, item: Item, at: datetime, by: User) -> Event:
    of = present or series
    draft = replace(_draft(item, by, of=of), rule="", excluded=None)
    if present is None:
        made = change_event(series, draft, by=by, scope=Scope.THIS, at=at).event
    elif _differs(draft, present):
        made = change_event(present, draft, by=by, scope=Scope.THIS).event
    else:
        made = present
    _remind(made, item, by)
    return made


def _original(series: Event, item: Item, there: Mapping[datetime | None, Event]) -> datetime | None:
    """Which time of the series is meant: that moment, else the only time of that day. None: there is none
    such any more."""
    at = item.original_at
    if at is None or not series.rule:
        return None
    at = at.astimezone(UTC)
    if at in there or _is_time(series, at):
        return at
    day = at.date() if item.original_is_day else at.astimezone(series.tz).date()
    on_day = [one for one in there if one is not None and one.astimezone(series.tz).date() == day]
    begin = datetime(day.year, day.month, day.day, tzinfo=series.tz)
    on_day += [
        one.starts_at
        for one in of_event(series, begin, begin.replace(hour=23, minute=59))
        if one.starts_at.astimezone(series.tz).date() == day
    ]
    return on_day[0].astimezone(UTC) if len(on_day) == 1 else None


def _is_time(series: Event, at: datetime) -> bool:
    return any(one.starts_at == at for one in of_event(series, at, at.replace(microsecond=1)))


def _leave_out(series: Event, master: Item, by: User) -> None:
    """Exactly what the program says, and the times that take place otherwise."""
    series = Event.objects.select_related("calendar", "room").get(pk=series.pk)
    moved = series.exceptions.filter(removed_at=None).values_list("original_at", flat=True)
    excluded = sorted({*master.excluded, *(one for one in moved if one is not None)}) if series.rule else []
    if excluded != sorted(series.excluded):
        change_excluded(series, excluded, by=by)


def _answer(family: Sequence[Event], items: Sequence[Item], by: User) -> None:
    """Of the series, and of times that were answered otherwise."""
    own = {dav_address(by), (by.email or "").lower()}
    said = {one.original_at: _own_answer(one, own) for one in items}
    answered = False
    for event in family:
        mine = event.attendances.filter(user=by).first()
        key = event.original_at if event.original_at in said else None
        answer = said.get(key)
        item = next((one for one in items if one.original_at == key), None)
        if mine is None or item is None:
            continue
        answered = True
        if answer is not None and answer != mine.answer:
            answer_event(event, answer, by=by)
        _remind(event, item, by)
    if not answered:
        raise PermissionDenied(_("You may look at this event, and not change it."))


def _own_answer(item: Item, own: set[str]) -> Attendance.Answer | None:
    return next((_ANSWERS.get(one.answer) for one in item.attendees if one.email in own), None)
