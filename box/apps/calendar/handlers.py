"""What follows when calendars change: open pages hear of it, who takes part is told once a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from box.apps.calendar import notices
from box.apps.calendar.actions.appointments import follow_event
from box.apps.calendar.actions.guests import write_to_guests
from box.apps.calendar.actions.reminders import plan_reminders
from box.apps.calendar.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    CalendarChanged,
    EventAnswered,
    EventChanged,
    EventCreated,
    EventRemoved,
    GuestAnswered,
    MeetingChanged,
    RecordSent,
    RoomAsked,
    RoomDecided,
)
from box.apps.calendar.models import Appointment, Attendance, Calendar, Event, Guest, Meeting, RoomRequest
from box.core.access.principals import people_behind
from box.core.accounts.models import User
from box.core.events.delivery import event_being_delivered
from box.core.events.outbox import on
from box.core.notify.actions import notify, notify_all
from box.core.notify.models import Notification
from box.core.push.actions import send

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.core.registry.notices import Notice

_ANSWERED = {
    Attendance.Answer.ACCEPTED: notices.ACCEPTED,
    Attendance.Answer.TENTATIVE: notices.TENTATIVE,
    Attendance.Answer.DECLINED: notices.DECLINED,
}

_GUESTS = {
    Attendance.Answer.ACCEPTED: notices.GUEST_ACCEPTED,
    Attendance.Answer.TENTATIVE: notices.GUEST_TENTATIVE,
    Attendance.Answer.DECLINED: notices.GUEST_DECLINED,
}


@on(EventCreated, hears_imports=False)
def show_new(event: EventCreated) -> None:
    _tell_open_pages(event.event_id, event.by_id)


@on(EventChanged, hears_imports=False)
def show_changed(event: EventChanged) -> None:
    _tell_open_pages(event.event_id, event.by_id)


@on(EventRemoved, hears_imports=False)
def show_removed(event: EventRemoved) -> None:
    _tell_open_pages(event.event_id, event.by_id)


def _tell_open_pages(event_id: int, by_id: int) -> None:
    """That something has changed; what, each page asks for itself."""
    row = Event.objects.select_related("calendar").filter(pk=event_id).first()
    if row is not None:
        send("calendar", "changed", audience={*row.audience, row.calendar.code}, payload={"by": by_id})


@on(CalendarChanged, hears_imports=False)
def tell_open_pages_of_calendar(event: CalendarChanged) -> None:
    calendar = Calendar.objects.filter(pk=event.calendar_id).first()
    if calendar is not None:
        send("calendar", "changed", audience=[calendar.code], payload={"by": event.by_id})


@on(EventCreated)
def remind_of_new(event: EventCreated) -> None:
    plan_reminders([event.event_id], timezone.now())


@on(EventChanged)
def remind_of_changed(event: EventChanged) -> None:
    """Also of the series that it is a time of, or whose end was cut off."""
    related = Event.objects.filter(pk=event.event_id).values_list("series", "exceptions")
    plan_reminders({event.event_id, *(pk for row in related for pk in row if pk)}, timezone.now())


@on(EventRemoved)
def remind_no_more(event: EventRemoved) -> None:
    related = Event.objects.filter(series=event.event_id).values_list("pk", flat=True)
    plan_reminders({event.event_id, *related}, timezone.now())


@on(EventAnswered)
def remind_who_comes(event: EventAnswered) -> None:
    plan_reminders([event.event_id], timezone.now())


@on(EventCreated, hears_imports=False)
def invite(event: EventCreated) -> None:
    row = Event.objects.there().filter(pk=event.event_id).first()
    if row is not None and not _is_visitors(row.pk, version=0):
        _tell(row, notices.INVITED, row.attendances.values_list("user_id", flat=True), event.by_id, "invited")


@on(EventChanged)
def tell_of_change(event: EventChanged) -> None:
    """Who is new hears of an invitation, the others of the change; who is not asked any more, that."""
    row = Event.objects.there().filter(pk=event.event_id).first()
    if row is None or row.version != event.version or event.is_cut or _is_visitors(row.pk, event.version):
        return
    waiting = Attendance.Answer.WAITING
    told = row.attendances.exclude(answer=Attendance.Answer.DECLINED, answered_at__isnull=False)
    known = _knowing(row)
    new = [one.user_id for one in told if one.user_id not in known and one.answer == waiting]
    _tell(row, notices.INVITED, new, event.by_id, "invited")
    notice = notices.MOVED if event.is_moved else notices.CHANGED
    others = [one.user_id for one in told if one.user_id in known.difference(event.told_user_ids)]
    _tell(row, notice, others, event.by_id, f"changed:{event.version}")
    _tell(row, notices.CANCELLED, event.former_user_ids, event.by_id, f"former:{event.version}")


@on(EventRemoved)
def tell_of_removal(event: EventRemoved) -> None:
    row = Event.objects.filter(pk=event.event_id, removed_at__isnull=False).first()
    if row is not None and not _is_visitors(row.pk, event.version):
        _tell(row, notices.CANCELLED, event.user_ids, event.by_id, f"removed:{event.version}")


@on(EventAnswered)
def tell_organizer(event: EventAnswered) -> None:
    """The newest answer; of one that was taken back meanwhile nobody hears."""
    found = Attendance.objects.filter(event_id=event.event_id, user_id=event.user_id, answer=event.answer)
    one = found.select_related("event__organizer", "user").first()
    if one is None or one.answered_at is None or one.user_id == one.event.organizer_id:
        return
    key = f"calendar.answered:{one.event_id}:{one.user_id}:{int(one.answered_at.timestamp())}"
    notice = _ANSWERED[Attendance.Answer(one.answer)]
    notify(one.event.organizer, notice, about=one.event.ref, key=key, actor=one.user)


@on(EventCreated)
def write_of_new(event: EventCreated) -> None:
    write_to_guests(event.event_id, timezone.now())


@on(EventChanged)
def write_of_changed(event: EventChanged) -> None:
    write_to_guests(event.event_id, timezone.now())


@on(EventRemoved)
def write_of_removed(event: EventRemoved) -> None:
    write_to_guests(event.event_id, timezone.now())


@on(GuestAnswered)
def tell_of_guest(event: GuestAnswered) -> None:
    """The newest answer, as that of anybody else."""
    found = Guest.objects.filter(pk=event.guest_id, answer=event.answer, answered_at__isnull=False)
    one = found.select_related("event__organizer", "event__calendar").first()
    if one is None or one.answered_at is None:
        return
    key = f"calendar.guest:{one.pk}:{int(one.answered_at.timestamp())}"
    notify(one.event.organizer, _GUESTS[Attendance.Answer(one.answer)], about=one.event.ref, key=key)
    send("calendar", "changed", audience={*one.event.audience, one.event.calendar.code}, payload={"by": 0})


def _is_visitors(event_id: int, version: int) -> bool:
    """Whether somebody outside has made it so: that is said by itself, and in nobody else's name."""
    return Appointment.objects.filter(event=event_id, event_version=version).exists()


