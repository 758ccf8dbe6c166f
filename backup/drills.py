"""Drills: what one is going to need, and what came of the last ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from appliance.agent.answers import DrillReport
from appliance.agent.codec import decode, encode
from appliance.agent.disk import ballast_size
from appliance.files import write_atomically
from appliance.node import Node
from backup import moments, sets
from backup.progress import duration, size
from backup.sets import BackupSet
from backup.settings import BackupRefused, Settings, Target

KEPT = 24
SAMPLE_BYTES = 256 << 20
"""Of the files at least as much as this is brought back where there is no room for all."""
_FIRST_AFTER = timedelta(days=1)
_AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """Which set is brought back to life, and how much of its files."""

    set: BackupSet
    needed: int
    """Bytes for all of it."""
    free: int
    """Bytes that may be taken: what the box itself needs is not among them."""
    file_bytes: int
    """Bytes of files that are brought back."""

    @property
    def is_sample(self) -> bool:
        return self.file_bytes < self.set.blob_bytes

    def __str__(self) -> str:
        space = f"It needs {size(self.needed)} for a while; {size(self.free)} can be spared."
        if not self.is_sample:
            return f"{self.set} is brought back to life beside the box. {space}"
        return (
            f"{self.set} is brought back to life beside the box. {space} So of the files only a sample of "
            f"{size(self.file_bytes)} is."
        )


def decide(node: Node, target: Target) -> Plan:
    """The newest good set, all of it or as much as there is room for."""
    one = sets.chosen(sets.known(node, target), "")
    space = shutil.disk_usage(node.paths.data)
    return plan(one, free=space.free, total=space.total)


def require_room(node: Node, one: BackupSet, *, more: int = 0) -> None:
    """For the database and so many bytes more, without the files."""
    space, needed = shutil.disk_usage(node.paths.data), one.database_bytes + more
    plan(replace(one, database_bytes=needed, blobs=0, blob_bytes=0), free=space.free, total=space.total)


def plan(chosen: BackupSet, *, free: int, total: int) -> Plan:
    """Refused where not even the database has room: the portal itself must never run out of it."""
    # While the database recovers it writes log and temporary files beside its own.
    database = chosen.database_bytes + (512 << 20)
    needed = database + chosen.blob_bytes
    spared = max(0, free - max(total // 20, 4 * ballast_size(total)))
    if spared >= needed:
        return Plan(chosen, needed, spared, chosen.blob_bytes)
    if spared < database + min(SAMPLE_BYTES, chosen.blob_bytes):
        raise BackupRefused(
            f"There is no room for that: without the files it needs {size(database)} for a while, and "
            f"{size(spared)} can be spared. Give the box a larger disk, or free some."
        )
    return Plan(chosen, needed, spared, min(SAMPLE_BYTES, chosen.blob_bytes))


def known(node: Node) -> tuple[DrillReport, ...]:
    """The latest reports, the newest first."""
    try:
        text = _file(node).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return tuple(decode(DrillReport, entry, place="drills.json") for entry in json.loads(text))


def keep(node: Node, report: DrillReport) -> None:
    kept = (report, *known(node))[:KEPT]
    text = json.dumps([encode(one) for one in kept], ensure_ascii=False, indent=1) + "\n"
    write_atomically(_file(node), text, mode=0o600)


def told(report: DrillReport) -> Iterator[str]:
    """The report as text."""
    took = duration((report.ended_at - report.began_at).total_seconds())
    end = "all is well" if report.is_good else "NOT WELL"
    yield f"Drill of {report.set} on {report.target}, {moments.shown(report.began_at)}, {took}: {end}."
    for check in report.checks:
        yield f"  {_WORDS[check.part].format(count=check.count, of=check.of)}: {check.problem or 'well'}"
    if report.is_sample:
        yield "  There was room for a sample of the files only."
    if report.problem:
        yield f"  It came to no end: {report.problem}"


def problem_of(report: DrillReport) -> str:
    """What went wrong first; empty where nothing did."""
    return report.problem or next((check.problem for check in report.checks if check.problem), "")


_WORDS = {
    "network": "cut off from every network",
    "database": "the database recovered",
    "rows": "{count} rows counted in {of} tables",
    "files": "{count} of {of} files opened and compared",
    "portal": "the portal answered",
    "sign-in": "somebody signed in",
}


def is_due(chosen: Settings, *, last: DrillReport | None, first_set: datetime | None, now: datetime) -> bool:
    """Whether one is to be made: so many days after the last good one, a day after one that failed, and the
    first one a day after there is something to try."""
    if chosen.drill_every_days < 1 or first_set is None:
        return False
    if last is None:
        return now >= first_set + _FIRST_AFTER
    every = timedelta(days=chosen.drill_every_days)
    return now >= last.began_at + (every if last.is_good else min(every, _AGAIN_AFTER))


def _file(node: Node) -> Path:
    return node.data("backup") / "drills.json"
