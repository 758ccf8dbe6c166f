"""What people outside book: a time of a host, kept for them by a constraint of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Max
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_change_page, is_offered
from box.apps.calendar.actions.attendees import Answer
from box.apps.calendar.actions.audiences import tell_rewritten, write_audience
from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.events import EventDraft, create_event, move_event, withdraw_event
from box.apps.calendar.actions.guests import answer_as_guest, welcome_guest
from box.apps.calendar.booking import availability, offer_of, window_of
from box.apps.calendar.events import AppointmentBooked, AppointmentCancelled, AppointmentMoved
from box.apps.calendar.models import (
    Appointment,
    AppointmentQuerySet,
    Attendance,
    BookingPage,
    Event,
    HeldTime,
)
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.origin import moment

# Of one page within a day: behind it are letters to addresses that nobody has confirmed.
MOST_A_DAY = 100
# Of one address, to come, on one page.
MOST_OF_ADDRESS = 3
# Of one appointment, by the visitor.
MOST_MOVES = 3
BATCH = 500

Hosts = BookingPage.Hosts


@dataclass(frozen=True, kw_only=True)
class VisitorDraft:
    """Who books, checked: see `visitors.checked`. `answers` are pairs of question and answer."""

    name: str
    email: str
    language: str
    zone: str
    answers: Sequence[tuple[str, str]] = ()
    consent: str = ""


@transaction.atomic
def book_time(
    page: BookingPage, start: datetime, visitor: VisitorDraft, *, key: str, now: datetime
) -> Appointment:
    """The same key again is the first appointment. Raises ValidationError, where the time is gone under the
    name `start`."""
    page = (
        BookingPage.objects.select_for_update(of=("self",)).select_related("owner", "group").get(pk=page.pk)
    )
    if (there := Appointment.objects.filter(key=key).first()) is not None:
        return there
    if not is_offered(page):
        raise ValidationError(_("Nobody can be booked here at the moment."), code="closed")
    _check_bounds(page, visitor, now)
    hosts = _free_hosts(page, start, now)
    appointment = _held(page, start, visitor, hosts, key=key)
    emit(AppointmentBooked(appointment_id=appointment.pk))
    return appointment


def _check_bounds(page: BookingPage, visitor: VisitorDraft, now: datetime) -> None:
    if page.appointments.filter(made_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        raise ValidationError(_("Nobody can be booked here any more today."), code="most")
    if page.appointments.to_come(now).filter(email=visitor.email).count() >= MOST_OF_ADDRESS:
        raise ValidationError(
            {"email": _("With this address %(most)s times are booked already.") % {"most": MOST_OF_ADDRESS}}
        )


def _free_hosts(page: BookingPage, start: datetime, now: datetime, *, but: int = 0) -> list[User]:
    """Who can receive somebody then, whoever did so longest ago first."""
    since, until = window_of(page, now)
    offer = offer_of(page)
    free = []
    if since <= start < until and offer.has(start):
        free = availability(page, start, start + timedelta(microseconds=1), but=but).free_hosts(start)
    if not free:
        raise _gone()
    last = dict(
        HeldTime.objects.filter(appointment__page=page, user__in=free)
        .values_list("user").annotate(last=Max("appointment__made_at"))
    )  # fmt: skip
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(free, key=lambda one: (last.get(one.pk, never), one.pk))


def _gone() -> ValidationError:
    return ValidationError(
        {"start": _("This time is no longer free: please choose another one.")}, code="taken"
    )


def _held(
    page: BookingPage, start: datetime, visitor: VisitorDraft, hosts: Sequence[User], *, key: str
) -> Appointment:
    """The event, with its time taken from the one host or from all of them. Of several hosts in turn the next
    is tried where somebody else was faster by another page."""
    # Those who come by other pages wait here, in order: two who met in the constraint would block each other.
    locked = User.objects.select_for_update(no_key=True).filter(pk__in=[one.pk for one in hosts])
    together = list(locked.order_by("pk"))
    for receiving in [together] if page.hosts == Hosts.ALL else [[one] for one in hosts]:
        try:
            with transaction.atomic():
                return _made(page, start, visitor, receiving, key=key)
        except IntegrityError:
            continue
    raise _gone()


def _made(
    page: BookingPage, start: datetime, visitor: VisitorDraft, receiving: Sequence[User], *, key: str
) -> Appointment:
    organizer = next((one for one in receiving if one.pk == page.owner_id), receiving[0])
    draft = EventDraft(
        title=f"{page.title}: {visitor.name}"[:200], starts_at=start,
        ends_at=start + timedelta(minutes=page.length_minutes), zone=page.zone,
        description=page.description, place=page.place,
    )  # fmt: skip
    event = create_event(main_calendar(code_of(organizer)), draft, by=organizer)
    appointment = Appointment.objects.create(
        page=page, event=event, key=key, name=visitor.name, email=visitor.email,
        answers=[list(pair) for pair in visitor.answers], consent=visitor.consent, language=visitor.language,
        zone=visitor.zone,
    )  # fmt: skip
    _hold(appointment, page, event, receiving)
    # All of them have offered the time: nobody is asked whether they come.
    others = [one for one in receiving if one.pk != organizer.pk]
    Attendance.objects.bulk_create(
        Attendance(event=event, user=one, span=event.span, answer=Answer.ACCEPTED) for one in others
    )
    write_audience(event)
    welcome_guest(event, visitor.email, visitor.name)
    return appointment


def _hold(appointment: Appointment, page: BookingPage, event: Event, receiving: Sequence[User]) -> None:
    span = DateTimeTZRange(
        event.starts_at - timedelta(minutes=page.before_minutes),
        event.ends_at + timedelta(minutes=page.after_minutes),
    )
    HeldTime.objects.bulk_create(HeldTime(appointment=appointment, user=one, span=span) for one in receiving)


@transaction.atomic
def move_appointment(appointment: Appointment, start: datetime, *, now: datetime) -> None:
    """By the visitor: to another time of those who receive them. Raises ValidationError."""
    appointment, event = _standing(appointment, now)
    if appointment.moves >= MOST_MOVES:
        said = _("This appointment was moved %(most)s times: please cancel it and book another time.")
        raise ValidationError(said % {"most": MOST_MOVES}, code="most")
    page = appointment.page
    hosts = {one.user_id for one in appointment.held_times.all()} or {event.organizer_id}
    free = _free_hosts(page, start, now, but=appointment.pk)
    receiving = [one for one in free if one.pk in hosts]
    if not is_offered(page) or len(receiving) != len(hosts):
        raise _gone()
    appointment.held_times.all().delete()
    change = move_event(event, start, start + event.duration, by=event.organizer)
    try:
        with transaction.atomic():
            _hold(appointment, page, change.event, sorted(receiving, key=lambda one: one.pk))
    except IntegrityError:
        raise _gone() from None
    # Who chose the time, and who offered it, come.
    change.event.attendances.update(answer=Answer.ACCEPTED)
    change.event.guests.filter(email=appointment.email).update(answer=Answer.ACCEPTED, answered_at=now)
    appointment.moves += 1
    appointment.save(update_fields=["moves"])
    _note(appointment, change.event)
    emit(AppointmentMoved(appointment_id=appointment.pk, version=appointment.event_version))


@transaction.atomic
def confirm_appointment(appointment: Appointment, *, now: datetime) -> None:
    """By the visitor: the time to which a host has moved it suits them. Once more is nothing. Raises
    ValidationError."""
    appointment, event = _standing(appointment, now)
    guest = event.guests.asked().select_for_update().filter(email=appointment.email).first()
    if guest is not None and guest.answer != Answer.ACCEPTED:
        answer_as_guest(guest, Answer.ACCEPTED)


@transaction.atomic
def cancel_appointment(appointment: Appointment, *, now: datetime) -> None:
    """By the visitor; once more is nothing."""
    appointment, event = _standing(appointment, now)
    withdraw_event(event, by=event.organizer)
    event.refresh_from_db()
    appointment.held_times.all().delete()
    appointment.cancelled_at = now
    appointment.save(update_fields=["cancelled_at"])
    _note(appointment, event)
    emit(AppointmentCancelled(appointment_id=appointment.pk, version=appointment.event_version))


def _note(appointment: Appointment, event: Event) -> None:
    appointment.event_version = event.version
    appointment.save(update_fields=["event_version"])


def _standing(appointment: Appointment, now: datetime) -> tuple[Appointment, Event]:
    """Locked, page first as whoever books does. Raises ValidationError where nothing is left to change."""
    BookingPage.objects.select_for_update(of=("self",)).get(pk=appointment.page_id)
    found = Appointment.objects.select_related("page__owner", "page__group").get(pk=appointment.pk)
    event = Event.objects.select_related("organizer", "calendar").get(pk=found.event_id)
    if found.cancelled_at or event.removed_at:
        raise ValidationError(_("This appointment was cancelled."), code="cancelled")
    if event.starts_at <= now:
        raise ValidationError(_("This appointment has begun already."), code="begun")
    return found, event


@transaction.atomic
def follow_event(event_id: int) -> None:
    """What hosts make of the event holds for the appointment: its times are held where it is now, and nowhere
    else. Where another appointment is there, the host's own calendar says that the time is taken."""
    appointment = Appointment.objects.select_related("page").filter(event=event_id).first()
    if appointment is None:
        return
    BookingPage.objects.select_for_update(of=("self",)).get(pk=appointment.page_id)
    event = Event.objects.get(pk=event_id)
    appointment.refresh_from_db(fields=["event_version", "cancelled_at"])
    if event.version == appointment.event_version:
        return
    people = [one.user for one in event.attendances.select_related("user").order_by("user_id")]
    receiving = [one for one in people if one.is_active]
    appointment.held_times.all().delete()
    appointment.cancelled_at = event.removed_at
    appointment.save(update_fields=["cancelled_at"])
    _hold_free(appointment, event, receiving if event.removed_at is None else [])


