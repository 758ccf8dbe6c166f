"""Events: made, changed, moved and removed; of a series one time, one and all after it, or all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_edit, can_write
from box.apps.calendar.actions.attendees import attend, attendees_of, invited_people
from box.apps.calendar.actions.audiences import write_audience
from box.apps.calendar.actions.guests import GuestDraft, ask_guests, copy_guest_answers
from box.apps.calendar.actions.requests import ask_for_room
from box.apps.calendar.actions.revisions import remember
from box.apps.calendar.actions.rooms import book, check_room, free
from box.apps.calendar.events import EventChanged, EventCreated, EventRemoved
from box.apps.calendar.models import KEPT_REMOVED, Calendar, Event, Meeting, Revision, Room
from box.apps.calendar.occurrences import occurrence_at
from box.core.events.outbox import emit
from box.core.registry.origin import is_importing, moment
from box.lib.moments import EARLIEST, refuse_distant
from box.lib.recurrence import BadRule, Rule, local_moment, parse, realigned

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User

LONGEST = timedelta(days=366)
MOST_CHANGES = 2**30
"""Of what another program says: the column holds as many again."""
MOST_EXCEPTIONS = 500
# What a person writes, and the model knows the bounds of.
_WRITTEN = {"title", "description", "place", "rule"}


class Scope(StrEnum):
    """Which times of a series are meant."""

    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class EventDraft:
    """An event as somebody wants it. What lasts whole days begins and ends at midnight in UTC, and ends the
    day after its last. `invited` are codes of principals; a department or a group means those who are in it
    now."""

    title: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    is_all_day: bool = False
    rule: str = ""
    description: str = ""
    place: str = ""
    is_confidential: bool = False
    is_free: bool = False
    invited: tuple[str, ...] = ()
    room: Room | None = None
    guests: tuple[GuestDraft, ...] | None = None
    kept_lines: str | None = None
    excluded: tuple[datetime, ...] | None = None
    """Of a series that is new: times at which it does not take place."""


@dataclass(frozen=True)
class Change:
    """The event that has what was meant now, and what takes the change back."""

    event: Event
    revision: Revision


@transaction.atomic
def create_event(
    calendar: Calendar, draft: EventDraft, *, by: User, uid: str = "", href: str = "", sequence: int = 0
) -> Event:
    """`uid` and `href` are what another program calls it, and where it keeps it; `sequence` is how often it
    has changed there: nobody is told of a smaller one from here on."""
    if not is_importing() and not can_write(by, calendar):
        raise PermissionDenied(_("You may look into this calendar, and not write into it."))
    now = moment()
    event = Event(calendar=calendar, organizer=by, changed_by=by, created_at=now, changed_at=now, uid=uid,
                  href=href, version=min(sequence, MOST_CHANGES))  # fmt: skip
    _fill(event, draft, by)
    if event.rule:
        event.excluded = _checked_excluded(draft.excluded or ())
    _store(event, {by.pk, *invited_people(draft.invited, by=by)}, by=by)
    ask_guests(event, draft.guests or (), by=by)
    emit(EventCreated(event_id=event.pk, by_id=by.pk))
    return event


@transaction.atomic
def change_event(
    event: Event, draft: EventDraft, *, by: User, scope: Scope = Scope.ALL, at: datetime | None = None,
    calendar: Calendar | None = None, version: int | None = None,
) -> Change:  # fmt: skip
    """`at` is the time of the series that was looked at, and `draft` says what is to become of that time. One
    time alone stays in the calendar of its series, whichever is given. `version` is the one that was looked
    at: raises ValidationError if it is no longer the newest, for somebody's change would be lost unseen."""
    event, scope, at = _meant(event, scope, at, by)
    if version not in (None, event.version):
        said = _("The event was changed meanwhile. Save again to put what stands here in its place.")
        raise ValidationError(said, code="version")
    if event.series_id or (event.rule and scope is Scope.THIS):
        calendar = None
    if calendar is not None and calendar.pk != event.calendar_id:
        if not can_write(by, calendar):
            raise PermissionDenied(_("You may look into this calendar, and not write into it."))
        event.calendar = calendar
    revision = remember(event.series or event, by=by)
    match scope:
        case Scope.THIS if event.rule:
            made = _made_exception(event, _need(at), draft, by)
        case Scope.FOLLOWING:
            made = _made_rest(event, _need(at), draft, by)
        case _:
            _change_whole(event, draft, at, by)
            made = event
    if calendar is not None:
        _bring_exceptions(made)
    if made is not event:
        revision.made_ids = [made.pk]
        revision.save(update_fields=["made_ids"])
    return Change(made, revision)


