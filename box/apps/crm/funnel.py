"""How far records come, and how long they stay, stage by stage.

A record has reached a stage if it was ever in it, or in one further on: whoever skips a stage has passed it.
What was lost counts as far as it had come before.
"""

from __future__ import annotations

from collections import defaultdict
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
from box.apps.crm.totals import kept_paths, kept_stays, kept_totals

if TYPE_CHECKING:
    from box.apps.crm.models import Pipeline
    from box.apps.crm.totals import Totals
    from box.core.accounts.models import User

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


@dataclass(frozen=True)
class Ways:
    """What a funnel is made of. `furthest` is by a stage's place in the pipeline how many have come just so
    far; `here` and the mean `stays` are by stage."""

    furthest: Mapping[int, int]
    here: Totals
    stays: Mapping[int, timedelta]


def kept_ways(reader: User, pipeline: Pipeline, stages: Sequence[Stage], *, now: datetime) -> Ways:
    """Of all that this reader sees in the pipeline."""
    places = {stage.pk: n if stage.kind != Stage.Kind.LOST else 0 for n, stage in enumerate(stages)}
    furthest: dict[int, int] = defaultdict(int)
    for path, count in kept_paths(reader, pipeline).items():
        if came := [places[pk] for pk in path if pk in places]:
            furthest[max(came)] += count
    return Ways(furthest, kept_totals(reader, stages), kept_stays(reader, pipeline, now))


def counted_ways(rows: Rows, stages: Sequence[Stage], *, now: datetime) -> Ways:
    """Of these records, which are counted: it takes the longer the more there are."""
    return Ways(_furthest(rows, stages), _here(rows, stages), _stays(rows, stages, now))


def funnel_of(ways: Ways, stages: Sequence[Stage], *, has_sums: bool) -> list[FunnelStage]:
    all_of_them = sum(ways.furthest.values())
    found = []
    for place, stage in enumerate(stages):
        count, amount = ways.here.get(stage.pk, (0, Decimal(0)))
        came = sum(n for at, n in ways.furthest.items() if at >= place)
        reached = count if stage.kind == Stage.Kind.LOST else came
        percent = round(100 * reached / all_of_them) if all_of_them else 0
        said = money(amount, base_currency()) if has_sums and amount else ""
        found.append(FunnelStage(stage, reached, percent, count, said, said_span(ways.stays.get(stage.pk))))
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
    sums = inside.annotate(Count("pk"), Sum("base_amount"))
    return {pk: (count, amount) for pk, count, amount in sums}


def _stays(rows: Rows, stages: Sequence[Stage], now: datetime) -> Mapping[int, timedelta]:
    ids = rows.order_by().values("pk")
    visits = StageVisit.objects.filter(record__in=ids, stage__in=[one.pk for one in stages])
    mean = Avg(Coalesce(F("left_at"), Value(now)) - F("entered_at"))
    return dict(visits.order_by().values("stage").annotate(mean=mean).values_list("stage", "mean"))