@on(EventChanged)
def hold_changed(event: EventChanged) -> None:
    follow_event(event.event_id)


@on(EventRemoved)
def hold_removed(event: EventRemoved) -> None:
    follow_event(event.event_id)


@on(AppointmentBooked)
def tell_of_booking(event: AppointmentBooked) -> None:
    _tell_hosts(event.appointment_id, notices.BOOKED, 0)


@on(AppointmentMoved)
def tell_of_another_time(event: AppointmentMoved) -> None:
    _tell_hosts(event.appointment_id, notices.REBOOKED, event.version)


@on(AppointmentCancelled)
def tell_of_cancelling(event: AppointmentCancelled) -> None:
    _tell_hosts(event.appointment_id, notices.UNBOOKED, event.version)


def _tell_hosts(appointment_id: int, notice: Notice, version: int) -> None:
    found = Appointment.objects.select_related("event").filter(pk=appointment_id).first()
    if found is not None:
        people = User.objects.active().filter(pk__in=found.event.attendances.values("user"))
        notify_all(people, notice, about=found.event.ref, key=f"{notice.kind}:{found.pk}:{version}")


def _knowing(event: Event) -> set[int]:
    """Who has heard of the event, or of the series that it was a time of."""
    about = [event.pk, *([event.series_id] if event.series_id else [])]
    told = Notification.objects.filter(
        about_kind=event.ref.kind, about_id__in=about, kind=notices.INVITED.kind
    )
    return {*told.values_list("user_id", flat=True), event.organizer_id}


