"""What boards and funnels show of everything somebody sees in a pipeline: as it is kept, however many records
there are.

What somebody only observes is in none of these figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Sum, TextField

from box.apps.crm.models import PathTotal, StageTotal, StayTotal
from box.apps.crm.permissions import codes_to_read
from box.core.access.audiences import is_ruled_by_codes
from box.lib.prepared import Param, Prepared

if TYPE_CHECKING:
    from django.db.models import QuerySet

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
    wanted = [one.pk for one in stages]
    if is_ruled_by_codes(reader):
        # A row for each stage and seller: so few are walked, whoever sees however many of them.
        sums: Iterable[Any] = _TOTALS.rows(stages=wanted, codes=sorted(codes_to_read(reader)))
    else:
        sums = _summed(StageTotal.objects.visible_to(reader).filter(stage__in=wanted))
    return {stage: (count, amount) for stage, count, amount in sums}


def _summed(rows: QuerySet[StageTotal]) -> QuerySet[StageTotal, Any]:
    return rows.order_by().values_list("stage").annotate(Sum("count"), Sum("amount"))


_TOTALS = Prepared(
    lambda: _summed(
        StageTotal.objects.filter(stage__id__in_array=Param("stages")).reachable_by_many(
            Param("codes", ArrayField(TextField()))
        )
    )
)


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