def move_event(
    event: Event, starts_at: datetime, ends_at: datetime, *, by: User, is_all_day: bool | None = None,
    scope: Scope = Scope.ALL, at: datetime | None = None,
) -> Change:  # fmt: skip
    """The same event at another time: a rule that names the days of the week follows it to others."""
    old = (at or event.starts_at).astimezone(event.tz)
    all_day = event.is_all_day if is_all_day is None else is_all_day
    zone = UTC if all_day else ZoneInfo(event.zone)
    rule = event.recurrence
    if rule is not None:
        rule = realigned(rule, old.date(), starts_at.astimezone(zone).date())
    draft = replace(
        draft_of(event), starts_at=starts_at, ends_at=ends_at, is_all_day=all_day, rule=str(rule or "")
    )
    return change_event(event, draft, by=by, scope=scope, at=at)


def draft_of(event: Event) -> EventDraft:
    """The event as it is."""
    return EventDraft(
        title=event.title,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        zone=event.zone,
        is_all_day=event.is_all_day,
        rule=event.rule,
        description=event.description,
        place=event.place,
        is_confidential=event.is_confidential,
        is_free=event.is_free,
        invited=tuple(f"U{pk}" for pk in attendees_of(event)),
        room=event.room,
    )


@transaction.atomic
def remove_event(event: Event, *, by: User, scope: Scope = Scope.ALL, at: datetime | None = None) -> Revision:
    """For a month it can be put back: see `take_back`."""
    event, scope, at = _meant(event, scope, at, by)
    revision = remember(event.series or event, by=by)
    rule = event.recurrence
    if scope is Scope.THIS and rule is not None:
        _exclude(event, [_need(at)])
        _touch(event, by, is_moved=True)
    elif scope is Scope.FOLLOWING and rule is not None:
        at = _need(at)
        event.rule = str(rule.cut_at(event.local_start, at)[0])
        _write_span(event)
        _end_exceptions(event, since=at)
        _touch(event, by, is_moved=True)
    else:
        _remove_whole(event, by)
    return revision


@transaction.atomic
def withdraw_event(event: Event, *, by: User) -> None:
    """Removes what takes place once, in the name of `by` and whatever their rights: somebody else asks for
    it, whose appointment it was."""
    event = Event.objects.select_for_update(of=("self",)).select_related("calendar").get(pk=event.pk)
    if event.removed_at is None:
        remember(event, by=by)
        _remove_whole(event, by)


def _remove_whole(event: Event, by: User) -> None:
    _end_exceptions(event)
    event.removed_at = timezone.now()
    free(event)
    event.version += 1
    event.save(update_fields=["removed_at", "version"])
    people = tuple(sorted(attendees_of(event)))
    emit(EventRemoved(event_id=event.pk, by_id=by.pk, version=event.version, user_ids=people))


def _bring_exceptions(event: Event) -> None:
    """One time of a series stays where the series is."""
    for exception in event.exceptions.exclude(calendar=event.calendar_id):
        exception.calendar = event.calendar
        exception.save(update_fields=["calendar"])
        write_audience(exception)


def _end_exceptions(event: Event, since: datetime = EARLIEST) -> None:
    """Those of a series that take the place of a time from this moment on."""
    for exception in event.exceptions.filter(removed_at=None, original_at__gte=since):
        exception.removed_at = timezone.now()
        exception.save(update_fields=["removed_at"])
        free(exception)


def purge_removed(now: datetime) -> int:
    """Ends for good what was removed a month ago; returns how many events there were. One time of a series
    that has minutes stays as who may read them."""
    minutes = Meeting.objects.filter(event=OuterRef("series"), at=OuterRef("original_at"))
    gone = Event.objects.filter(~Exists(minutes), removed_at__lt=now - KEPT_REMOVED)
    return gone.delete()[1].get("calendar.Event", 0)