def _hold_free(appointment: Appointment, event: Event, receiving: Sequence[User]) -> None:
    """Of each of them, unless another appointment is there."""
    for one in receiving:
        try:
            with transaction.atomic():
                _hold(appointment, appointment.page, event, [one])
        except IntegrityError:
            continue


@transaction.atomic
def take_over_appointment(page: BookingPage, event: Event, visitor: VisitorDraft) -> Appointment:
    """As it was booked elsewhere, with the event that is it: see `importing`. The visitor's link is another.
    Raises ValidationError."""
    BookingPage.objects.select_for_update(of=("self",)).get(pk=page.pk)
    appointment = Appointment(
        page=page, event=event, key=f"taken-over:{event.pk}", name=visitor.name, email=visitor.email,
        answers=[list(pair) for pair in visitor.answers], consent=visitor.consent, language=visitor.language,
        zone=visitor.zone, made_at=moment(), event_version=event.version,
    )  # fmt: skip
    appointment.clean_fields(exclude={"answers", "page", "event", "cancelled_at"})
    appointment.save()
    coming = event.attendances.exclude(answer=Answer.DECLINED).select_related("user").order_by("user_id")
    _hold_free(appointment, event, [one.user for one in coming if one.user.is_active])
    return appointment


# What is known of visitors


