"""A dry run: everything that would come is read once and counted, and nothing is written.

    found = rehearse(migration, cloud)
    found.rows                       # {"people": 60, "posts": 68, ...}

The same stages read the same pages as in the run itself. What a stage asks of what has come before it (of
which people there are comments, whose calendars there are) is answered from the pages that were read before.
What cannot become anything here is found when it is tried: so the run's added and refused rows together are
what was counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, override

from django.utils import timezone

from box.transfer.cloud import Cloud, CloudRefused
from box.transfer.models import Identity, Migration
from box.transfer.plan import ordered
from box.transfer.stages import NEEDS, STAGES
from box.transfer.stages.base import Work
from box.transfer.stages.links import Links

# What later stages ask for by its ids.
_REFERRED = frozenset({"person", "group", "department"})


@dataclass(frozen=True)
class Found:
    """By the key of a stage how many rows it reads, and why of some none are given."""

    rows: Mapping[str, int]
    refused: Mapping[str, str]
    at: str
    requests: int


@dataclass
class _Read:
    """Ids of a kind, in the order in which they came."""

    ids: dict[str, int] = field(default_factory=dict)

    def add(self, theirs: str) -> None:
        self.ids.setdefault(theirs, len(self.ids) + 1)


class DryWork(Work):
    """As if everything that was read had come, and nothing is written down."""

    def __init__(self, migration: Migration, cloud: Cloud) -> None:
        super().__init__(migration, cloud)
        self.read: dict[str, _Read] = defaultdict(_Read)

    @override
    def all_ours(self, kind: str, theirs: Collection[Any]) -> dict[str, int]:
        known = self.read[kind].ids
        return {str(one): known[str(one)] for one in theirs if str(one) in known}

    @override
    def known(self, kind: str, theirs: Collection[str]) -> dict[str, Identity]:
        return {}

    @override
    def listed(self, kind: str) -> list[tuple[str, int]]:
        return list(self.read[kind].ids.items())

    @override
    def remark(self, kind: str, theirs: Any, text: str) -> None:
        return

    @override
    def hide(self, stage: str, kind: str, theirs: Any, text: str) -> None:
        return


def rehearse(
    migration: Migration, cloud: Cloud, tell: Callable[[str, int], object] = lambda stage, rows: None
) -> Found:
    """Reads all that is chosen; `tell` hears of each page how far its stage is. Raises CloudAway, and
    CloudRefused where the portal lets nobody in."""
    work = DryWork(migration, cloud)
    rows: dict[str, int] = {}
    refused: dict[str, str] = {}
    # Links are of this side alone: texts that have come are looked through again.
    for key in ordered(NEEDS, [one for one in migration.stages if one != Links.key]):
        stage = STAGES[key]
        read = work.read[stage.kind]
        try:
            for page in stage.pages(work, {}):
                for row in page.rows:
                    read.add(stage.id_of(row))
                tell(key, len(read.ids))
        except CloudRefused as error:
            if error.is_locked_out:
                raise
            refused[key] = str(error)
        rows[key] = len(read.ids)
        if stage.kind not in _REFERRED:
            # Of a million rows nobody asks for again.
            work.read.pop(stage.kind)
    return Found(rows, refused, timezone.now().isoformat(), work.requests)


def keep(migration: Migration, found: Found) -> None:
    """Beside the inventory, where the run and whoever looks find it. What was waited for is over."""
    _note(migration, {"rows": dict(found.rows), "refused": dict(found.refused), "at": found.at,
                      "requests": found.requests})  # fmt: skip
    _end(migration, "")


def give_up(migration: Migration, why: str) -> None:
    """The portal lets nobody in: what it is to be asked is another webhook."""
    _end(migration, why)


def _end(migration: Migration, trouble: str) -> None:
    waiting = Migration.objects.filter(pk=migration.pk, state=Migration.State.LOOKING, is_dry_run=True)
    waiting.update(
        state=Migration.State.READY, is_dry_run=False, trouble=trouble[:2000], moved_at=timezone.now()
    )


def follow(migration: Migration) -> Callable[[str, int], object]:
    """What writes down how far one is, for whoever looks on."""
    rows: dict[str, int] = {}

    def tell(stage: str, number: int) -> None:
        rows[stage] = number
        _note(migration, {"rows": rows})

    return tell


def _note(migration: Migration, found: Mapping[str, Any]) -> None:
    held = Migration.objects.only("inventory").get(pk=migration.pk)
    inventory = {**held.inventory, "dry_run": found}
    Migration.objects.filter(pk=migration.pk).update(inventory=inventory, moved_at=timezone.now())


def rows_of(migration: Migration) -> Mapping[str, int]:
    """What the last dry run has counted; nothing where there was none."""
    found: Mapping[str, int] = (migration.inventory.get("dry_run") or {}).get("rows", {})
    return found
