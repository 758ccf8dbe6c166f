"""How far records come, and how long they stay, stage by stage.

A record has reached a stage if it was ever in it, or in one further on: whoever skips a stage has passed it.
What was lost counts as far as it had come before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import (
    Avg,
    Case,
    Count,
    F,
    IntegerField,
    Max,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.apps.crm.models import Record, Stage, StageVisit
from box.apps.crm.presenters import base_currency, money

if TYPE_CHECKING:
    pass

type Rows = QuerySet[Record, Record]


@dataclass(frozen=True)
class FunnelStage:
    """`reached` came so far, which is `percent` of all; `here` are in it now and come to `amount`; `stays` is
    the mean time of a visit, in words."""

    stage: Stage
    reached: int
    percent: int
    here: int
    amount: str
    stays: str

    @property
    def width(self) -> int:
        """Of the bar that shows it, in a picture that is 1,000 wide."""
        return 10 * self.percent


def funnel_of(rows: Rows, stages: Sequence[Stage], *, has_sums: bool, now: datetime) -> list[FunnelStage]:
    """Of these records, in three queries."""
    furthest = _furthest(rows, stages)
    here = _here(rows, stages)
    stays = _stays(rows, stages, now)
    all_of_them = sum(furthest.values())
    found = []
    for place, stage in enumerate(stages):
        count, amount = here.get(stage.pk, (0, Decimal(0)))
        came = sum(n for at, n in furthest.items() if at >= place)
        reached = count if stage.kind == Stage.Kind.LOST else came
        percent = round(100 * reached / all_of_them) if all_of_them else 0
        said = money(amount, base_currency()) if has_sums and amount else ""
        found.append(FunnelStage(stage, reached, percent, count, said, said_span(stays.get(stage.pk))))
    return found


def has_reached(rows: Rows, stage: Stage, stages: Sequence[Stage]) -> Rows:
    """Those that were ever in the stage, or in one further on."""
    places = [one.pk for one in stages]
    if stage.kind == Stage.Kind.LOST:
        return rows.filter(stage=stage)
    further = [one.pk for one in stages[places.index(stage.pk) :] if one.kind != Stage.Kind.LOST]
    return rows.filter(pk__in=StageVisit.objects.filter(stage__in=further).values("record"))


def said_span(span: timedelta | None) -> str:
    if span is None:
        return ""
    hours = round(span.total_seconds() / 3600)
    if hours < 1:
        return _("less than an hour")
    if hours < 48:
        return ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}
    days = round(hours / 24)
    return ngettext("%(num)s day", "%(num)s days", days) % {"num": days}


def _furthest(rows: Rows, stages: Sequence[Stage]) -> Mapping[int, int]:
    """By place in the pipeline how many have come just so far."""
    cases = (When(stage=stage.pk, then=Value(n)) for n, stage in enumerate(stages) if stage.kind != "lost")
    place = Max(Case(*cases, default=Value(0), output_field=IntegerField()))
    visits = StageVisit.objects.filter(record=OuterRef("pk"), stage__in=[one.pk for one in stages])
    came = Subquery(visits.order_by().values("record").annotate(place=place).values("place"))
    counted = rows.order_by().annotate(came=came).exclude(came=None).values_list("came").annotate(Count("pk"))
    return dict(counted)


def _here(rows: Rows, stages: Sequence[Stage]) -> Mapping[int, tuple[int, Decimal]]:
    inside = rows.order_by().filter(stage__in=[one.pk for one in stages]).values_list("stage")
    return {pk: (count, amount) for pk, count, amount in inside.annotate(Count("pk"), Sum("base_amount"))}


def _stays(rows: Rows, stages: Sequence[Stage], now: datetime) -> Mapping[int, timedelta]:
    ids = rows.order_by().values("pk")
    visits = StageVisit.objects.filter(record__in=ids, stage__in=[one.pk for one in stages])
    mean = Avg(Coalesce(F("left_at"), Value(now)) - F("entered_at"))
    return dict(visits.order_by().values("stage").annotate(mean=mean).values_list("stage", "mean"))
