"""What came in and what went out: by period, person and source, beside what was planned.

All of it is made of payments that the reader may see (`box.apps.crm.payments`), and every figure is an
address of their list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDay, TruncMonth, TruncQuarter, TruncWeek, TruncYear
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.access import can_administer
from box.apps.crm.catalog import catalog
from box.apps.crm.models import Payment, Plan, StageTotal
from box.apps.crm.presenters import base_currency, money
from box.core.accounts.models import User
from box.core.lists.filters import Range, period
from box.core.registry.environment import format_date, format_month_and_year

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from box.apps.crm.models.plans import PlanQuerySet
    from box.core.lists.query import Query

type Rows = QuerySet[Payment, Payment]
type Ends = tuple[date | None, date | None]


class By(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    PERSON = "person"
    SOURCE = "source"


WAYS: Mapping[By, _StrOrPromise] = {
    By.DAY: gettext_lazy("by day"),
    By.WEEK: gettext_lazy("by week"),
    By.MONTH: gettext_lazy("by month"),
    By.QUARTER: gettext_lazy("by quarter"),
    By.YEAR: gettext_lazy("by year"),
    By.PERSON: gettext_lazy("by person"),
    By.SOURCE: gettext_lazy("by source"),
}
_PERIODS: Mapping[By, Any] = {
    By.DAY: TruncDay, By.WEEK: TruncWeek, By.MONTH: TruncMonth, By.QUARTER: TruncQuarter, By.YEAR: TruncYear,
}  # fmt: skip
_PLANNED = frozenset({By.MONTH, By.QUARTER, By.YEAR, By.PERSON})
# With any other choice what was planned is no measure of what is shown.
_COMPARABLE = frozenset({"on", "responsible", "direction"})
MOST_ROWS = 400


@dataclass(frozen=True)
class Figure:
    """A sum as the reader writes it, and the payments that it is made of."""

    amount: Decimal
    url: str

    @property
    def said(self) -> str:
        return money(self.amount, base_currency())


@dataclass(frozen=True)
class ReportRow:
    """`plan` None: nothing is planned there. `width` of a thousand is the bar of what came in."""

    label: str
    received: Figure
    spent: Figure
    count: int
    url: str
    plan: Decimal | None
    width: int = 0

    @property
    def difference(self) -> str:
        return money(self.received.amount - self.spent.amount, base_currency())

    @property
    def planned(self) -> str:
        return money(self.plan, base_currency()) if self.plan else ""

    @property
    def percent(self) -> int | None:
        return round(100 * self.received.amount / self.plan) if self.plan else None


@dataclass(frozen=True)
class Report:
    by: By
    rows: Sequence[ReportRow]
    total: ReportRow
    has_plan: bool
    is_cut: bool


@dataclass(frozen=True)
class _Group:
    """A row of the report before it is said: what of the query's choice it is, as pairs of an address."""

    key: Any
    label: str
    without: str
    pairs: Sequence[tuple[str, str]]


def report_of(rows: Rows, query: Query, by: By, address: str) -> Report:
    """Of these payments, in at most four queries. `address` is that of their list."""
    sums = _sums(rows, by)
    is_cut = len(sums) > MOST_ROWS
    plans = _plans(query, by)
    ends = _ends(query)
    found = {key: (received, spent, count) for key, received, spent, count in sums[:MOST_ROWS]}
    keys = sorted(found.keys() | plans.keys(), key=_order(by, found))
    groups = _groups(keys, by, ends)
    links = _Links(query, address)
    most = max((received for received, _spent, _count in found.values()), default=Decimal(0))
    made = [_row(group, found, plans, links, most) for group in groups]
    return Report(by, made, _total(made, query, links, plans), bool(plans), is_cut)


def _sums(rows: Rows, by: By) -> list[tuple[Any, Decimal, Decimal, int]]:
    key = {By.PERSON: F("record__responsible"), By.SOURCE: F("record__source")}.get(by)
    grouped = rows.select_related(None).order_by().annotate(key=key or _PERIODS[by]("on")).values("key")
    told = grouped.annotate(
        received=Sum("base_amount", filter=Q(direction=Payment.Direction.IN), default=Decimal(0)),
        spent=Sum("base_amount", filter=Q(direction=Payment.Direction.OUT), default=Decimal(0)),
        count=Count("pk"),
    )
    newest = told.order_by("-received", "key") if by in {By.PERSON, By.SOURCE} else told.order_by("-key")
    return list(newest.values_list("key", "received", "spent", "count")[: MOST_ROWS + 1])


def _order(by: By, found: Mapping[Any, tuple[Decimal, Decimal, int]]) -> Callable[[Any], Any]:
    """Periods in their order; people and sources by what they brought."""
    if by in {By.PERSON, By.SOURCE}:
        nothing = Decimal(0), Decimal(0), 0
        return lambda key: (-found.get(key, nothing)[0], key or 0)
    return lambda key: key


