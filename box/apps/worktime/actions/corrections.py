"""Correcting a day: asked by the person, decided by their manager."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.worktime.actions.days import forget_days, write, zone_of
from box.apps.worktime.clock import corrected, followed, forgotten_at, local_day
from box.apps.worktime.events import CorrectionAsked, CorrectionDecided
from box.apps.worktime.models import Correction, WorkDay
from box.core.accounts.models import User
from box.core.events.outbox import emit

# How far back a day may still be corrected.
CORRECTABLE = timedelta(days=92)


@dataclass(frozen=True)
class Truth:
    """How a day was, as the person says."""

    starts_at: datetime
    ends_at: datetime
    pause: timedelta
    reason: str


@transaction.atomic
def ask_correction(on: date, truth: Truth, *, by: User, at: datetime | None = None) -> Correction:
    """Asks for the day to be written so; what was asked about it before is replaced.

    Raises ValidationError for what cannot have been (the future, a day of no length, another day's hours),
    and while the day is not over: what is worked on it later is not known yet.
    """
    now = at or timezone.now()
    User.objects.select_for_update().get(pk=by.pk)
    forget_days(WorkDay.objects.filter(user=by), now=now, is_patient=True)
    _check(on, truth, by=by, now=now)
    Correction.objects.filter(user=by, on=on, status=Correction.Status.ASKED).delete()
    correction = Correction.objects.create(
        user=by,
        on=on,
        starts_at=truth.starts_at,
        ends_at=truth.ends_at,
        pause_minutes=truth.pause // timedelta(minutes=1),
        reason=truth.reason,
        asked_at=now,
    )
    emit(CorrectionAsked(correction_id=correction.pk, by_id=by.pk))
    return correction


def _check(on: date, truth: Truth, *, by: User, now: datetime) -> None:
    zone = zone_of(by)
    if not local_day(now, zone) - CORRECTABLE <= on <= local_day(now, zone):
        raise ValidationError(_("Only days of the last three months can be corrected."), code="on")
    if local_day(truth.starts_at, zone) != on:
        raise ValidationError(_("The day begins on its own date."), code="starts")
    if truth.ends_at > now:
        raise ValidationError(_("That is still to come: give hours that are over."), code="future")
    if truth.ends_at <= truth.starts_at:
        raise ValidationError(_("The day ends after it begins."), code="ends")
    if truth.ends_at - truth.starts_at > 24 * timedelta(hours=1):
        raise ValidationError(_("A day is 24 hours at most."), code="ends")
    if truth.pause >= truth.ends_at - truth.starts_at or truth.pause < timedelta():
        raise ValidationError(_("The break is shorter than the day."), code="pause")
    if _collides(by, on, truth.starts_at, truth.ends_at):
        raise ValidationError(_("These hours belong to another of your days already."), code="collides")
    if WorkDay.objects.open().filter(user=by, on=on).exists():
        raise ValidationError(_("Your clock still runs: finish this day first, then correct it."), code="on")


def _collides(person: User, on: date, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether another of the person's days lies in these hours; of a forgotten one the beginning is known."""
    others = WorkDay.objects.filter(user=person, on__range=(on - timedelta(days=2), on + timedelta(days=2)))
    return (
        others.exclude(on=on)
        .filter(started_at__lt=ends_at)
        .filter(
            Q(finished_at__gt=starts_at)
            | Q(state__in=("working", "paused"))
            | Q(finished_at=None, started_at__gte=starts_at)
        )
        .exists()
    )


@transaction.atomic
def decide_correction(
    correction: Correction, *, is_approved: bool, by: User, remark: str = "", at: datetime | None = None
) -> None:
    """Approves, and the day is what it says, followed by what was worked on it since it was asked; or
    refuses. The first decision holds.

    Raises ValidationError where the hours belong to another day meanwhile.
    """
    now = at or timezone.now()
    person = User.objects.select_for_update().get(pk=correction.user_id)
    correction.refresh_from_db()
    if correction.status != Correction.Status.ASKED:
        return
    if is_approved:
        if _collides(person, correction.on, correction.starts_at, correction.ends_at):
            raise ValidationError(_("These hours belong to another day already: refuse, and ask why."))
        forget_days(WorkDay.objects.filter(user=person), now=now, is_patient=True)
        _correct(correction, person, now=now)
    correction.status = Correction.Status.APPROVED if is_approved else Correction.Status.REFUSED
    correction.decided_at, correction.decided_by, correction.remark = now, by, remark
    correction.save(update_fields=["status", "decided_at", "decided_by", "remark"])
    emit(CorrectionDecided(correction_id=correction.pk, by_id=by.pk, is_approved=is_approved))


def _correct(correction: Correction, person: User, *, now: datetime) -> None:
    day = WorkDay.objects.filter(user=person, on=correction.on).first() or WorkDay(
        user=person, on=correction.on
    )
    day.forgotten_at = forgotten_at(correction.starts_at, zone_of(person))
    day.is_corrected = True
    starts, ends = correction.starts_at.astimezone(UTC), correction.ends_at.astimezone(UTC)
    marks = corrected(starts, ends, correction.pause)
    if day.pk and day.state != WorkDay.State.FORGOTTEN:
        marks = followed(marks, day.pressed, since=correction.asked_at)
    write(day, marks, now=now)
