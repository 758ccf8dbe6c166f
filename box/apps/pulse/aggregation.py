"""Counting: from events to use, from use to shares. Every statement replaces what it computes.

A tool is a service of the portal (`core.registry.services`). Its use is every event of its room that a person
caused, and what they said or liked under its objects. So a new service is counted without a line here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from box.apps.pulse.models import ALL, COMPANY, Rank, Share, Use
from box.apps.pulse.settings import RATING
from box.core.accounts.models import User
from box.core.registry.company import TIME_ZONE
from box.core.registry.services import services

KEEP_USE = timedelta(days=400)
KEEP_HOURS = timedelta(days=400)
RATED = timedelta(days=30)
# Of comments and reactions the room is that of the object under which they stand.
TOOL = """CASE split_part(event.kind, '.', 1)
          WHEN 'discussion' THEN split_part(event.payload->>'kind', '.', 1)
          ELSE split_part(event.kind, '.', 1) END"""
# Hours are only shown of the whole company: by department there would be some millions a year.
COUNTED = f"""
    SELECT used.*, COALESCE(person.merged_into_id, person.id) AS user_id
      FROM (SELECT {TOOL} AS tool, event.created_at, (event.payload->>'by_id')::bigint AS by_id
              FROM events_event AS event
             WHERE event.created_at >= %(first)s AND event.created_at < %(last)s) AS used
      JOIN accounts_user AS person ON person.id = used.by_id AND NOT person.is_extranet
           AND person.login NOT LIKE '/erased/%%'
     WHERE used.tool = ANY(%(tools)s)
"""  # noqa: S608 - only our own words are put into it


def zone() -> ZoneInfo:
    """The company's clock, by which all days are counted."""
    return ZoneInfo(TIME_ZONE.value)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def count_recent(now: datetime) -> None:
    """What the last hours have changed: today and yesterday, with the week and the month they are in."""
    today = now.astimezone(zone()).date()
    count_days(today - timedelta(days=1), today, now=now)
    forget_old(now)
    rank(now)


@transaction.atomic
def count_days(first: date, last: date, *, now: datetime) -> None:
    """Counts these days anew, and the hours, weeks and months that hold them."""
    here = zone()
    given: dict[str, Any] = {
        "first": midnight(first, here),
        "last": midnight(last + timedelta(days=1), here),
        "tools": [key for key, _service in services.items()],
        "zone": str(here),
    }
    Use.objects.filter(on__range=(first, last)).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO pulse_use ("on", tool, user_id, times)
                SELECT (created_at AT TIME ZONE %(zone)s)::date, tool, user_id, count(*)
                  FROM ({COUNTED}) AS counted GROUP BY 1, 2, 3""",  # noqa: S608 - see COUNTED
            given,
        )
    _count_hours(given)
    for period in (Share.Period.DAY, Share.Period.WEEK, Share.Period.MONTH):
        begin = first
        while begin <= last:
            begin, end = bounds(period, begin)
            count_period(period, begin, end, here)
            begin = end + timedelta(days=1)


def bounds(period: str, day: date) -> tuple[date, date]:
    """The first and the last day of the period that holds this one."""
    if period == Share.Period.WEEK:
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    if period == Share.Period.MONTH:
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return day, day


def _count_hours(given: dict[str, Any]) -> None:
    Share.objects.filter(
        period=Share.Period.HOUR, begins_at__gte=given["first"], begins_at__lt=given["last"]
    ).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO pulse_share (period, begins_at, department, tool, active, people)
                SELECT 'hour', date_trunc('hour', created_at), {COMPANY}, coalesce(tool, '{ALL}'),
                       count(DISTINCT user_id), %(people)s
                  FROM ({COUNTED}) AS counted
                 GROUP BY GROUPING SETS ((date_trunc('hour', created_at), tool),
                                         (date_trunc('hour', created_at)))""",  # noqa: S608 - see COUNTED
            {**given, "people": employees()},
        )


def employees() -> int:
    return int(User.objects.active().filter(is_extranet=False).count())


def count_period(period: str, first: date, last: date, here: ZoneInfo) -> None:
    """A person counts in each of their departments and in all above, as the structure is today."""
    begins_at = midnight(first, here)
    Share.objects.filter(period=period, begins_at=begins_at).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH belongs AS MATERIALIZED (
                 SELECT DISTINCT member.user_id, above.id AS department
                   FROM org_membership AS member
                   JOIN org_department AS own ON own.id = member.department_id
                   JOIN accounts_user AS person ON person.id = member.user_id
                        AND NOT person.is_extranet AND person.status = 'active'
                  CROSS JOIN LATERAL unnest(own.path) AS above(id)
                  UNION ALL
                 SELECT id, 0 FROM accounts_user WHERE NOT is_extranet AND status = 'active'),
            sizes AS (SELECT department, count(*) AS people FROM belongs GROUP BY 1),
            used AS MATERIALIZED (
                 SELECT DISTINCT tool, user_id FROM pulse_use WHERE "on" BETWEEN %(first)s AND %(last)s)
            INSERT INTO pulse_share (period, begins_at, department, tool, active, people)
            SELECT %(period)s, %(begins_at)s, belongs.department, coalesce(used.tool, ''),
                   count(DISTINCT used.user_id), min(sizes.people)
              FROM used JOIN belongs USING (user_id) JOIN sizes ON sizes.department = belongs.department
             GROUP BY GROUPING SETS ((belongs.department, used.tool), (belongs.department))
            """,
            {"first": first, "last": last, "period": period, "begins_at": begins_at},
        )


@transaction.atomic
def rank(now: datetime) -> None:
    """The rating, where the company wants one; nothing is kept where it does not."""
    Rank.objects.all().delete()
    if RATING.value:
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO pulse_rank (user_id, times)
                   SELECT user_id, sum(times) FROM pulse_use WHERE "on" > %s GROUP BY user_id""",
                [now.astimezone(zone()).date() - RATED],
            )


def forget_old(now: datetime) -> None:
    Use.objects.filter(on__lt=(now - KEEP_USE).date()).delete()
    Share.objects.filter(period=Share.Period.HOUR, begins_at__lt=now - KEEP_HOURS).delete()


def rebuild(now: datetime) -> tuple[date, date] | None:
    """Counts everything anew that the outbox still holds whole; None where it is empty."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(created_at) FROM events_event")
        (oldest,) = cursor.fetchone() or (None,)
    if oldest is None:
        return None
    here = zone()
    today, first = now.astimezone(here).date(), oldest.astimezone(here).date()
    if Use.objects.filter(on__lt=first).exists():
        # Of the oldest day the outbox may have forgotten a part already: what was counted then is better.
        first = min(first + timedelta(days=1), today)
    count_days(first, today, now=now)
    rank(now)
    return first, today
