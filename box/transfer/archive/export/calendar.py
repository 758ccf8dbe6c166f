"""What takes place, and who takes part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from box.apps.calendar.models import Appointment, Attendance, BookingPage, BookingPageQuerySet, Event, Guest
from box.lib.questions import questions_in
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, grouped, walked, word


def events_in(scope: Scope) -> QuerySet[Event]:
    rows = scope.seen(Event.objects.all()).there().filter(scope.within("starts_at"))
    if scope.filters.groups:
        rows = rows.filter(calendar__code__in=scope.group_codes)
    if scope.person:
        rows = rows.filter(Q(organizer=scope.person))
    found: QuerySet[Event] = rows
    return found


def events(scope: Scope) -> Iterator[records.Event]:
    """Series before the times that are unlike them."""
    rows = events_in(scope)
    for part in (rows.filter(series=None), rows.exclude(series=None)):
        for page in walked(part.select_related("calendar")):
            coming = grouped(
                Attendance.objects.filter(event__in=page).order_by("id"), lambda one: one.event_id
            )
            otherwise = grouped(Event.objects.there().filter(series__in=page), lambda one: one.series_id or 0)
            outside = grouped(
                Guest.objects.asked().filter(event__in=page).order_by("id"), lambda one: one.event_id
            )
            booked = {
                one.event_id: one
                for one in Appointment.objects.filter(event__in=page, page__in=_pages(scope).values("pk"))
            }
            for row in page:
                scope.name(row.organizer_id, *(one.user_id for one in coming[row.pk]))
                record = _event(row, coming[row.pk], {one.original_at for one in otherwise[row.pk]})
                record.guests = [_guest(one) for one in outside[row.pk]]
                record.appointment = _appointment(booked[row.pk]) if row.pk in booked else None
                yield record


def bookings(scope: Scope) -> Iterator[records.BookingPage]:
    """Also those that were taken away: what was booked on them names them."""
    for page in walked(_pages(scope)):
        for row in page:
            scope.name(row.owner_id)
            yield _page(row)


def _pages(scope: Scope) -> BookingPageQuerySet:
    rows = BookingPage.objects.all()
    if scope.by is not None:
        rows = rows.led_by(scope.by)
    if scope.filters.groups:
        rows = rows.filter(group__in=scope.filters.groups)
    return rows.filter(owner=scope.person) if scope.person else rows


def _event(row: Event, coming: list[Attendance], otherwise: set[datetime | None]) -> records.Event:
    return records.Event(
        id=row.pk, calendar=row.calendar.code, title=row.title, description=row.description, place=row.place,
        starts_at=row.starts_at, ends_at=row.ends_at, is_all_day=row.is_all_day, zone=row.zone, rule=row.rule,
        excluded=[at for at in row.excluded if at not in otherwise],
        is_confidential=row.is_confidential, is_free=row.is_free,
        organizer=row.organizer_id, created_at=row.created_at,
        series=row.series_id, original_at=row.original_at,
        attendees=[
            records.Attendee(person=one.user_id, answer=word(one.answer), comment=one.comment)
            for one in coming
        ],
    )  # fmt: skip


def _guest(one: Guest) -> records.Guest:
    return records.Guest(email=one.email, name=one.name, answer=word(one.answer), comment=one.comment)


def _appointment(one: Appointment) -> records.Appointment:
    return records.Appointment(
        page=one.page_id, name=one.name, email=one.email,
        answers=[(question, answer) for question, answer in one.answers], consent=one.consent,
        language=one.language, zone=one.zone, made_at=one.made_at,
    )  # fmt: skip


def _page(row: BookingPage) -> records.BookingPage:
    return records.BookingPage(
        id=row.pk, owner=row.owner_id, hosts=word(row.hosts), group=row.group_id, title=row.title,
        description=row.description, place=row.place, consent=row.consent,
        questions=[
            records.BookingQuestion(
                name=one.name, kind=one.kind, label=one.label, is_required=one.is_required,
                choices=list(one.choices),
            )
            for one in questions_in(row.questions)
        ],
        length_minutes=row.length_minutes, step_minutes=row.step_minutes, before_minutes=row.before_minutes,
        after_minutes=row.after_minutes, notice_hours=row.notice_hours, horizon_days=row.horizon_days,
        weekdays=row.weekdays, begins=row.begins, ends=row.ends, zone=row.zone, kept_days=row.kept_days,
        is_on=row.is_on, created_at=row.created_at, retired_at=row.retired_at,
    )  # fmt: skip
