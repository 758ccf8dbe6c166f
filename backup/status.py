"""How backups are: what is wrong, in sentences, and how far the time line reaches."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance.agent import operations
from appliance.agent.answers import BackupWarning
from appliance.node import Node
from appliance.services.database import setup
from backup import blobs, sets
from backup.schedule import is_late
from backup.settings import Settings, Target
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
    """Where both the archived log and the files reach."""
    warnings: tuple[BackupWarning, ...] = ()
    free: int | None = None
    total: int | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """The warnings in sentences."""
        return tuple(sentence(one) for one in self.warnings)


def archived_at(node: Node) -> datetime | None:
    """Until when PostgreSQL's log is archived; None when the database does not answer or never archived.

    With nothing written since, it reaches to now.
    """
    try:
        text = setup.query(node, _ARCHIVED, database="postgres")
    except Exception:
        return None
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


# What was committed while the last segment was on its way is in the next one: it reaches to when that segment
# was written last, which its file tells until it is taken away. Without the file, when it arrived tells the
# same, unless others wait behind it.
_ARCHIVED = """
select coalesce(
 (select modification from pg_ls_waldir() where name = last_archived_wal),
 case when last_failed_time > last_archived_time
  or last_archived_wal >= pg_walfile_name(pg_current_wal_insert_lsn() - 16777216)
  then last_archived_time end
)
from pg_stat_archiver
"""


def look(node: Node, chosen: Settings, now: datetime) -> list[TargetStatus]:
    archived = archived_at(node)
    return [_look(node, chosen, target, archived, now=now) for target in chosen.targets]


def _look(
    node: Node, chosen: Settings, target: Target, archived: datetime | None, *, now: datetime
) -> TargetStatus:
    known = sets.known(node, target)
    with blobs.ledger_of(node, target) as ledger:
        reached, failing, gap = ledger.moment("reached_at"), ledger.note("problem"), ledger.note("gap")
        lagging = ledger.note("blob_problem")
        drill = ledger.note("drill_problem")
    newest = known[-1] if known else None
    zone = ZoneInfo(node.box.time_zone)
    free, total = _space(target)
    facts = Facts(
        target=target.name,
        is_late=is_late(chosen.schedule, last=newest.ended_at if newest else None, now=now, zone=zone),
        failing=failing,
        gap=gap,
        files_problem=lagging,
        files_reached=reached,
        damaged=[(one.label, one.problem) for one in known if one.problem],
        free=free,
        total=total,
        dead_run=_dead_run(node, now),
        sizes=[Size(one.label, one.database_bytes + one.blob_bytes) for one in known if not one.problem],
        drill_problem=drill,
        is_key_confirmed=any(holder.is_confirmed for holder in chosen.holders),
    )
    until = min((moment for moment in (archived, reached) if moment), default=None)
    return TargetStatus(
        name=target.name,
        place=str(target),
        sets=len(known),
        newest=newest.label if newest else "",
        newest_at=newest.ended_at if newest else None,
        restorable_until=until if archived else None,
        warnings=warnings(facts, now=now),
        free=free,
        total=total,
    )


def _space(target: Target) -> tuple[int | None, int | None]:
    """Free and all bytes of a folder's disk; a store does not say."""
    if target.kind != "folder" or not Path(target.path).is_dir():
        return None, None
    space = shutil.disk_usage(target.path)
    return space.free, space.total


def _dead_run(node: Node, now: datetime) -> str:
    """The kind of an operation on backups that has no end and is performed by nobody."""
    for journal in operations.unfinished(node.paths):
        claims = operations.TABLE[journal.kind].claims if journal.kind in operations.TABLE else frozenset()
        is_old = now - journal.state().began_at > _DEAD_AFTER
        if "backup" in claims and is_old and not journal.is_performed():
            return journal.kind
    return ""