def _groups(keys: Sequence[Any], by: By, ends: Ends) -> list[_Group]:
    if by == By.PERSON:
        people = User.objects.in_bulk([key for key in keys if key])
        return [
            _Group(
                key, people[key].name if key in people else "…", "responsible", [("responsible", f"U{key}")]
            )
            for key in keys
        ]
    if by == By.SOURCE:
        known = catalog().sources
        return [
            _Group(key, str(known[key]), "source", [("source", str(key))])
            if key in known
            else _Group(key, _("without a source"), "source", [("source.is", "empty")])
            for key in keys
        ]
    return [_of_period(key, by, ends) for key in keys]


def _of_period(first: date, by: By, ends: Ends) -> _Group:
    """As far as it lies within the days that were chosen."""
    last = last_of(first, by)
    begin = max(first, ends[0]) if ends[0] else first
    end = min(last, ends[1]) if ends[1] else last
    return _Group(
        first, _said(first, last, by), "on", [("on.from", begin.isoformat()), ("on.to", end.isoformat())]
    )


def last_of(first: date, by: By) -> date:
    """The last day of the period that begins on this one."""
    if by == By.DAY:
        return first
    if by == By.WEEK:
        return first + timedelta(days=6)
    months = first.month + {By.MONTH: 1, By.QUARTER: 3, By.YEAR: 12}[by] - 1
    return date(first.year + months // 12, months % 12 + 1, 1) - timedelta(days=1)


def _said(first: date, last: date, by: By) -> str:
    if by == By.MONTH:
        return format_month_and_year(first)
    if by == By.QUARTER:
        return _("quarter %(number)s, %(year)s") % {"number": (first.month + 2) // 3, "year": first.year}
    if by == By.YEAR:
        return str(first.year)
    return format_date(first) if by == By.DAY else f"{format_date(first)} – {format_date(last)}"


@dataclass(frozen=True)
class _Links:
    query: Query
    address: str

    def to(self, pairs: Iterable[tuple[str, str]], *, without: Sequence[str]) -> str:
        return f"{self.address}?{self.query.replaced(pairs, without=without)}"


def _row(
    group: _Group,
    found: Mapping[Any, tuple[Decimal, Decimal, int]],
    plans: Mapping[Any, Decimal],
    links: _Links,
    most: Decimal,
) -> ReportRow:
    received, spent, count = found.get(group.key, (Decimal(0), Decimal(0), 0))
    one = (group.without, "direction")
    return ReportRow(
        group.label,
        Figure(received, links.to([*group.pairs, ("direction", "in")], without=one)),
        Figure(spent, links.to([*group.pairs, ("direction", "out")], without=one)),
        count,
        links.to(group.pairs, without=(group.without,)),
        plans.get(group.key),
        round(1000 * received / most) if most else 0,
    )


def _total(rows: Sequence[ReportRow], query: Query, links: _Links, plans: Mapping[Any, Decimal]) -> ReportRow:
    received = sum((row.received.amount for row in rows), Decimal(0))
    spent = sum((row.spent.amount for row in rows), Decimal(0))
    return ReportRow(
        _("In all"),
        Figure(received, links.to([("direction", "in")], without=("direction",))),
        Figure(spent, links.to([("direction", "out")], without=("direction",))),
        sum(row.count for row in rows),
        links.to((), without=()),
        sum(plans.values(), Decimal(0)) if plans else None,
    )


# What was planned


def _ends(query: Query) -> Ends:
    chosen = query.value_of("on")
    if chosen is None:
        return None, None
    found: Range[date] | Any = period(chosen, query.context)
    return found.first, found.last


def _plans(query: Query, by: By) -> dict[Any, Decimal]:
    """By group; nothing where the choice is not one that plans are made for: months by people."""
    first, last = _ends(query)
    chosen = {one.filter.key for one in query.chosen}
    if by not in _PLANNED or not chosen <= _COMPARABLE or query.text or first is None or last is None:
        return {}
    if first.day != 1 or (last + timedelta(days=1)).day != 1:
        return {}
    if query.value_of("direction") not in (None, (Payment.Direction.IN.value,)):
        return {}
    rows = visible_plans(query.context.reader).within(first, last)
    people = query.value_of("responsible")
    if people is not None:
        reference = next(one.filter for one in query.chosen if one.filter.key == "responsible")
        rows = rows.filter(user__in=reference.ids(people, query.context))  # type: ignore[attr-defined]
    key = F("user") if by == By.PERSON else _PERIODS[by]("month")
    sums = rows.order_by().annotate(key=key).values_list("key").annotate(Sum("amount"))
    return dict(sums)


def visible_plans(reader: User) -> PlanQuerySet:
    """One's own, and of those whose records one sees."""
    if can_administer(reader):
        return Plan.objects.all()
    near = StageTotal.objects.visible_to(reader).order_by().values("responsible")
    return Plan.objects.filter(Q(user=reader) | Q(user__in=near))
