"""What the page of Pulse shows, in as many queries for a year as for a day."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from box.apps.pulse.aggregation import bounds, midnight, zone
from box.apps.pulse.models import ALL, COMPANY, Rank, Share, percentage
from box.apps.pulse.settings import RATING, TARGET
from box.core.registry.capabilities import creators
from box.core.registry.environment import format_month, format_time, format_weekday
from box.core.registry.services import is_on, services

# So many points a chart has: two days of hours, a month, a quarter, a year.
POINTS = {"hour": 48, "day": 30, "week": 13, "month": 12}
TOP = 50
# Below this share a tool is worth a word.
LITTLE = 25


@dataclass(frozen=True)
class Tool:
    """A service, and how many people use it in the present period. `last` is the share before."""

    key: str
    label: str
    percent: int
    active: int
    last: int
    can_explain: bool

    @property
    def trend(self) -> int:
        return self.percent - self.last


@dataclass(frozen=True)
class Series:
    """One line of the chart: a percentage for each of the moments."""

    label: str
    percents: list[int]


@dataclass(frozen=True)
class Pulse:
    period: str
    labels: list[str]
    series: list[Series]
    tools: list[Tool]
    people: int
    active: int
    percent: int
    target: int

    @property
    def missing(self) -> int:
        return max(self.target - self.percent, 0)

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """The chart as a table: a moment, and the percentage of each line."""
        columns = zip(*(one.percents for one in self.series), strict=True)
        return [(label, list(percents)) for label, percents in zip(self.labels, columns, strict=True)]

    @property
    def chart(self) -> dict[str, Any]:
        """For the page's script."""
        lines = [{"label": one.label, "data": one.percents} for one in self.series]
        return {"labels": self.labels, "series": lines, "target": self.target}


def pulse(period: str, *, department: int, now: datetime, all_label: str) -> Pulse:
    """The last points of the period, up to the present one."""
    moments = _moments(period, now)
    found: dict[tuple[datetime, str], Share] = {
        (share.begins_at, share.tool): share
        for share in Share.objects.of(period, department=department).filter(begins_at__gte=moments[0])
    }
    shares: dict[str, list[int]] = defaultdict(list)
    known = {ALL: all_label, **{key: str(one.label) for key, one in services.items() if is_on(key)}}
    for tool in known:
        for moment in moments:
            share = found.get((moment, tool))
            shares[tool].append(share.percent if share else 0)
    used = {tool for _moment, tool in found}
    here = found.get((moments[-1], ALL))
    tools = [
        Tool(
            key=tool,
            label=label,
            percent=shares[tool][-1],
            active=found[moments[-1], tool].active if (moments[-1], tool) in found else 0,
            last=shares[tool][-2],
            can_explain=shares[tool][-1] < LITTLE and "feed.post" in creators and bool(services[tool].help),
        )
        for tool, label in known.items()
        if tool != ALL
    ]
    return Pulse(
        period=period,
        labels=[_label(period, moment) for moment in moments],
        series=[Series(label, shares[tool]) for tool, label in known.items() if tool == ALL or tool in used],
        tools=sorted(tools, key=lambda tool: -tool.percent),
        people=here.people if here else 0,
        active=here.active if here else 0,
        percent=shares[ALL][-1],
        target=TARGET.value,
    )


def _moments(period: str, now: datetime) -> list[datetime]:
    count, here = POINTS[period], zone()
    if period == Share.Period.HOUR:
        hour = now.replace(minute=0, second=0, microsecond=0)
        return [hour - timedelta(hours=number) for number in reversed(range(count))]
    days: list[date] = []
    day = now.astimezone(here).date()
    for _number in range(count):
        first, _last = bounds(period, day)
        days.append(first)
        day = first - timedelta(days=1)
    return [midnight(day, here) for day in reversed(days)]


def _label(period: str, moment: datetime) -> str:
    local = moment.astimezone(zone())
    if period == Share.Period.HOUR:
        return format_time(local.time())
    return format_month(local.date()) if period == Share.Period.MONTH else format_weekday(local.date())


def rating() -> list[Rank]:
    """Who did most; nobody while the company does not want it."""
    if not RATING.value:
        return []
    return list(
        Rank.objects.filter(user__status="active").select_related("user").order_by("-times", "user")[:TOP]
    )


def of_departments(period: str, *, now: datetime) -> dict[int, int]:
    """Each department's percentage of the present period, in one query."""
    moment = _moments(period, now)[-1]
    shares = Share.objects.filter(period=period, begins_at=moment, tool=ALL).exclude(department=COMPANY)
    counted = shares.values_list("department", "active", "people")
    return {department: percentage(active, people) for department, active, people in counted}
