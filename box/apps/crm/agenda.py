"""Somebody's next steps, by day: what is overdue, today, and the days to come; a page of them at a time."""

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

PAGE = 50
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


@dataclass(frozen=True)
class Place:
    """In the order of steps: behind this one."""

    deadline: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.deadline.isoformat()},{self.id}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """As it stands in an address; None for the beginning, and for what is no place."""
        moment, _comma, number = text.rpartition(",")
        try:
            deadline = datetime.fromisoformat(moment)
        except ValueError:
            return None
        is_number = number.isascii() and number.isdecimal() and len(number) < 19
        return cls(deadline, int(number)) if is_number and deadline.tzinfo is not None else None


@dataclass(frozen=True)
class Agenda:
    """`place` is where this page begins, `following` where the next one does; None: there is none."""

    days: Sequence[AgendaDay]
    place: Place | None
    following: Place | None


def agenda_of(person: User, now: datetime, place: Place | None = None) -> Agenda:
    """What is overdue, today whatever it holds, and each of the next days that holds something: in three
    queries."""
    today = timezone.localdate(now)
    until = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=DAYS)
    due = Activity.objects.open().filter(responsible=person, deadline__lt=until).by_deadline()
    if place is not None:
        due = due.filter(deadline__gte=place.deadline).exclude(deadline=place.deadline, id__lte=place.id)
    found = list(due[: PAGE + 1])
    following = None
    if len(found) > PAGE:
        found.pop()
        following = Place(found[-1].deadline, found[-1].pk)  # type: ignore[arg-type]
    records, sees = records_of(found, person), sees_numbers(person)
    days: dict[date | None, list[Step]] = {}
    for one in found:
        # Theirs all, so nobody is asked for.
        one.responsible = person
        day = None if one.deadline < now else timezone.localdate(one.deadline)  # type: ignore[operator]
        record = records.get(one.pk)
        days.setdefault(day, []).append(Step(one, record, sees and record is not None))
    # That nothing is planned for today is known once all of today was read.
    if place is None and (following is None or timezone.localdate(following.deadline) > today):
        days.setdefault(today, [])
    said = [AgendaDay(day, days[day]) for day in sorted(days, key=lambda one: one or date.min)]
    return Agenda(said, place, following)


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
