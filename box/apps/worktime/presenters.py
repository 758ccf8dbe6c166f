"""What pages and exports show of working days, in as many queries for 300 people as for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from box.apps.worktime.actions import current_day, zone_of
from box.apps.worktime.clock import State, local_day, spans, tally
from box.apps.worktime.hours import Hours, Remark, remarks
from box.apps.worktime.models import Correction, DepartmentSchedule, PersonSchedule, Report, WorkDay
from box.apps.worktime.settings import grace, usual_hours
from box.core.accounts.models import User
from box.core.people.absences import absent_days
from box.core.people.models import Absence
from box.core.portal.calendar import work_calendar
from box.core.registry.company import TIME_ZONE
from box.core.registry.environment import format_month_and_year, format_time, format_weekday
from box.core.registry.services import is_on
from box.core.structure.models import Membership

# Nobody's working day is older.
EARLIEST = date(2000, 1, 1)


def hm(length: timedelta) -> str:
    """`8:05`"""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return f"{hours}:{minutes:02d}"


@dataclass(frozen=True)
class Day:
    """A date of one person: what was expected, what was, and what strikes one about it."""

    on: date
    zone: ZoneInfo
    hours: Hours | None
    work: WorkDay | None
    remarks: tuple[Remark, ...]
    worked: timedelta
    correction: Correction | None = None
    # What the person is away for: nothing is expected of such a day.
    absence: Absence | None = None

    @property
    def is_off(self) -> bool:
        return self.hours is None

    @property
    def started(self) -> time | None:
        """What the person's clock said."""
        return self.work.started_at.astimezone(self.zone).time() if self.work else None

    @property
    def finished(self) -> time | None:
        ended = self.work.finished_at if self.work else None
        return ended.astimezone(self.zone).time() if ended else None

    @property
    def paused(self) -> timedelta:
        return timedelta(seconds=self.work.paused_seconds) if self.work else timedelta()

    @property
    def paused_text(self) -> str:
        return hm(self.paused)

    @property
    def worked_text(self) -> str:
        return hm(self.worked) if self.work and self.work.state != WorkDay.State.FORGOTTEN else ""


@dataclass(frozen=True)
class Sheet:
    """Some days of one person, and what they come to."""

    person: User
    days: Sequence[Day]

    @property
    def worked(self) -> timedelta:
        return sum((day.worked for day in self.days), timedelta())

    @property
    def worked_text(self) -> str:
        return hm(self.worked)

    @cached_property
    def counts(self) -> Counter[Remark]:
        return Counter(remark for day in self.days for remark in day.remarks)

    @property
    def days_worked(self) -> int:
        return sum(day.work is not None for day in self.days)


@dataclass(frozen=True)
class Expected:
    """Who is to work when. Read once for all people of a page."""

    usual: Hours
    of_people: dict[int, Hours]
    working: frozenset[date]

    def hours(self, person: User, on: date, zone: ZoneInfo) -> Hours | None:
        if on not in self.working or on < local_day(person.joined_at, zone):
            return None
        return self.of_people.get(person.pk, self.usual)


def working_days(first: date, last: date) -> frozenset[date]:
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    calendar = work_calendar()
    return frozenset(day for day in days if calendar.is_working_day(day))


def expected(people: Sequence[User], first: date, last: date) -> Expected:
    """A person's own schedule, else that of the nearest department above, else the portal's."""
    ids = [person.pk for person in people]
    of_departments = {
        one.department_id: one.schedule.hours for one in DepartmentSchedule.objects.select_related("schedule")
    }
    own: dict[int, tuple[int, Hours]] = {}
    if of_departments:
        belongs = Membership.objects.filter(user__in=ids).values_list("user_id", "department__path")
        for user_id, path in belongs.order_by("id"):
            near = [(level, of_departments[pk]) for level, pk in enumerate(path) if pk in of_departments]
            # In several departments: the one that says it most closely.
            if near and near[-1][0] > own.get(user_id, (-1,))[0]:
                own[user_id] = near[-1]
    of_people = {user_id: hours for user_id, (_level, hours) in own.items()}
    for one in PersonSchedule.objects.filter(person__in=ids).select_related("schedule"):
        of_people[one.person_id] = one.schedule.hours
    return Expected(usual_hours(), of_people, working_days(first, last))


def scheduled_now(ids: Sequence[int], moment: datetime) -> dict[int, bool]:
    """Of these people who has a schedule with fixed hours, and whether they are to work at this moment: the
    hours of the day before may last into the night. See `box.core.registry.capabilities.at_work`."""
    if not is_on("worktime"):
        return {}
    people = list(User.objects.filter(pk__in=ids))
    zones = {person.pk: ZoneInfo(person.time_zone or TIME_ZONE.value) for person in people}
    today = {pk: local_day(moment, zone) for pk, zone in zones.items()}
    if not today:
        return {}
    plan = expected(people, min(today.values()) - timedelta(days=1), max(today.values()))
    return {
        person.pk: any(
            _spans(plan.hours(person, day, zones[person.pk]), day, zones[person.pk], moment)
            for day in (today[person.pk] - timedelta(days=1), today[person.pk])
        )
        for person in people
        if (own := plan.of_people.get(person.pk)) is not None and own.is_fixed
    }


def _spans(hours: Hours | None, day: date, zone: ZoneInfo, moment: datetime) -> bool:
    span = hours.span(day, zone) if hours is not None else None
    return span is not None and span[0] <= moment < span[1]


