"""Somebody's next steps, by day: what is overdue, today, and the days to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import sees_numbers
from box.apps.crm.models import Activity, ActivityBinding, Record

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST = 200
DAYS = 14


@dataclass(frozen=True)
class Step:
    """`record` is what it is about, as far as its reader sees that."""

    activity: Activity
    record: Record | None
    sees_number: bool


@dataclass(frozen=True)
class AgendaDay:
    """`day` None: what is overdue."""

    day: date | None
    steps: Sequence[Step]


def agenda_of(person: User, now: datetime) -> list[AgendaDay]:
    """What is overdue, today whatever it holds, and each of the next days that holds something: in three
    queries."""
    today = timezone.localdate(now)
    until = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=DAYS)
    due = Activity.objects.open().filter(responsible=person, deadline__lt=until).by_deadline()
    found = list(due[:MOST])
    records, sees = records_of(found, person), sees_numbers(person)
    days: dict[date | None, list[Step]] = {}
    for one in found:
        # Theirs all, so nobody is asked for.
        one.responsible = person
        day = None if one.deadline < now else timezone.localdate(one.deadline)  # type: ignore[operator]
        record = records.get(one.pk)
        days.setdefault(day, []).append(Step(one, record, sees and record is not None))
    days.setdefault(today, [])
    return [AgendaDay(day, days[day]) for day in sorted(days, key=lambda one: one or date.min)]


def due_count(person: User, now: datetime) -> int:
    """What is overdue or due today, capped as the menu shows it."""
    tomorrow = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return Activity.objects.open().filter(responsible=person, deadline__lt=tomorrow)[:100].count()


def records_of(activities: Sequence[Activity], reader: User) -> dict[int, Record]:
    """By activity the first record that it was written down for, of those that the reader sees."""
    bound = ActivityBinding.objects.filter(activity__in=activities).order_by("-pk")
    pairs = list(bound.values_list("activity", "record"))
    seen = Record.objects.visible_to(reader).there().in_bulk({record for _activity, record in pairs})
    catalog().dress(seen.values())
    return {activity: seen[record] for activity, record in pairs if record in seen}
