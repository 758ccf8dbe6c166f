"""Who has how much to do in which week: hours that are planned, against hours that there are.

What is left of a task is shared evenly among the working days that it has: `days_of`. Hours that there are
come from the working calendar and from absences; a day over six hours has an hour of break.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q
from django.utils import timezone

from box.apps.tasks.models import bar_of
from box.core.access.principals import codes_of, people_behind
from box.core.people.models import Absence
from box.core.portal.calendar import work_calendar, working_hours

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.apps.tasks.models import Task
    from box.apps.tasks.scheduling import Bar
    from box.core.accounts.models import User

WEEKS = 8
MOST_PEOPLE, MOST_TASKS = 100, 3000
DAY = timedelta(days=1)
LONGEST = 366
"""So many days of a task are looked at."""
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


class Planned(NamedTuple):
    """What of a task says how much there is to do, and when: thousands are read for a page."""

    responsible_id: int
    estimate_minutes: int | None
    spent_seconds: int
    starts_at: datetime | None
    ends_at: datetime | None
    deadline_at: datetime | None
    created_at: datetime


def planned(tasks: QuerySet[Task, Task]) -> list[Planned]:
    return [Planned(*row) for row in tasks.values_list(*Planned._fields)]


def loads(people: Sequence[User], tasks: Iterable[Planned], *, today: date) -> list[Load]:
    """Of these people, from this week on, in a query."""
    monday = today - today.weekday() * DAY
    until = monday + WEEKS * 7 * DAY
    away = _away(people, monday, until)
    length, company = minutes_of_day(), _working_days(monday, until)
    found, working = {}, {}
    for person in people:
        days = [day for day in company if day not in away[person.pk]]
        weeks = [Week(monday + place * 7 * DAY) for place in range(WEEKS)]
        for week in weeks:
            week.able = length * _within(week, days)
        found[person.pk] = Load(person, weeks)
        working[person.pk] = days[bisect_left(days, today) :]
    for task in tasks:
        load = found.get(task.responsible_id)
        if load is None:
            continue
        left, bar = minutes_left(task), bar_of(task)
        if left is None or bar is None:
            load.unplanned += 1
            continue
        shared = days_of(bar, working[task.responsible_id], today=today)
        for week in load.weeks if left else ():
            if week.begins <= shared[-1]:
                week.planned += left * _within(week, shared) / len(shared)
    return list(found.values())


def _working_days(since: date, until: date) -> list[date]:
    """The company's, as far as a task that begins before `until` is looked at."""
    calendar = work_calendar()
    days = (since + place * DAY for place in range((until - since).days + LONGEST + 1))
    return [day for day in days if calendar.is_working_day(day)]


def _within(week: Week, days: Sequence[date]) -> int:
    return bisect_right(days, week.ends) - bisect_left(days, week.begins)


def team_of(user: User) -> Q:
    """Oneself and those who share a department: who has nothing to do stands there, too."""
    own = [code for code in codes_of(user) if code.startswith("D") and not code.startswith("DR")]
    return Q(pk=user.pk) | people_behind(own)


def minutes_left(task: Planned) -> float | None:
    """What was planned and not worked yet; None where nothing was planned."""
    if task.estimate_minutes is None:
        return None
    return max(0.0, task.estimate_minutes - task.spent_seconds / 60)


def days_of(bar: Bar, working: Sequence[date], *, today: date) -> Sequence[date]:
    """The days that are left of it, of those that are worked from today on. What is overdue, or has no such
    day, is for today: it has to be done now."""
    first, last = max(_local(bar.starts), today), _local(bar.ends - timedelta(microseconds=1))
    ends = bisect_right(working, min(last, first + LONGEST * DAY))
    return working[bisect_left(working, first) : ends] or [max(today, min(last, first))]


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
