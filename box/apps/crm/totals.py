"""What boards and funnels show of everything somebody sees in a pipeline: as it is kept, however many records
there are.

What somebody only observes is in none of these figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Sum

from box.apps.crm.models import PathTotal, StageTotal, StayTotal

if TYPE_CHECKING:
    from box.apps.crm.models import Pipeline, Stage
    from box.core.accounts.models import User
    from box.core.lists.query import Query

type Totals = Mapping[int, tuple[int, Decimal]]
"""By stage how many records are in it, and what they come to."""


def is_of_everything(query: Query) -> bool:
    """Whether a choice of records leaves none of a pipeline out."""
    only_pipeline = {one.filter.key for one in query.chosen} <= {"pipeline"}
    return only_pipeline and not query.text and not query.problems


def kept_totals(reader: User, stages: Sequence[Stage]) -> Totals:
    rows = StageTotal.objects.visible_to(reader).filter(stage__in=[one.pk for one in stages])
    sums = rows.order_by().values_list("stage").annotate(Sum("count"), Sum("amount"))
    return {stage: (count, amount) for stage, count, amount in sums}


def kept_paths(reader: User, pipeline: Pipeline) -> Mapping[tuple[int, ...], int]:
    """How many came through just these stages."""
    seen = StageTotal.objects.visible_to(reader).filter(stage__pipeline=pipeline.pk)
    rows = PathTotal.objects.filter(total__in=seen.values("pk"), count__gt=0)
    return {tuple(stages): count for stages, count in rows.values_list("stages").annotate(Sum("count"))}


def kept_stays(reader: User, pipeline: Pipeline, now: datetime) -> Mapping[int, timedelta]:
    """By stage the mean time of a stay, those that last counted until now."""
    seen = StageTotal.objects.visible_to(reader).filter(stage__pipeline=pipeline.pk)
    rows = StayTotal.objects.filter(total__in=seen.values("pk")).values_list("stage")
    sums = rows.annotate(Sum("ended"), Sum("seconds"), Sum("lasting"), Sum("entered"))
    until = Decimal(str(now.timestamp()))
    return {
        stage: timedelta(seconds=float((seconds + lasting * until - entered) / (ended + lasting)))
        for stage, ended, seconds, lasting, entered in sums
        if ended + lasting
    }