def _tell(event: Event, notice: Notice, user_ids: Iterable[int], by_id: int, what: str) -> None:
    actor = User.objects.filter(pk=by_id).first()
    people = User.objects.active().filter(pk__in=set(user_ids) - {by_id})
    if actor is not None:
        notify_all(people, notice, about=event.ref, key=f"calendar.{what}:{event.pk}", actor=actor)


# Rooms whose keepers are asked


@on(RoomAsked)
def tell_keepers(event: RoomAsked) -> None:
    """Of the newest asking, as long as nothing is said."""
    request = _request(event.request_id, event.count)
    if request is None or not request.is_waiting or request.event.removed_at is not None:
        return
    keepers = User.objects.active().filter(people_behind(request.room.keepers)).distinct()
    key = f"calendar.room-asked:{request.pk}:{request.count}"
    notify_all(keepers, notices.ROOM_ASKED, about=request.ref, key=key, actor=request.asked_by)


@on(RoomDecided)
def tell_of_decision(event: RoomDecided) -> None:
    """Whoever asked, and whose event it is."""
    request = _request(event.request_id, event.count)
    if request is None or request.is_waiting or request.decided_by is None:
        return
    notice = notices.ROOM_REFUSED if request.is_refused else notices.ROOM_APPROVED
    told = {request.asked_by_id, request.event.organizer_id} - {event.by_id}
    key = f"calendar.room-decided:{request.pk}:{request.count}"
    people = User.objects.active().filter(pk__in=told)
    notify_all(people, notice, about=request.ref, key=key, actor=request.decided_by)
    _tell_open_pages(request.event_id, event.by_id)


def _request(pk: int, count: int) -> RoomRequest | None:
    found = RoomRequest.objects.select_related("room", "event", "asked_by", "decided_by")
    return found.filter(pk=pk, count=count).first()


# Meetings


@on(MeetingChanged, hears_imports=False)
def show_meeting(event: MeetingChanged) -> None:
    """A topic to whoever writes in it, and the whole to whoever looks on."""
    meeting = Meeting.objects.select_related("event").filter(pk=event.meeting_id).first()
    if meeting is None:
        return
    audience = meeting.held_as.audience
    if event.topic_id is not None:
        send("calendar", "topic", audience=audience, payload={"id": event.topic_id, "by": event.by_id})
    send("calendar", "meeting", audience=audience, payload={"id": meeting.pk, "by": event.by_id})


@on(RecordSent)
def tell_of_record(event: RecordSent) -> None:
    meeting = Meeting.objects.select_related("event").filter(pk=event.meeting_id).first()
    actor = User.objects.filter(pk=event.by_id).first()
    if meeting is None or actor is None:
        return
    told = meeting.held_as.attendances.exclude(answer=Attendance.Answer.DECLINED).exclude(user=actor)
    people = User.objects.active().filter(pk__in=told.values("user"))
    key = f"calendar.record:{meeting.pk}:{event_being_delivered().pk}"
    notify_all(people, notices.RECORD, about=meeting.ref, key=key, actor=actor)