def _meant(event: Event, scope: Scope, at: datetime | None, by: User) -> tuple[Event, Scope, datetime | None]:
    """The row that a change is made to, locked, and the time of it that is meant."""
    if event.series_id and scope is not Scope.THIS:
        at = event.original_at
        event = Event.objects.get(pk=event.series_id)
    # The series first: whoever changes a time of it holds all of it.
    if event.series_id:
        Event.objects.select_for_update().get(pk=event.series_id)
    event = Event.objects.select_for_update(of=("self",)).select_related("calendar", "room").get(pk=event.pk)
    if event.removed_at:
        raise ValidationError(_("This event was removed: reload the page."), code="removed")
    if not is_importing() and not can_edit(by, event):
        raise PermissionDenied(_("You may look at this event, and not change it."))
    if not event.rule:
        return event, Scope.THIS, None
    if scope is Scope.FOLLOWING and at == event.starts_at:
        scope = Scope.ALL
    if scope is not Scope.ALL or at is not None:
        at = at or event.starts_at
        if occurrence_at(event, at) is None and not event.exceptions.filter(original_at=at).exists():
            raise ValidationError(_("There is no such time of this series: reload the page."), code="at")
    return event, scope, at


def _need(at: datetime | None) -> datetime:
    if at is None:
        raise ValidationError(_("Say which time of the series you mean."), code="at")
    return at


def _fill(event: Event, draft: EventDraft, by: User) -> None:
    """The draft's words and times in the row, checked, and the span that follows from them."""
    event.title = " ".join(draft.title.split())
    event.description = draft.description.replace("\r\n", "\n").strip()
    event.place = " ".join(draft.place.split())
    event.is_all_day, event.is_free = draft.is_all_day, draft.is_free
    event.is_confidential = draft.is_confidential
    if draft.kept_lines is not None:
        event.kept_lines = draft.kept_lines
    event.zone = _checked_zone(draft.zone)
    event.starts_at, event.ends_at = draft.starts_at, draft.ends_at
    rule = _checked_rule(draft.rule) if draft.rule else None
    _check_times(event)
    if rule is not None:
        first = rule.first(event.local_start)
        if first is None:
            raise ValidationError(_("By this rule it would never take place."), code="rule")
        event.ends_at, event.starts_at = first + event.duration, first
    event.rule = str(rule or "")
    # Who has it keeps it, whoever changes the event.
    if draft.room is not None and draft.room.pk != event.room_id:
        check_room(draft.room, by=by)
    event.room = draft.room
    event.clean_fields(exclude={field.name for field in event._meta.fields} - _WRITTEN)
    event.span = _span(event, rule)


def _check_times(event: Event) -> None:
    refuse_distant(event.starts_at)
    if event.ends_at <= event.starts_at:
        raise ValidationError(_("It ends before it begins: change one of the two."), code="times")
    if event.duration > LONGEST:
        raise ValidationError(_("An event lasts a year at most."), code="times")
    ends = (event.starts_at, event.ends_at)
    if event.is_all_day and any(one.astimezone(UTC).time() != time() for one in ends):
        raise ValidationError(_("What lasts whole days begins and ends at midnight."), code="times")


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError(_("This time zone is unknown."), code="zone") from None
    return name


def _checked_rule(text: str) -> Rule:
    try:
        return parse(text)
    except BadRule as error:
        raise ValidationError(str(error), code="rule") from None


def _span(event: Event, rule: Rule | None) -> DateTimeTZRange:
    if rule is None:
        return DateTimeTZRange(event.starts_at, event.ends_at)
    if rule.is_endless:
        return DateTimeTZRange(event.starts_at, None)
    last = rule.last(event.local_start) or event.starts_at
    return DateTimeTZRange(event.starts_at, last + event.duration)


def _write_span(event: Event) -> None:
    event.span = _span(event, event.recurrence)
    event.save(update_fields=["rule", "span"])
    book(event)
    event.attendances.update(span=event.span)


def _store(
    event: Event, people: Iterable[int], *, by: User, asks_anew: bool = False, is_new_room: bool = True,
    like: Event | None = None,
) -> None:  # fmt: skip
    """The row, its room, who takes part, and who sees it."""
    event.audience = [f"U{event.organizer_id}"]
    event.save()
    book(event)
    ask_for_room(event, by=by, is_new=is_new_room, like=like)
    attend(event, set(people), by=by, asks_anew=asks_anew)
    write_audience(event)


