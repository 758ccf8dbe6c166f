"""Which troubles of backups, of the cluster and of directories are told when: decided from what is known and
what was found just now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class Finding(Protocol):
    """Something wrong, as the agent tells of it."""

    @property
    def kind(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def key(self) -> str:
        """The same for as long as it is the same trouble."""


PATIENCE: Mapping[str, timedelta] = {
    # Somebody may be about to fetch the paper, or a target about to come back.
    "unconfirmed": timedelta(hours=1),
    "behind": timedelta(minutes=10),
    "log_behind": timedelta(minutes=10),
    # It stands still while the box is brought back.
    "silent": timedelta(minutes=5),
    # An election, a node that is being restarted, a copy that catches up.
    "leader": timedelta(minutes=1),
    "away": timedelta(minutes=2),
    "missing": timedelta(minutes=10),
    "ill": timedelta(minutes=10),
    "slow": timedelta(minutes=10),
    "service": timedelta(minutes=5),
    # A domain controller that is restarted is there again by the next run.
    "dir_failing": timedelta(minutes=20),
}
CALM = timedelta(minutes=15)
"""So long a trouble has to be gone: one that comes and goes is told once."""


@dataclass(frozen=True)
class Known:
    """A trouble that was seen before and is not over."""

    key: str
    kind: str
    seen_at: datetime
    gone_at: datetime | None = None
    is_told: bool = False


@dataclass(frozen=True)
class Plan:
    """What to note and what to tell, by keys."""

    new: tuple[Finding, ...] = ()
    back: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    is_well_again: bool = False


def decide(known: Iterable[Known], found: Iterable[Finding], *, now: datetime) -> Plan:
    """Troubles are told together; that all is well again, once, and only where trouble was told before."""
    present = {one.key: one for one in found}
    before = {one.key: one for one in known}
    new = tuple(one for key, one in present.items() if key not in before)
    away = [one for one in before.values() if one.key not in present]
    ended = frozenset(one.key for one in away if one.gone_at and now >= one.gone_at + CALM)
    waited = [one.key for one in before.values() if not one.is_told and _is_due(one.kind, one.seen_at, now)]
    told = frozenset(waited) & present.keys() | {one.key for one in new if _is_due(one.kind, now, now)}
    still_told = [one for one in before.values() if one.is_told and one.key not in ended]
    return Plan(
        new=new,
        back=frozenset(one.key for one in before.values() if one.gone_at and one.key in present),
        gone=frozenset(one.key for one in away if not one.gone_at),
        ended=ended,
        told=told,
        is_well_again=any(before[key].is_told for key in ended) and not still_told and not told,
    )


def _is_due(kind: str, seen_at: datetime, now: datetime) -> bool:
    return now >= seen_at + PATIENCE.get(kind, timedelta())
