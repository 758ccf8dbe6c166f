"""Rooms, and booking them: a room taken twice is refused by the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_keep_rooms
from box.apps.calendar.events import RoomDecided
from box.apps.calendar.models import Booking, Event, Room, RoomRequest
from box.apps.calendar.occurrences import of_event
from box.core.access.principals import codes_of
from box.core.events.outbox import emit
from box.core.registry.company import company_zone
from box.core.registry.environment import format_date, format_time
from box.core.structure.names import unaddressable
from box.lib.recurrence import local_moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.core.accounts.models import User

# So far ahead what recurs has its room; a nightly job carries it on.
AHEAD = timedelta(days=366)
MOST_BOOKINGS = 400


@dataclass(frozen=True, kw_only=True)
class RoomDraft:
    name: str
    place: str = ""
    capacity: int | None = None
    equipment: str = ""
    bookers: tuple[str, ...] = ()
    needs_approval: bool = False
    keepers: tuple[str, ...] = ()


@transaction.atomic
def create_room(draft: RoomDraft, *, by: User) -> Room:
    room = Room()
    _fill(room, draft, by)
    return room


@transaction.atomic
def change_room(room: Room, draft: RoomDraft, *, by: User) -> None:
    _fill(Room.objects.select_for_update().get(pk=room.pk), draft, by)
    if not draft.needs_approval:
        _grant_waiting(room, by)


def _grant_waiting(room: Room, by: User) -> None:
    """Of a room that needs nobody's word any more, all that waited for it."""
    for request in RoomRequest.objects.select_for_update().filter(room=room, state=RoomRequest.State.WAITING):
        request.state, request.decided_by = RoomRequest.State.APPROVED, by
        request.decided_at = timezone.now()
        request.save(update_fields=["state", "decided_by", "decided_at"])
        emit(RoomDecided(request_id=request.pk, count=request.count, by_id=by.pk))


@transaction.atomic
def retire_room(room: Room, *, by: User) -> None:
    """Nobody books it any more. What is booked stays, so that those who meet there are not without one."""
    _check_keeper(by)
    Room.objects.filter(pk=room.pk, retired_at=None).update(retired_at=timezone.now())


def _fill(room: Room, draft: RoomDraft, by: User) -> None:
    _check_keeper(by)
    if not draft.bookers or unaddressable(by, draft.bookers):
        raise ValidationError(_("Choose who may book the room."), code="bookers")
    if draft.needs_approval and (not draft.keepers or unaddressable(by, draft.keepers)):
        raise ValidationError(_("Choose who says whether somebody gets the room."), code="keepers")
    room.name, room.place = " ".join(draft.name.split()), " ".join(draft.place.split())
    room.capacity, room.equipment = draft.capacity, " ".join(draft.equipment.split())
    room.bookers = sorted(set(draft.bookers))
    room.needs_approval = draft.needs_approval
    room.keepers = sorted(set(draft.keepers)) if draft.needs_approval else []
    room.clean_fields()
    same = Room.objects.standing().filter(name=room.name).exclude(pk=room.pk)
    if same.exists():
        raise ValidationError(_("There is a room that is called so already."), code="name")
    room.save()


def _check_keeper(by: User) -> None:
    if not can_keep_rooms(by):
        raise PermissionDenied(_("Ask an administrator for the right to manage meeting rooms."))


def check_room(room: Room, *, by: User) -> None:
    """Whether this person may have it."""
    if room.retired_at is not None or codes_of(by).isdisjoint(room.bookers):
        raise ValidationError(_("You cannot book this room: choose another one."), code="room")


def free(event: Event) -> None:
    event.bookings.all().delete()


def book(event: Event) -> None:
    """The event has its room at its times, as far ahead as rooms are booked, and at no others. Raises
    ValidationError where somebody else has it then."""
    if event.room is None or event.removed_at is not None:
        free(event)
        return
    _hold_rooms(event)
    free(event)
    before = max(timezone.now(), event.starts_at) + AHEAD
    _write(event, list(_times(event, event.starts_at - timedelta(days=1), before)))


def _hold_rooms(event: Event) -> None:
    """Its room, and those that it leaves, one after the other: of many who book at once the constraint lets
    one through, and some of the others would die of a deadlock instead of hearing that it is taken."""
    rooms = Room.objects.filter(Q(pk=event.room_id) | Q(pk__in=event.bookings.values("room")))
    list(rooms.select_for_update(no_key=True).order_by("pk"))


def book_ahead(now: datetime) -> int:
    """Carries on what recurs for longer than rooms were booked; returns how many series were. One whose time
    somebody else has by then goes without."""
    endless = Event.objects.there().exclude(rule="").exclude(room=None).overlapping(now, now + AHEAD)
    count = 0
    for event in endless.select_related("room"):
        last = event.bookings.order_by("-span").first()
        # Nothing is booked yet of one that had no time within a year.
        since = now if last is None else last.span.upper
        new = [one for one in _times(event, since, now + AHEAD) if one.lower >= since]
        for span in new:
            try:
                _write(event, [span])
            except ValidationError:
                continue
        count += bool(new)
    return count


def _times(event: Event, since: datetime, before: datetime) -> Iterator[DateTimeTZRange]:
    for one in islice(of_event(event, since, before), MOST_BOOKINGS):
        if event.is_all_day:
            zone = company_zone()
            days = (end.astimezone(UTC) for end in (one.starts_at, one.ends_at))
            yield DateTimeTZRange(*(local_moment(day.date(), day.time(), zone) for day in days))
        else:
            yield DateTimeTZRange(one.starts_at, one.ends_at)


def _write(event: Event, spans: list[DateTimeTZRange]) -> None:
    try:
        with transaction.atomic():
            Booking.objects.bulk_create(Booking(room=event.room, event=event, span=span) for span in spans)
    except IntegrityError:
        raise ValidationError(_taken(event, spans), code="taken") from None


def _taken(event: Event, spans: list[DateTimeTZRange]) -> str:
    """When it is taken, as far as this can be seen: who took it at this very moment cannot."""
    for span in spans:
        clash = Booking.objects.filter(room=event.room, span__overlap=span).exclude(event=event).first()
        if clash is not None:
            starts = timezone.localtime(clash.span.lower)
            when = f"{format_date(starts.date())}, {format_time(starts.time())}"
            return _("%(room)s is taken: %(when)s. Choose another room or time.") % {
                "room": event.room,
                "when": when,
            }
    return _("%(room)s was taken at this moment. Choose another room or time.") % {"room": event.room}