@transaction.atomic
def forget_visitor(appointment: Appointment, *, by: User) -> None:
    """On the visitor's wish, or when the page's time is over."""
    if not can_change_page(by, appointment.page):
        raise PermissionDenied(_("This booking page is not yours to change."))
    _forget([appointment])


def forget_old(now: datetime) -> int:
    """Those of whom a page keeps nothing any more; returns how many, batch by batch."""
    known = Appointment.objects.exclude(email="")
    return sum(
        _forget_all(known.filter(page=page, event__ends_at__lt=now - timedelta(days=page.kept_days)))
        for page in BookingPage.objects.order_by("pk")
    )


def forget_visitors_of(owner: User) -> None:
    """Who has booked on the pages of somebody who is erased, also with others of their groups."""
    _forget_all(Appointment.objects.exclude(email="").filter(page__owner=owner))


def _forget_all(known: AppointmentQuerySet) -> int:
    count = 0
    while found := list(known.select_related("page").order_by("pk")[:BATCH]):
        with transaction.atomic():
            _forget(found)
        count += len(found)
    return count


def _forget(appointments: Sequence[Appointment]) -> None:
    for one in appointments:
        event = Event.objects.select_for_update(of=("self",)).get(pk=one.event_id)
        event.guests.filter(email=one.email).delete()
        event.title = one.page.title
        event.save(update_fields=["title"])
        event.revisions.all().delete()
    Appointment.objects.filter(pk__in=[one.pk for one in appointments]).update(
        name="", email="", answers=[], consent=""
    )
    tell_rewritten([one.event_id for one in appointments])
