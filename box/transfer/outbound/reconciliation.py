"""Whether everything is there: what is here by now against what was sent and what the portal says it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import CharField
from django.db.models.functions import Cast

from box.transfer.models import Migration
from box.transfer.outbound.base import OutboundWork
from box.transfer.outbound.inventory import totals
from box.transfer.outbound.stages import OUTBOUND_STAGES

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.transfer.cloud import Cloud


@dataclass(frozen=True)
class OutboundLine:
    label: _StrOrPromise
    here: int | None
    sent: int
    """Or recognised there."""
    made: int
    refused: int
    theirs: int | None
    """What the portal has: of a kind that it marks what came from here, else all of it."""
    is_marked: bool

    @property
    def is_whole(self) -> bool:
        is_all_sent = self.here is None or self.here <= self.sent + self.refused
        if self.theirs is None:
            return is_all_sent
        return is_all_sent and (self.theirs == self.made if self.is_marked else self.theirs >= self.sent)


@dataclass(frozen=True)
class OutboundReconciliation:
    lines: tuple[OutboundLine, ...]

    @property
    def is_whole(self) -> bool:
        return all(line.is_whole for line in self.lines)


def reconcile_outbound(migration: Migration, cloud: Cloud) -> OutboundReconciliation:
    """Asks the portal once more. Raises CloudRefused, CloudAway."""
    return OutboundReconciliation(tuple(_lines(migration, cloud)))


def _lines(migration: Migration, cloud: Cloud) -> Iterator[OutboundLine]:
    work = OutboundWork(migration, cloud)
    there = totals(cloud, work.mark)
    for key in migration.progress.values_list("stage", flat=True):
        stage = OUTBOUND_STAGES[key]
        sent = migration.identities.filter(kind=stage.kind)
        known = sent.annotate(number=Cast("ours", CharField())).values("number")
        remarks = migration.remarks.filter(kind=stage.kind).exclude(theirs="").exclude(theirs__in=known)
        refused = remarks.values("theirs").distinct().count()
        yield OutboundLine(
            stage.label, stage.count(work.scope), sent.count(), sent.filter(is_new=True).count(), refused,
            there.get(key), stage.is_marked and bool(work.mark),
        )  # fmt: skip