def _touch(
    event: Event, by: User, *, is_moved: bool, former: Iterable[int] = (), is_cut: bool = False
) -> None:
    event.version += 1
    event.changed_by, event.changed_at = by, moment()
    event.save(update_fields=["version", "changed_by", "changed_at"])
    emit(
        EventChanged(
            event_id=event.pk, by_id=by.pk, version=event.version, is_moved=is_moved,
            former_user_ids=tuple(sorted(former)), is_cut=is_cut,
        )
    )  # fmt: skip


def _exclude(event: Event, moments: Iterable[datetime]) -> None:
    event.excluded = _checked_excluded({*event.excluded, *moments})
    event.save(update_fields=["excluded"])
    book(event)


def _checked_excluded(moments: Collection[datetime]) -> list[datetime]:
    if len(moments) > MOST_EXCEPTIONS:
        raise ValidationError(
            _("A series has %(most)s exceptions at most: change it from this time on instead.")
            % {"most": MOST_EXCEPTIONS},
            code="exceptions",
        )
    return sorted(moments)


@transaction.atomic
def change_excluded(event: Event, moments: Collection[datetime], *, by: User) -> Revision:
    """Of a series exactly these times are left out, or take place otherwise."""
    event, _scope, _at = _meant(event, Scope.ALL, None, by)
    revision = remember(event, by=by)
    event.excluded = _checked_excluded(moments)
    event.save(update_fields=["excluded"])
    book(event)
    _touch(event, by, is_moved=True)
    return revision


def _change_whole(event: Event, draft: EventDraft, at: datetime | None, by: User) -> None:
    """An event that does not recur, an exception, or a series as a whole."""
    was, before = (event.starts_at, event.ends_at, event.rule), event.local_start
    had = event.room_id
    old_rule = event.recurrence
    former = attendees_of(event)
    if old_rule is not None:
        draft = _from_the_first(event, draft, at or event.starts_at)
    _fill(event, replace(draft, rule="" if event.series_id else draft.rule), by)
    is_moved = was != (event.starts_at, event.ends_at, event.rule)
    if old_rule is not None and is_moved:
        _move_exceptions(event, old_rule, before)
    people = {event.organizer_id, *invited_people(draft.invited, by=by, known=former)}
    _store(event, people, by=by, asks_anew=is_moved, is_new_room=is_moved or had != event.room_id)
    ask_guests(event, _guests(event, draft), by=by, asks_anew=is_moved)
    _touch(event, by, is_moved=is_moved, former=former - people)


def _guests(event: Event, draft: EventDraft) -> tuple[GuestDraft, ...]:
    if draft.guests is not None:
        return draft.guests
    return tuple(GuestDraft(one.email, one.name) for one in event.guests.asked())


def _from_the_first(event: Event, draft: EventDraft, at: datetime) -> EventDraft:
    """What is said of the time `at` as it is said of the first time."""
    zone = UTC if draft.is_all_day else ZoneInfo(_checked_zone(draft.zone))
    moved = _wall(draft.starts_at.astimezone(zone)) - _wall(at.astimezone(event.tz))
    wall = _wall(event.local_start) + moved
    start = local_moment(wall.date(), wall.time(), zone)
    return replace(draft, starts_at=start, ends_at=start + (draft.ends_at - draft.starts_at))


def _wall(moment: datetime) -> datetime:
    """What a clock on the wall says then."""
    return moment.replace(tzinfo=None)


def _move_exceptions(event: Event, old_rule: Rule, before: datetime) -> None:
    """They go along with a series that is moved, as do meetings. By another rule there are no such times
    any more."""
    after = event.local_start
    by_same_rhythm = event.recurrence == realigned(old_rule, before.date(), after.date())
    exceptions = event.exceptions.filter(removed_at=None)
    if not by_same_rhythm:
        event.excluded = []
        _end_exceptions(event)
        return
    event.excluded = [_moved(one, before, after) for one in event.excluded]
    _move_meetings(event.meetings.all(), event, before, after)
    # None takes the time of one that is still to be moved.
    for exception in exceptions.order_by("-original_at" if after > before else "original_at"):
        if exception.original_at is not None:
            exception.original_at = _moved(exception.original_at, before, after)
            exception.save(update_fields=["original_at"])


