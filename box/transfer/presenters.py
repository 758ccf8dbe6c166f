"""What pages show of a migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.transfer.inventory import KINDS
from box.transfer.models import Migration, Progress, Remark
from box.transfer.plan import ordered
from box.transfer.sources import needs_of
from box.transfer.sources import stages_of as stages_of_source
from box.transfer.stages import STAGES
from box.transfer.stages.crm import TIMELINE
from box.transfer.stages.tasks import COMMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.utils.functional import _StrOrPromise

_PARTS: Mapping[str, _StrOrPromise] = {
    COMMENT: _("Comments of tasks"),
    TIMELINE: _("Comments of clients"),
    "time": _("Working time"),
}
"""What is said of that has no stage of its own."""


@dataclass(frozen=True)
class Count:
    label: _StrOrPromise
    count: int | None
    hidden: str
    can_come: bool


@dataclass(frozen=True)
class StageLine:
    """A stage, with how far it is where it has begun."""

    key: str
    label: _StrOrPromise
    progress: Progress | None
    is_chosen: bool


def counts_of(migration: Migration) -> list[Count]:
    counts, hidden = (migration.inventory.get(name) or {} for name in ("counts", "hidden"))
    if not migration.inventory:
        return []
    if migration.is_outbound or migration.archive_id:
        known = stages_of_source(migration)
        return [
            Count(known[key].label, migration.inventory["counts"][key], "", True)
            for key in known
            if key in migration.inventory["counts"]
        ]
    return [
        Count(kind.label, counts.get(kind.key), hidden.get(kind.key, ""), kind.key in STAGES)
        for kind in KINDS
    ]


@dataclass(frozen=True)
class Rehearsed:
    """What a dry run has counted of a stage."""

    label: _StrOrPromise
    rows: int
    refused: str


def rehearsal_of(migration: Migration) -> list[Rehearsed]:
    """Nothing where there was none."""
    told, known = migration.inventory.get("dry_run") or {}, stages_of_source(migration)
    refused = told.get("refused") or {}
    rows = told.get("rows") or {}
    # JSON of the database keeps no order.
    return [
        Rehearsed(one.label, rows[key], refused.get(key, "")) for key, one in known.items() if key in rows
    ]


@dataclass(frozen=True)
class Said:
    """A remark, with what its kind is called here."""

    kind: _StrOrPromise
    theirs: str
    text: str


def said_of(migration: Migration, remarks: Iterable[Remark]) -> Iterator[Said]:
    stages = reversed(list(stages_of_source(migration).values()))
    # Of stages of the same kind the first has its name.
    labels = {**_PARTS, **{one.kind: one.label for one in stages}}
    for one in remarks:
        yield Said(labels.get(one.kind, one.kind), one.theirs, one.text)


def stages_of(migration: Migration) -> list[StageLine]:
    held = {one.stage: one for one in migration.progress.all()}
    known, needs = stages_of_source(migration), needs_of(migration)
    return [
        StageLine(key, known[key].label, held.get(key), key in migration.stages)
        for key in ordered(needs, list(needs))
    ]
