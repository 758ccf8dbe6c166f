"""The steps of a day, and days that nobody finished."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.worktime.clock import Mark, NotNow, State, Step, forgotten_at, local_day, stepped, tally
from box.apps.worktime.events import DayForgotten, DayStepped
from box.apps.worktime.models import WorkDay, WorkDayQuerySet
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.company import TIME_ZONE


def zone_of(person: User, *, usual: str = "") -> ZoneInfo:
    """Where the person's day begins and ends; `usual` spares who asks for many the look at the settings."""
    return ZoneInfo(person.time_zone or usual or TIME_ZONE.value)


def current_day(person: User, *, now: datetime) -> WorkDay | None:
    """The day that the clock in the bar is about: the open one, else today's."""
    today = local_day(now, zone_of(person))
    days = WorkDay.objects.filter(user=person)
    found = list(days.open() | days.filter(on=today))
    running = [day for day in found if day.state in (State.WORKING, State.PAUSED) and day.forgotten_at > now]
    return next(iter(running or [day for day in found if day.on == today]), None)


@transaction.atomic
def take_step(step: Step, *, by: User, at: datetime | None = None) -> WorkDay:
    """Starts, pauses, resumes or finishes the day. Raises ValidationError for what doesn't follow.

    A step that leads to where the day is already changes nothing and tells nobody.
    """
    now = at or timezone.now()
    # One step of a person at a time: two tabs, or a press sent twice, queue up here.
    User.objects.select_for_update().get(pk=by.pk)
    forget_days(WorkDay.objects.filter(user=by), now=now, is_patient=True)
    day = current_day(by, now=now)
    if day is None:
        day = WorkDay(user=by, on=local_day(now, zone_of(by)), marks=[])
        day.forgotten_at = forgotten_at(now, zone_of(by))
    if day.state == WorkDay.State.FORGOTTEN:
        raise ValidationError(_("This day was not finished: correct it first."), code="forgotten")
    try:
        marks = stepped(day.pressed, step, at=now)
    except NotNow as refusal:
        raise ValidationError(_not_now(refusal.state), code=refusal.state) from None
    if marks == day.pressed:
        return day
    write(day, marks, now=now)
    emit(DayStepped(day_id=day.pk, by_id=by.pk, step=step.value))
    return day


def _not_now(state: State) -> str:
    return {
        State.IDLE: _("Your day hasn't begun: start it first."),
        State.WORKING: _("You are at work: finish or pause first."),
        State.PAUSED: _("You are on a break: resume your day first."),
        State.FINISHED: _("Your day is finished: resume it first."),
    }[state]


def write(day: WorkDay, marks: tuple[Mark, ...], *, now: datetime) -> None:
    sums = tally(marks, now=now)
    day.pressed = marks
    day.state = sums.state.value
    day.started_at, day.finished_at = marks[0].at, sums.finished_at
    day.worked_seconds = int(sums.worked.total_seconds())
    day.paused_seconds = int(sums.paused.total_seconds())
    day.save()


@transaction.atomic
def forget_days(days: WorkDayQuerySet, *, now: datetime, batch: int = 500, is_patient: bool = False) -> int:
    """Marks days that nobody finished; returns how many. What was worked on them is unknown until corrected.

    Days that others are just marking are left to them, unless one is patient and waits.
    """
    rows = days.forgotten_by(now).select_for_update(skip_locked=not is_patient)
    found = list(rows.order_by("pk")[:batch])
    WorkDay.objects.filter(pk__in=[day.pk for day in found]).update(
        state=WorkDay.State.FORGOTTEN, worked_seconds=0, paused_seconds=0
    )
    for day in found:
        emit(DayForgotten(day_id=day.pk, user_id=day.user_id))
    return len(found)
