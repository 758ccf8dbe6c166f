"""How the work went in some days: what was in work, given, completed and late, and how much was left.

Effectiveness is what Bitrix24 counts by that name: the share of tasks in work that had no remark, where a
remark is that the task was overdue. One whose deadline was moved has none by the deadline before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.models import Task
from box.apps.tasks.report_filters import late_within, worked_within
from box.core.accounts.models import User
from box.core.groups.models import Group
from box.core.lists.filters import moments_of, period
from box.core.registry.company import company_day, company_zone
from box.core.registry.environment import format_date, format_month_and_year
from box.core.structure.models import Department

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from box.core.lists.query import Query

type Rows = QuerySet[Task, Task]
DAY = timedelta(days=1)
MOST_ROWS = 300
LONGEST = timedelta(days=730)
LONGEST_BY_WEEK = timedelta(days=93)
"""Weeks of a quarter, or months of two years: each has its counts in the one query."""


class By(StrEnum):
    PERSON = "person"
    DEPARTMENT = "department"
    PROJECT = "project"
    PERIOD = "period"


WAYS: Mapping[By, _StrOrPromise] = {
    By.PERSON: gettext_lazy("By person"),
    By.DEPARTMENT: gettext_lazy("By department"),
    By.PROJECT: gettext_lazy("By project"),
    By.PERIOD: gettext_lazy("By period"),
}
_KEYS: Mapping[By, str] = {
    By.PERSON: "responsible",
    By.DEPARTMENT: "responsible__memberships__department",
    By.PROJECT: "project",
}


# The filter by which each of them is chosen, and what stands before its number there.
_NAMED: Mapping[By, tuple[type[User | Department | Group], str, str]] = {
    By.PERSON: (User, "responsible", "U"),
    By.DEPARTMENT: (Department, "department", ""),
    By.PROJECT: (Group, "project", ""),
}


class Days(NamedTuple):
    """Both belong to it."""

    first: date
    last: date


@dataclass(frozen=True)
class Figures:
    """Numbers of tasks; `late` are remarks."""

    worked: int = 0
    given: int = 0
    done: int = 0
    late: int = 0

    @property
    def effectiveness(self) -> int | None:
        """In percent; None where nothing was in work."""
        return round(100 * (self.worked - self.late) / self.worked) if self.worked else None


@dataclass(frozen=True)
class ReportRow:
    """`urls` are the addresses of the tasks that each figure counts, by its name; none where no filter finds
    them."""

    label: str
    figures: Figures
    urls: Mapping[str, str]


@dataclass(frozen=True)
class Burndown:
    """How many tasks were open at the end of each day, up to today at most; `days` is the whole stretch, at
    whose end none would be left."""

    left: Sequence[tuple[date, int]]
    days: int

    def line(self, width: int, height: int) -> str:
        """The points of a polyline in a box of this size, whose top is the highest count."""
        highest = max((count for _day, count in self.left), default=0) or 1
        step = width / max(1, self.days - 1)
        return " ".join(
            f"{at * step:.1f},{height - count * height / highest:.1f}"
            for at, (_day, count) in enumerate(self.left)
        )

    def ideal(self, width: int, height: int) -> str:
        """As if each day had brought as much, to nothing at the end."""
        highest = max((count for _day, count in self.left), default=0) or 1
        first = self.left[0][1] if self.left else 0
        return f"0,{height - first * height / highest:.1f} {width},{height}"


@dataclass(frozen=True)
class Report:
    by: By
    rows: Sequence[ReportRow]
    total: ReportRow
    is_cut: bool
    burndown: Burndown


@dataclass(frozen=True)
class _Group:
    """A row before it is counted: what of the query's choice it is, as pairs of an address."""

    label: _StrOrPromise
    without: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


_NO_PROJECT = _Group(gettext_lazy("no project"), ("project",), (("project.is", "empty"),))


def report_of(rows: Rows, query: Query, by: By, address: str, *, now: datetime) -> Report:
    """Of these tasks, in at most six queries. `address` is that of their list."""
    rows, days, links = rows.select_related(None).order_by(), days_of(query), _Links(query, address)
    if by == By.PERIOD:
        made, is_cut = list(_by_period(rows, days, links)), False
    else:
        made, is_cut = _by_key(rows, by, days, links)
    whole = Figures(**rows.aggregate(**_counts(days)))
    total = ReportRow(_("In all"), whole, links.of(_Group(""), days))
    return Report(by, made, total, is_cut, _burndown(rows, days, company_day(now)))