def sheets(
    people: Iterable[User], first: date, last: date, *, now: datetime | None = None, asked: bool = False
) -> list[Sheet]:
    """The days from first to last of each person; `asked` brings what was asked to be corrected, too."""
    people, now = list(people), now or timezone.now()
    ids = [person.pk for person in people]
    plan, tolerated = expected(people, first, last), grace()
    away = absent_days(ids, first, last)
    work: dict[tuple[int, date], WorkDay] = {
        (one.user_id, one.on): one
        for one in WorkDay.objects.filter(user__in=ids, on__range=(first, last)).defer("is_corrected")
    }
    usual = TIME_ZONE.value
    corrections: dict[tuple[int, date], Correction] = {}
    if asked:
        waiting = Correction.objects.filter(user__in=ids, on__range=(first, last))
        corrections = {(one.user_id, one.on): one for one in waiting.order_by("id")}

    def days(person: User) -> Iterator[Day]:
        zone = zone_of(person, usual=usual)
        today = local_day(now, zone)
        for number in range((last - first).days + 1):
            on = first + timedelta(days=number)
            absence = away.get(person.pk, {}).get(on)
            one, hours = work.get((person.pk, on)), None if absence else plan.hours(person, on, zone)
            found = remarks(one.facts if one else None, hours, on=on, today=today, zone=zone, grace=tolerated)
            worked = _worked(one, now) if one else timedelta()
            yield Day(on, zone, hours, one, found, worked, corrections.get((person.pk, on)), absence)

    return [Sheet(person, list(days(person))) for person in people]


def _worked(day: WorkDay, now: datetime) -> timedelta:
    if day.state in (State.WORKING, State.PAUSED):
        return tally(day.pressed, now=now).worked
    return day.worked


@dataclass(frozen=True)
class Clock:
    """What the clock in the bar shows: where the day is, and so many seconds of work up to now."""

    state: str
    seconds: int
    forgotten_on: date | None

    @property
    def text(self) -> str:
        return hm(timedelta(seconds=self.seconds))

    @property
    def is_running(self) -> bool:
        return self.state == State.WORKING


def clock_of(person: User, *, now: datetime | None = None) -> Clock:
    now = now or timezone.now()
    day = current_day(person, now=now)
    forgotten = _forgotten(person, now=now)
    if day is None or day.state == WorkDay.State.FORGOTTEN:
        return Clock(State.IDLE.value, 0, forgotten)
    return Clock(day.state, int(_worked(day, now).total_seconds()), forgotten)


def _forgotten(person: User, *, now: datetime) -> date | None:
    """The first day that waits to be corrected by the person."""
    asked = Correction.objects.filter(user=person, status=Correction.Status.ASKED).values("on")
    days = WorkDay.objects.filter(
        user=person, state=WorkDay.State.FORGOTTEN, on__gte=now.date() - timedelta(days=31)
    )
    return days.exclude(on__in=asked).order_by("on").values_list("on", flat=True).first()


@dataclass(frozen=True)
class Stretch:
    """A stretch of today's work, as times of the person's clock."""

    starts: time
    ends: time | None


def stretches(day: WorkDay | None, zone: ZoneInfo) -> list[Stretch]:
    return [
        Stretch(
            one.starts.astimezone(zone).time(),
            one.ends.astimezone(zone).time() if one.ends else None,
        )
        for one in spans(day.pressed if day else ())
    ]


def asked_hours(corrections: Iterable[Correction]) -> dict[str, Any]:
    """The hours that are asked for and those that stand, each as a text of the person's own clock."""
    corrections = list(corrections)
    days = WorkDay.objects.filter(
        user__in={one.user_id for one in corrections}, on__in={one.on for one in corrections}
    )
    zones = {one.user_id: zone_of(one.user) for one in corrections}
    was = {(day.user_id, day.on): _hours(day.started_at, day.finished_at, zones[day.user_id]) for day in days}
    hours = {one.pk: _hours(one.starts_at, one.ends_at, zones[one.user_id]) for one in corrections}
    return {"hours": hours, "days": was}


def _hours(starts: datetime, ends: datetime | None, zone: ZoneInfo) -> str:
    first = format_time(starts.astimezone(zone).time())
    return f"{first} – {format_time(ends.astimezone(zone).time()) if ends else '?'}"


def period_name(report: Report) -> str:
    """`Tue 24 Nov`, `Mon 23 Nov – Sun 29 Nov`, `November 2026`"""
    if report.period == Report.Period.MONTH:
        return format_month_and_year(report.starts_on)
    first = format_weekday(report.starts_on)
    return first if report.period == Report.Period.DAY else f"{first} – {format_weekday(report.ends_on)}"


@dataclass(frozen=True)
class Month:
    """A month of an address, as `2026-11`, and the ones beside it; none after the present one."""

    first: date
    today: date

    @classmethod
    def of(cls, text: str, *, today: date) -> Month:
        """The month that the text names; the present one for anything else."""
        try:
            first = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            first = today
        return cls(min(max(first, EARLIEST), today).replace(day=1), today)

    @property
    def last(self) -> date:
        return (self.first + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    @property
    def key(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def before(self) -> str:
        return f"{self.first - timedelta(days=1):%Y-%m}"

    @property
    def after(self) -> str | None:
        following = self.last + timedelta(days=1)
        return f"{following:%Y-%m}" if following <= self.today else None
