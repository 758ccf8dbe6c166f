"""What a booking page offers: who receives, and when they are free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from box.apps.calendar.models import BookingPage, HeldTime
from box.apps.calendar.presenters import taken
from box.apps.calendar.slots import Offer, Stretch, is_free, merged
from box.core.access.principals import people_behind
from box.core.accounts.models import User
from box.core.people.models import Absence
from box.core.portal.calendar import work_calendar
from box.lib.recurrence import local_moment
from box.lib.workdays import DayKind

MOST_HOSTS = 30

Hosts = BookingPage.Hosts


def hosts_of(page: BookingPage) -> list[User]:
    """Those who receive now, in a fixed order; empty where nobody is left."""
    if page.group is None:
        found = User.objects.active().filter(pk=page.owner_id)
    else:
        found = User.objects.active().employees().filter(people_behind([page.group.code]))
    return list(found.order_by("pk")[:MOST_HOSTS])


def offer_of(page: BookingPage) -> Offer:
    exceptions = work_calendar().exceptions

    def is_off(day: date) -> bool:
        exception = exceptions.get(day)
        return exception is not None and exception.kind == DayKind.OFF

    minutes = (page.length_minutes, page.step_minutes, page.before_minutes, page.after_minutes)
    length, step, before, after = (timedelta(minutes=one) for one in minutes)
    return Offer(
        length, step, before, after, frozenset(page.weekdays), page.begins, page.ends, ZoneInfo(page.zone),
        is_off,
    )  # fmt: skip


def window_of(page: BookingPage, now: datetime) -> Stretch:
    """From when to when somebody may book at this moment."""
    return now + timedelta(hours=page.notice_hours), now + timedelta(days=page.horizon_days)


@dataclass(frozen=True)
class Availability:
    """When the hosts of a page are free, in a stretch of time."""

    page: BookingPage
    offer: Offer
    hosts: Sequence[User]
    busy: dict[int, list[Stretch]]

    def free_hosts(self, start: datetime) -> list[User]:
        """Who could receive somebody then; where all are needed, all or nobody."""
        wanted = self.offer.held(start)
        free = [one for one in self.hosts if is_free(self.busy[one.pk], wanted)]
        return free if self.page.hosts != Hosts.ALL or len(free) == len(self.hosts) else []

    def times(self, since: datetime, until: datetime) -> Iterator[datetime]:
        return (start for start in self.offer.times(since, until) if self.free_hosts(start))


def availability(page: BookingPage, since: datetime, until: datetime, *, but: int = 0) -> Availability:
    """In four queries, whoever receives. `but` is an appointment that is to be moved: what it takes itself is
    free."""
    offer, hosts = offer_of(page), hosts_of(page)
    wide = since - offer.before - timedelta(days=1), until + offer.length + offer.after + timedelta(days=1)
    busy: dict[int, list[Stretch]] = {one.pk: [] for one in hosts}
    for pk, one in taken(hosts, *wide, but=but):
        busy[pk].append(_whole_days(one.starts_at, one.ends_at, offer) if one.event.is_all_day
                        else (one.starts_at, one.ends_at))  # fmt: skip
    held = HeldTime.objects.filter(user__in=busy, span__overlap=DateTimeTZRange(*wide))
    for row in held.exclude(appointment=but):
        busy[row.user_id].append((row.span.lower, row.span.upper))
    days = [moment.astimezone(offer.zone).date() for moment in wide]
    for away in Absence.objects.within(*days).filter(user__in=busy):
        begin = datetime.combine(away.starts_on, time(), tzinfo=offer.zone)
        end = datetime.combine(away.ends_on + timedelta(days=1), time(), tzinfo=offer.zone)
        busy[away.user_id].append((begin, end))
    return Availability(page, offer, hosts, {pk: merged(stretches) for pk, stretches in busy.items()})


def _whole_days(starts_at: datetime, ends_at: datetime, offer: Offer) -> Stretch:
    """Of the place that the page is for."""
    starts, ends = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    return starts.replace(tzinfo=offer.zone), ends.replace(tzinfo=offer.zone)


# What visitors see

SHOWN_DAYS = 14


@dataclass(frozen=True)
class Times:
    """Free times of two weeks, by the days of the reader's time zone; `earlier` and `later` are where other
    two weeks begin, None where nothing is offered there."""

    days: list[tuple[date, list[datetime]]]
    earlier: datetime | None
    later: datetime | None


def times_shown(
    page: BookingPage, zone: ZoneInfo, *, since: datetime | None, now: datetime, but: int = 0
) -> Times:
    """From `since` on, to the end of a day: what is cut in two seems all but taken on both pages. `but` is an
    appointment that is to be moved."""
    first, until = window_of(page, now)
    begin = min(max(since or first, first), until)
    end = min(_midnight(begin, SHOWN_DAYS, zone), until)
    days: dict[date, list[datetime]] = {}
    for start in availability(page, begin, end, but=but).times(begin, end):
        local = start.astimezone(zone)
        days.setdefault(local.date(), []).append(local)
    return Times(
        list(days.items()),
        max(_midnight(begin, -SHOWN_DAYS, zone), first) if begin > first else None,
        end if end < until else None,
    )


def _midnight(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """At which the day begins that is so many after that of the moment."""
    return local_moment(moment.astimezone(zone).date() + timedelta(days=days), time(), zone)