def _move_meetings(meetings: QuerySet[Meeting], to: Event, before: datetime, after: datetime) -> None:
    Meeting.objects.rehang({one.pk: (to.pk, _moved(one.at, before, after)) for one in meetings})


def _moved(moment: datetime, before: datetime, after: datetime) -> datetime:
    wall = _wall(moment.astimezone(before.tzinfo)) + (_wall(after) - _wall(before))
    return local_moment(wall.date(), wall.time(), after.tzinfo or UTC)


def _made_exception(event: Event, at: datetime, draft: EventDraft, by: User) -> Event:
    """The time `at` of the series as a row of its own."""
    made = _copy(event)
    made.series, made.original_at = event, at
    _fill(made, replace(draft, rule=""), by)
    _exclude(event, [at])
    former = attendees_of(event)
    people = {event.organizer_id, *invited_people(draft.invited, by=by, known=former)}
    is_moved = made.starts_at != at or made.duration != event.duration
    _store(made, people, by=by, like=None if is_moved else event)
    ask_guests(made, _guests(event, draft), by=by)
    _copy_answers(event, made, asks_anew=is_moved)
    _touch(made, by, is_moved=is_moved, former=former - people)
    return made


def _made_rest(event: Event, at: datetime, draft: EventDraft, by: User) -> Event:
    """The series ends before `at`, and another one begins there, with the exceptions that come after."""
    rule = event.recurrence
    if rule is None:
        raise ValidationError(_("This event does not recur."), code="scope")
    before, rest = rule.cut_at(event.local_start, at)
    aligned = realigned(rule, at.astimezone(event.tz).date(), draft.starts_at.astimezone(event.tz).date())
    made = _copy(event)
    made.cut_from = event
    # Who has said nothing of the rule means what is left of it.
    follows = draft.rule in (event.rule, str(aligned))
    kept = str(replace(parse(draft.rule), count=rest.count)) if follows else draft.rule
    _fill(made, replace(draft, rule=kept), by)
    former = attendees_of(event)
    people = {event.organizer_id, *invited_people(draft.invited, by=by, known=former)}
    is_moved = made.starts_at != at or made.duration != event.duration or not follows
    later = [one for one in event.excluded if one >= at]
    exceptions = list(event.exceptions.filter(original_at__gte=at, removed_at=None))
    old, new = at.astimezone(event.tz), made.local_start
    made.excluded = [_moved(one, old, new) for one in later] if follows else []
    # Before the rest is there, so that it finds the room free.
    event.rule, event.excluded = str(before), [one for one in event.excluded if one < at]
    event.save(update_fields=["excluded"])
    _write_span(event)
    _store(made, people, by=by, like=None if is_moved else event)
    ask_guests(made, _guests(event, draft), by=by)
    _copy_answers(event, made, asks_anew=is_moved)
    if follows:
        _move_meetings(event.meetings.filter(at__gte=at), made, old, new)
    for exception in exceptions:
        if follows and exception.original_at is not None:
            exception.series, exception.original_at = made, _moved(exception.original_at, old, new)
        else:
            exception.removed_at = timezone.now()
            free(exception)
        exception.save(update_fields=["series", "original_at", "removed_at"])
    _touch(event, by, is_moved=False, is_cut=True)
    _touch(made, by, is_moved=is_moved, former=former - people)
    return made


def _copy(event: Event) -> Event:
    return Event(
        calendar=event.calendar, organizer_id=event.organizer_id, changed_by=event.changed_by,
        room=event.room, kept_lines=event.kept_lines, created_at=moment(), changed_at=moment(),
    )  # fmt: skip


def _copy_answers(event: Event, made: Event, *, asks_anew: bool) -> None:
    """Who had answered for the series has answered for what is made of it, if it is at the same time."""
    if asks_anew:
        return
    copy_guest_answers(event, made)
    answers = {one.user_id: one for one in event.attendances.all()}
    for attendance in made.attendances.all():
        known = answers.get(attendance.user_id)
        if known is not None:
            attendance.answer, attendance.answered_at = known.answer, known.answered_at
            attendance.save(update_fields=["answer", "answered_at"])
