"""Asking whoever keeps a room, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_approve
from box.apps.calendar.actions.rooms import free
from box.apps.calendar.events import EventChanged, RoomAsked, RoomDecided
from box.apps.calendar.models import LONGEST_REASON, Event, Room, RoomRequest
from box.core.events.outbox import emit
from box.core.registry.origin import is_importing, moment

if TYPE_CHECKING:
    from box.core.accounts.models import User

State = RoomRequest.State


def ask_for_room(event: Event, *, by: User, is_new: bool, like: Event | None = None) -> None:
    """Within the transaction that has booked the event's room. `is_new` says that the room or the times are
    others than before; `like` is what an event was made of at the same times: what was approved of it holds.
    """
    asked = RoomRequest.objects.filter(event=event)
    if event.room_id is None:
        # What was refused is said until another room is chosen.
        asked.exclude(state=State.REFUSED).delete()
        return
    # Read anew: whoever changed the room meanwhile was waited for when it was booked.
    room = Room.objects.get(pk=event.room_id)
    if not room.needs_approval:
        asked.delete()
    elif is_new:
        _ask(event, room, by, like)


def _ask(event: Event, room: Room, by: User, like: Event | None) -> None:
    request = RoomRequest.objects.filter(event=event).first() or RoomRequest(event=event, count=0)
    request.room, request.count, request.reason = room, request.count + 1, ""
    request.asked_by, request.asked_at = by, moment()
    request.state, request.decided_by, request.decided_at = State.WAITING, None, None
    if is_importing() or can_approve(by, room):
        request.state, request.decided_by, request.decided_at = State.APPROVED, by, request.asked_at
    elif like is not None and like.room_id == room.pk:
        before = RoomRequest.objects.filter(event=like).first()
        if before is None:
            # They had it before it needed anybody's word.
            return
        if before.state == State.APPROVED:
            request.state, request.decided_by = State.APPROVED, before.decided_by
            request.decided_at = before.decided_at
    request.save()
    if request.is_waiting:
        emit(RoomAsked(request_id=request.pk, count=request.count, by_id=by.pk))


@transaction.atomic
def decide_request(
    request: RoomRequest, *, by: User, is_approved: bool, count: int, reason: str = ""
) -> RoomRequest:
    """`count` says which asking is meant. A room that is refused is free at once; the event stays."""
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not is_approved and not reason:
        raise ValidationError(_("Say why, so that they can ask for something else."), code="reason")
    event = _locked(request)
    request = RoomRequest.objects.select_for_update(of=("self",)).select_related("room").get(pk=request.pk)
    if not can_approve(by, request.room):
        raise PermissionDenied(_("Whoever keeps this room says who has it."))
    if event.removed_at or not request.is_waiting or request.count != count:
        raise ValidationError(_("This request has changed meanwhile: look at it again."), code="changed")
    request.state = State.APPROVED if is_approved else State.REFUSED
    request.decided_by, request.decided_at, request.reason = by, moment(), reason
    request.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    if not is_approved:
        _give_back(event, by, told={request.asked_by_id, event.organizer_id})
    emit(RoomDecided(request_id=request.pk, count=request.count, by_id=by.pk))
    return request


def _locked(request: RoomRequest) -> Event:
    """The series first, as whoever changes a time of it does."""
    series = Event.objects.filter(pk=request.event_id).values_list("series", flat=True).first()
    if series is not None:
        Event.objects.select_for_update().get(pk=series)
    return Event.objects.select_for_update(of=("self",)).get(pk=request.event_id)


def _give_back(event: Event, by: User, *, told: set[int]) -> None:
    """`told` hear that it is refused, the others that the event has changed."""
    event.room = None
    free(event)
    event.version += 1
    event.changed_by, event.changed_at = by, moment()
    event.save(update_fields=["room", "version", "changed_by", "changed_at"])
    emit(
        EventChanged(event_id=event.pk, by_id=by.pk, version=event.version, told_user_ids=tuple(sorted(told)))
    )
