"""How backups are: what is wrong, in sentences, and how far the time line reaches."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from appliance.agent import operations
from appliance.agent.answers import BackupWarning
from appliance.node import Node
from backup import log_archiving, sets
from backup.ledger import ledger_of
from backup.schedule import is_late
from backup.settings import Settings, Target
from backup.targets import kind_of
from backup.warnings import Facts, Size, sentence, warnings

# The agent takes up within seconds what was interrupted.
_DEAD_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class TargetStatus:
    """One target as an administrator wants to know it."""

    name: str
    place: str
    sets: int
    newest: str
    newest_at: datetime | None
    restorable_until: datetime | None
    """Where both the log and the files reach; None where there is no set to begin with."""
    log_until: datetime | None = None
    """What was committed before is there, as a set or as log that follows it without a gap."""
    files_until: datetime | None = None
    warnings: tuple[BackupWarning, ...] = ()
    free: int | None = None
    total: int | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """The warnings in sentences."""
        return tuple(sentence(one) for one in self.warnings)


def look(node: Node, chosen: Settings, now: datetime) -> list[TargetStatus]:
    return [_with_older_key(node, chosen, target, now=now) for target in chosen.targets]


def _with_older_key(node: Node, chosen: Settings, target: Target, *, now: datetime) -> TargetStatus:
    """Until a new key has a set, the repository of the older one is what brings the box back."""
    found = _look(node, chosen, target, now=now)
    if found.restorable_until is None:
        for older in chosen.before(target, None):
            before = _look(node, chosen, older, now=now)
            if before.restorable_until is not None:
                return replace(
                    found,
                    restorable_until=before.restorable_until,
                    log_until=before.log_until,
                    files_until=before.files_until,
                )
    return found


def _look(node: Node, chosen: Settings, target: Target, *, now: datetime) -> TargetStatus:
    known = sets.known(node, target)
    with ledger_of(node, target) as ledger:
        reached, failing, gap = ledger.moment("reached_at"), ledger.note("problem"), ledger.note("gap")
        lagging = ledger.note("blob_problem")
        drill = ledger.note("drill_problem")
    newest, log = known[-1] if known else None, log_archiving.known(node, target)
    zone = ZoneInfo(node.box.time_zone)
    free, total = _space(target)
    facts = Facts(
        target=target.name,
        is_late=is_late(chosen.schedule, last=newest.ended_at if newest else None, now=now, zone=zone),
        failing=failing,
        gap=gap,
        files_problem=lagging,
        files_reached=reached,
        log_reached=log.at if log else None,
        damaged=[(one.label, one.trouble) for one in known if one.trouble],
        free=free,
        total=total,
        dead_run=_dead_run(node, now),
        sizes=[Size(one.label, one.database_bytes + one.blob_bytes) for one in known if not one.problem],
        drill_problem=drill,
        is_key_confirmed=any(holder.is_confirmed for holder in chosen.holders),
    )
    good = [one.ended_at for one in known if not one.problem]
    return TargetStatus(
        name=target.name,
        place=str(target),
        sets=len(known),
        newest=newest.label if newest else "",
        newest_at=newest.ended_at if newest else None,
        restorable_until=_until(log.at if log else None, reached, newest_good=good[-1]) if good else None,
        log_until=log.at if log else None,
        files_until=reached,
        warnings=warnings(facts, now=now),
        free=free,
        total=total,
    )


def _until(log: datetime | None, files: datetime | None, *, newest_good: datetime) -> datetime:
    """A good set holds what it names, wherever the rest is."""
    return max(min(log, files), newest_good) if log and files else newest_good


def _space(target: Target) -> tuple[int | None, int | None]:
    """Free and all bytes of a folder's disk; a store does not say."""
    disk = kind_of(target).disk(target)
    if disk is None or not disk.is_dir():
        return None, None
    space = shutil.disk_usage(disk)
    return space.free, space.total


def _dead_run(node: Node, now: datetime) -> str:
    """The kind of an operation on backups that has no end and is performed by nobody."""
    for journal in operations.unfinished(node.paths):
        claims = operations.TABLE[journal.kind].claims if journal.kind in operations.TABLE else frozenset()
        is_old = now - journal.state().began_at > _DEAD_AFTER
        if "backup" in claims and is_old and not journal.is_performed():
            return journal.kind
    return ""
