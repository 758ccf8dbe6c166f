"""When those who take part are told that an event comes up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.models import Attendance, Event
from box.apps.calendar.notices import REMINDER
from box.apps.calendar.occurrences import of_event
from box.core.notify.models import Reminder
from box.core.notify.reminders import set_reminders
from box.core.registry.company import company_zone
from box.lib.recurrence import FARTHEST, local_moment

if TYPE_CHECKING:
    from box.core.accounts.models import User

# Of a day nobody needs to hear at its midnight.
MORNING = time(9)


@transaction.atomic
def choose_reminder(event: Event, minutes: int | None, *, by: User) -> None:
    """So many minutes before each time of the event; None: not at all."""
    if not event.attendances.filter(user=by).update(remind_minutes=minutes):
        raise ValidationError(_("You are not invited any more: reload the page."), code="invited")
    plan_reminders([event.pk], timezone.now())


def plan_reminders(ids: Iterable[int], now: datetime) -> None:
    """The next reminder of everybody who takes part in these events; called when anything about them has
    changed, and when somebody was reminded."""
    for event in Event.objects.filter(pk__in=list(ids)):
        set_reminders(event.ref, REMINDER, _moments(event, now))


def _moments(event: Event, now: datetime) -> dict[int, datetime]:
    if event.removed_at is not None:
        return {}
    told = event.attendances.exclude(answer=Attendance.Answer.DECLINED).exclude(remind_minutes=None)
    leads = {one.user_id: timedelta(minutes=one.remind_minutes or 0) for one in told}
    found = {lead: _next(event, lead, now) for lead in set(leads.values())}
    coming = {pk: moment for pk, lead in leads.items() if (moment := found[lead]) is not None}
    return coming | _due(event, leads, now)


def _due(event: Event, leads: Mapping[int, timedelta], now: datetime) -> dict[int, datetime]:
    """Those whose moment has come and who were not told yet: an answer in that minute takes it from nobody,
    as long as the time stays."""
    rows = Reminder.objects.filter(
        about_kind=event.ref.kind, about_id=event.pk, kind=REMINDER.kind, user__in=leads, due_at__lte=now
    )
    moment = timedelta(microseconds=1)
    return {
        pk: at
        for pk, at in rows.values_list("user_id", "due_at")
        if _next(event, leads[pk], at - moment) == at
    }


def _next(event: Event, lead: timedelta, now: datetime) -> datetime | None:
    since = now - timedelta(days=1)
    times = (_begins(event, one.starts_at) - lead for one in of_event(event, since, since + FARTHEST))
    return next((moment for moment in times if moment > now), None)


def _begins(event: Event, starts_at: datetime) -> datetime:
    if not event.is_all_day:
        return starts_at
    return local_moment(starts_at.astimezone(UTC).date(), MORNING, company_zone())