def days_of(query: Query) -> Days:
    """Those that were chosen; an open end is so far away as is counted at most, or today."""
    first, last = period(query.value_of("during") or "this-month", query.context)
    last = last or max(query.context.today, first or query.context.today)
    return Days(max(first or last - LONGEST, last - LONGEST), last)


def _counts(days: Days, suffix: str = "") -> dict[str, Count]:
    begin, end = moments_of(*days)
    return {
        f"worked{suffix}": Count("pk", filter=worked_within(begin, end)),
        f"given{suffix}": Count("pk", filter=Q(created_at__gte=begin, created_at__lt=end)),
        f"done{suffix}": Count("pk", filter=Q(closed_at__gte=begin, closed_at__lt=end)),
        f"late{suffix}": Count("pk", filter=late_within(begin, end)),
    }


def _by_key(rows: Rows, by: By, days: Days, links: _Links) -> tuple[list[ReportRow], bool]:
    counted = rows.filter(worked_within(*moments_of(*days))).values(_KEYS[by]).annotate(**_counts(days))
    found: list[Any] = list(counted.order_by("-worked", _KEYS[by])[: MOST_ROWS + 1])
    named = _named(by, [row[_KEYS[by]] for row in found if row[_KEYS[by]]])
    made = []
    for row in found[:MOST_ROWS]:
        key = row.pop(_KEYS[by])
        group = named.get(key) or (_NO_PROJECT if by == By.PROJECT else None)
        label = str(group.label) if group else _("no department")
        made.append(ReportRow(label, Figures(**row), links.of(group, days) if group else {}))
    return made, len(found) > MOST_ROWS


def _named(by: By, ids: Sequence[int]) -> dict[int, _Group]:
    model, name, letter = _NAMED[by]
    found = model.objects.in_bulk(ids)
    return {pk: _Group(one.name, (name,), ((name, f"{letter}{pk}"),)) for pk, one in found.items()}


def _by_period(rows: Rows, days: Days, links: _Links) -> Iterator[ReportRow]:
    parts = list(_parts(days))
    counts = {name: count for at, part in enumerate(parts) for name, count in _counts(part, f"_{at}").items()}
    found = rows.aggregate(**counts)
    for at, part in enumerate(parts):
        figures = Figures(**{name: found[f"{name}_{at}"] for name in ("worked", "given", "done", "late")})
        yield ReportRow(_said(part), figures, links.of(_Group(""), part))


def _parts(days: Days) -> Iterator[Days]:
    """Its weeks, or its months, as far as they lie within it."""
    is_by_week, first = days.last - days.first <= LONGEST_BY_WEEK, days.first
    while first <= days.last:
        if is_by_week:
            last = first + (6 - first.weekday()) * DAY
        else:
            last = (first.replace(day=1) + 32 * DAY).replace(day=1) - DAY
        yield Days(first, min(last, days.last))
        first = last + DAY


def _said(part: Days) -> str:
    if part.first.day == 1 and (part.last + DAY).day == 1:
        return format_month_and_year(part.first)
    return f"{format_date(part.first)} – {format_date(part.last)}"


def _burndown(rows: Rows, days: Days, today: date) -> Burndown:
    begin, _end = moments_of(*days)
    last = min(days.last, today)
    change: dict[date, int] = {}
    for moment, sign in (("created_at", 1), ("closed_at", -1)):
        within = rows.filter(**{f"{moment}__gte": begin})
        day = TruncDate(moment, tzinfo=company_zone())
        for at, count in within.annotate(day=day).values_list("day").annotate(Count("pk")):
            change[at] = change.get(at, 0) + sign * count
    open_before = rows.filter(worked_within(begin, begin)).count()
    shown = [days.first + place * DAY for place in range((last - days.first).days + 1)]
    counts = accumulate((change.get(day, 0) for day in shown), initial=open_before)
    next(counts)
    return Burndown(list(zip(shown, counts, strict=True)), (days.last - days.first).days + 1)


@dataclass(frozen=True)
class _Links:
    query: Query
    address: str

    def of(self, group: _Group, days: Days) -> dict[str, str]:
        found = {}
        for figure, key in _FILTERS.items():
            pairs = (*group.pairs, *_ends(key, days))
            query = self.query.replaced(pairs, without=(*group.without, "during"))
            found[figure] = f"{self.address}?{query}"
        return found


def _ends(key: str, days: Days) -> list[tuple[str, str]]:
    return [(f"{key}.from", days.first.isoformat()), (f"{key}.to", days.last.isoformat())]


_FILTERS = {"worked": "during", "given": "created", "done": "closed", "late": "late"}
