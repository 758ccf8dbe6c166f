"""Who has how much to do in which week: hours that are planned, against hours that there are.

`spread` shares what is left of a task evenly among the working days that it has. Hours that there are
come from the working calendar and from absences; a day over six hours has an hour of break.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from box.apps.tasks.models import Task, bar_of
from box.core.access.principals import codes_of, people_behind
from box.core.people.models import Absence
from box.core.portal.calendar import work_calendar, working_hours

if TYPE_CHECKING:
    from box.core.accounts.models import User

WEEKS = 8
MOST_PEOPLE, MOST_TASKS = 100, 3000
DAY = timedelta(days=1)
BREAK_AFTER, BREAK = 6 * 60, 60
FULL, MUCH, LITTLE = 1.0, 0.8, 0.3
"""Shares of the hours that there are: over the first it is too much, below the last there is room."""


@dataclass
class Week:
    begins: date
    planned: float = 0
    """In minutes."""
    able: int = 0

    @property
    def ends(self) -> date:
        return self.begins + 6 * DAY

    @property
    def share(self) -> float:
        return self.planned / self.able if self.able else (2.0 if self.planned else 0.0)

    @property
    def percent(self) -> int:
        return min(999, round(self.share * 100))

    @property
    def tone(self) -> str:
        if not self.able and not self.planned:
            return "away"
        if self.share > FULL:
            return "over"
        return "full" if self.share >= MUCH else "some" if self.share >= LITTLE else "free"


@dataclass
class Load:
    person: User
    weeks: Sequence[Week] = field(default_factory=list)
    unplanned: int = 0
    """So many open tasks of which nobody has said how long they take, or when."""


def loads(people: Sequence[User], tasks: Iterable[Task], *, today: date) -> list[Load]:
    """Of these people, from this week on, in a query."""
    monday = today - today.weekday() * DAY
    until = monday + WEEKS * 7 * DAY
    away = _away(people, monday, until)
    calendar, length = work_calendar(), minutes_of_day()
    found = {}
    for person in people:
        weeks = [Week(monday + place * 7 * DAY) for place in range(WEEKS)]
        for week in weeks:
            days = (week.begins + place * DAY for place in range(7))
            free = away[person.pk]
            week.able = sum(length for day in days if calendar.is_working_day(day) and day not in free)
        found[person.pk] = Load(person, weeks)
    for task in tasks:
        load = found.get(task.responsible_id)
        if load is None:
            continue
        left = minutes_left(task)
        if left is None or bar_of(task) is None:
            load.unplanned += 1
            continue
        free = away[task.responsible_id]

        def works(day: date, free: set[date] = free) -> bool:
            return calendar.is_working_day(day) and day not in free

        for day, minutes in spread(task, left, today=today, works=works).items():
            place = (day - monday).days // 7
            if 0 <= place < WEEKS:
                load.weeks[place].planned += minutes
    return list(found.values())


def team_of(user: User) -> Q:
    """Oneself and those who share a department: who has nothing to do stands there, too."""
    own = [code for code in codes_of(user) if code.startswith("D") and not code.startswith("DR")]
    return Q(pk=user.pk) | people_behind(own)


def minutes_left(task: Task) -> float | None:
    """What was planned and not worked yet; None where nothing was planned."""
    if task.estimate_minutes is None:
        return None
    return max(0.0, task.estimate_minutes - task.spent_seconds / 60)


def spread(task: Task, minutes: float, *, today: date, works: Callable[[date], bool]) -> Mapping[date, float]:
    """Evenly among the days that are left of it and are worked. What is overdue, or has no such day, is for
    today: it has to be done now."""
    bar = bar_of(task)
    if bar is None or not minutes:
        return {}
    first = max(_local(bar.starts), today)
    last = _local(bar.ends - timedelta(microseconds=1))
    days = [first + place * DAY for place in range(max(0, min((last - first).days, 366) + 1))]
    days = [day for day in days if works(day)] or [max(today, min(last, first))]
    return dict.fromkeys(days, minutes / len(days))


def minutes_of_day() -> int:
    """How long a whole working day is."""
    begins, ends = working_hours()
    whole = datetime.combine(date.min, ends) - datetime.combine(date.min, begins)
    minutes = int(whole / timedelta(minutes=1))
    return minutes - BREAK if minutes > BREAK_AFTER else minutes


def _local(moment: datetime) -> date:
    return timezone.localtime(moment).date()


def _away(people: Sequence[User], since: date, until: date) -> dict[int, set[date]]:
    found: dict[int, set[date]] = defaultdict(set)
    for one in Absence.objects.within(since, until).filter(user__in=[person.pk for person in people]):
        first, last = max(one.starts_on, since), min(one.ends_on, until)
        found[one.user_id] |= {first + place * DAY for place in range((last - first).days + 1)}
    return found
