"""What funnels are added up from: triggers keep it (see the migration `funnel_totals`), beside `StageTotal`.

Records that stand in one stage and that one person looks after are seen together or not at all, so each row
hangs on the total of these.
"""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models

from box.apps.crm.models.records import StageTotal
from box.apps.crm.models.types import Stage


class PathTotal(models.Model):
    """How many records came through just these stages, of the pipeline in which they are; in whichever order
    that has its stages, these say how far they have come."""

    total = models.ForeignKey(StageTotal, models.CASCADE, related_name="paths", db_index=False)
    # Ids, ascending.
    stages = ArrayField(models.BigIntegerField())
    count = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["total", "stages"], name="crm_path_once")]

    def __str__(self) -> str:
        return f"{self.count} through {self.stages}"


class StayTotal(models.Model):
    """How often the records were in a stage, and for how long together.

    `seconds` is that of stays that have ended. Of those that last `entered` adds up the moments at which they
    began, in seconds since 1970: so their length is known at any time.
    """

    total = models.ForeignKey(StageTotal, models.CASCADE, related_name="stays", db_index=False)
    stage = models.ForeignKey(Stage, models.CASCADE, related_name="+", db_index=False)
    ended = models.IntegerField(default=0)
    seconds = models.DecimalField(max_digits=24, decimal_places=6, default=Decimal(0))
    lasting = models.IntegerField(default=0)
    entered = models.DecimalField(max_digits=24, decimal_places=6, default=Decimal(0))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["total", "stage"], name="crm_stay_once")]

    def __str__(self) -> str:
        return f"{self.ended + self.lasting} stays in {self.stage_id}"
