"""Writing down what a task takes: a clock that runs, and corrections by hand.

A person's clock is held by their row, so that of two that start at once one runs.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.tasks.access import can_work_on
from box.apps.tasks.actions.locking import locked, must
from box.apps.tasks.events import TimerStarted, TimeWritten
from box.apps.tasks.models import LONGEST_NOTE, Task, TimeEntry
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.push.actions import send
from box.core.registry.origin import moment
from box.lib.moments import refuse_distant

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_STRETCH = timedelta(hours=16)
"""Of a clock: nobody works longer at one go, so one that was forgotten ends there."""
MOST_MINUTES = 24 * 60


@transaction.atomic
def start_timer(task: Task, *, by: User, now: datetime | None = None) -> TimeEntry:
    """Whatever ran before ends. Where it runs for this task already nothing happens."""
    now = now or timezone.now()
    task = locked(task)
    must(can_work_on(by, task), _("Only whoever works on the task does this."))
    if not task.is_open:
        raise ValidationError(_("The task is done: nothing is worked on it any more."), code="state")
    running = _running(by)
    if running is not None and running.task_id == task.pk:
        return running
    _end([running] if running else [], now)
    entry = TimeEntry.objects.create(task=task, user=by, started_at=now)
    emit(TimerStarted(task_id=task.pk, by_id=by.pk))
    _show(by)
    return entry


@transaction.atomic
def stop_timer(*, by: User, now: datetime | None = None) -> TimeEntry | None:
    """The person's clock, whatever it runs for."""
    running = _running(by)
    if running is not None:
        _end([running], now or timezone.now())
        _show(by)
    return running


def stop_timers_of(task: Task, now: datetime) -> None:
    """Of everybody who works on it, within the transaction that ends it."""
    for entry in TimeEntry.objects.running().filter(task=task).select_related("user").order_by("user"):
        if (running := _running(entry.user)) is not None and running.task_id == task.pk:
            _end([running], now)
            _show(entry.user)


@transaction.atomic
def end_forgotten(now: datetime) -> int:
    """Clocks that nobody has stopped for longer than anybody works end as if they had been by then."""
    late = TimeEntry.objects.running().filter(started_at__lte=now - LONGEST_STRETCH)
    people = User.objects.filter(pk__in=late.values("user")).order_by("pk")
    count = 0
    for person in people:
        running = _running(person)
        if running is not None and running.started_at <= now - LONGEST_STRETCH:
            _end([running], now)
            _show(person)
            count += 1
    return count


@transaction.atomic
def add_time(task: Task, minutes: int, *, on: date, note: str = "", seconds: int = 0, by: User) -> TimeEntry:
    """What was worked that day without a clock; `seconds` where it is known better than to the minute."""
    task = locked(task)
    must(can_work_on(by, task), _("Only whoever works on the task does this."))
    if on > timezone.localdate():
        raise ValidationError(_("What is still to come was not worked yet."), code="day")
    seconds, note = seconds or _checked(minutes), _noted(note)
    begin = datetime.combine(on, time(9), timezone.get_current_timezone())
    refuse_distant(begin)
    entry = TimeEntry.objects.create(
        task=task,
        user=by,
        started_at=begin,
        ended_at=begin + timedelta(seconds=seconds),
        seconds=seconds,
        note=note,
        is_by_hand=True,
        written_at=moment(),
    )
    _written(entry, seconds, by_id=by.pk)
    return entry


@transaction.atomic
def correct_time(entry: TimeEntry, minutes: int, reason: str, *, by: User) -> TimeEntry:
    """One's own, with a reason that those see who see the entry."""
    task = locked(entry.task)
    entry = TimeEntry.objects.over().select_for_update(of=("self",)).get(pk=entry.pk)
    if entry.user_id != by.pk:
        raise PermissionDenied(_("Everybody corrects their own time."))
    if not (reason := _noted(reason)):
        raise ValidationError(_("Say why it was another."), code="reason")
    seconds = _checked(minutes)
    more = seconds - entry.seconds
    entry.seconds, entry.reason = seconds, reason
    entry.save(update_fields=["seconds", "reason"])
    entry.task = task
    _written(entry, more, by_id=by.pk, reason=reason)
    return entry


@transaction.atomic
def delete_time(entry: TimeEntry, *, by: User) -> None:
    task = locked(entry.task)
    if entry.user_id != by.pk:
        raise PermissionDenied(_("Everybody corrects their own time."))
    found = TimeEntry.objects.over().select_for_update(of=("self",)).filter(pk=entry.pk).first()
    if found is not None:
        found.task = task
        found.delete()
        _written(found, -found.seconds, by_id=by.pk)


def _running(person: User) -> TimeEntry | None:
    """With the person's row held."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=person.pk)
    return TimeEntry.objects.running().select_related("task").filter(user=person).first()


def _end(entries: Iterable[TimeEntry], now: datetime) -> None:
    for entry in entries:
        entry.ended_at = max(entry.started_at, min(now, entry.started_at + LONGEST_STRETCH))
        entry.seconds = int((entry.ended_at - entry.started_at).total_seconds())
        entry.save(update_fields=["ended_at", "seconds"])
        _written(entry, entry.seconds, by_id=entry.user_id)


def _written(entry: TimeEntry, more: int, *, by_id: int, reason: str = "") -> None:
    spent = Greatest(F("spent_seconds") + more, 0)
    Task.objects.filter(pk=entry.task_id).update(spent_seconds=spent)
    emit(TimeWritten(task_id=entry.task_id, by_id=by_id, user_id=entry.user_id, seconds=more, reason=reason))


def _show(person: User) -> None:
    """The clock in the bar of all the person's pages."""
    send("tasks", "clock", audience=[f"U{person.pk}"])


def _checked(minutes: int) -> int:
    if not 0 < minutes <= MOST_MINUTES:
        raise ValidationError(_("Write down a minute at least, and a day at most."), code="minutes")
    return minutes * 60


def _noted(text: str) -> str:
    text = text.strip()
    if len(text) > LONGEST_NOTE:
        raise ValidationError(
            _("Write less: %(most)s characters at most.") % {"most": LONGEST_NOTE}, code="note"
        )
    return text
