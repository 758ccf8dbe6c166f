"""What the portal may know of backups: a note for the agent, which hands it on. No secret is in it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, cast
from zoneinfo import ZoneInfo

from appliance.agent.answers import (
    BackupPlan,
    BackupSetState,
    BackupState,
    BackupTargetState,
    ClosedRepository,
    KeyHolder,
    TimeLineGap,
)
from appliance.agent.codec import encode
from appliance.files import write_atomically
from appliance.node import Node
from backup import drills, log_gaps, sets, status
from backup.keys import CONFIRMED
from backup.schedule import next_run
from backup.settings import Settings, Target, alone, load
from backup.warnings import gaps_now

SHOWN = 100
"""The state is read at every page: so many of the newest sets are in it, and as many of the older ones."""


def write(node: Node) -> None:
    """Note how it is now, by the settings as they are now: whoever calls may have read theirs long ago."""
    with alone(node.data("backup") / "telling.lock"):
        text = json.dumps(encode(state(node, load(node.paths))), ensure_ascii=False) + "\n"
        write_atomically(node.data("backup") / "state.json", text, mode=0o600)


def state(node: Node, chosen: Settings) -> BackupState:
    """How backups are."""
    now, zone = datetime.now(UTC), ZoneInfo(node.box.time_zone)
    plan = BackupPlan(
        chosen.at, chosen.every_hours, chosen.full_every_days,
        chosen.keep_last, chosen.keep_days, chosen.keep_weeks, chosen.keep_months,
        next_run(chosen.schedule, after=now, zone=zone), chosen.drill_every_days,
    )  # fmt: skip
    looked = status.look(node, chosen, now)
    targets = tuple(
        BackupTargetState(
            name=one.name,
            place=one.place,
            restorable_until=one.restorable_until,
            problems=one.problems,
            kind=target.kind,
            warnings=one.warnings,
            gaps=_gaps(node, target, one),
            free=one.free,
            total=one.total,
            locked_days=target.locked_days,
            log_until=one.log_until,
            files_until=one.files_until,
            sets=len(sets.known(node, target)),
        )
        for one, target in zip(looked, chosen.targets, strict=True)
    )
    holders = tuple(KeyHolder(one.name, one.made_at, one.is_confirmed, CONFIRMED) for one in chosen.holders)
    closed = tuple(
        ClosedRepository(one.name, str(one), one.closed.at, len(sets.known(node, one)))
        for one in chosen.closed
        if one.closed
    )
    everything = history(node, chosen)
    shown = some(everything)
    more = len(everything) - len(shown)
    return BackupState(now, plan, targets, tuple(shown), holders, drills.known(node), closed, more)


def some(found: Sequence[BackupSetState]) -> list[BackupSetState]:
    """The newest of a history, and enough of the older ones to draw a time line from its beginning."""
    latest, older = found[:SHOWN], found[SHOWN:]
    oldest = {one.target: one for one in older if not one.problem}
    step = max(1, -(-len(older) // SHOWN))
    spread = [one for at, one in enumerate(older) if at % step == 0 or oldest.get(one.target) is one]
    return [*latest, *spread]


def history(node: Node, chosen: Settings) -> list[BackupSetState]:
    """Every set of every target, newest first, each with what changed since the one before."""
    found = [one for target in (*chosen.targets, *chosen.closed) for one in _history_of(node, target)]
    return sorted(found, key=lambda one: (one.label, one.target), reverse=True)


def _history_of(node: Node, target: Target) -> list[BackupSetState]:
    known = sets.known(node, target)
    found = [_told(one, target) for one in known]
    return found[:1] + [
        replace(
            told,
            files_more=told.files - before.files,
            file_bytes_more=told.file_bytes - before.file_bytes,
        )
        for before, told in itertools.pairwise(found)
    ]


def _told(one: sets.BackupSet, target: Target) -> BackupSetState:
    return BackupSetState(
        label=one.label,
        target=target.name,
        kind=cast("Literal['full', 'diff', 'incr']", one.kind),
        ended_at=one.ended_at,
        database_bytes=one.database_bytes,
        stored_bytes=one.stored_bytes,
        files=one.blobs,
        file_bytes=one.blob_bytes,
        verified_at=one.verified_at,
        problem=one.trouble,
        began_at=one.began_at,
        version=one.version,
    )


def _gaps(node: Node, target: Target, looked: status.TargetStatus) -> tuple[TimeLineGap, ...]:
    """The gaps in the target's time line, with what this look tells of them."""
    known = log_gaps.gaps_of(node, target)
    is_broken = any(one.kind == "gap" for one in looked.warnings)
    now = gaps_now(known, is_broken=is_broken, newest_at=looked.newest_at)
    if now != known:
        log_gaps.remember_gaps(node, target, now)
    return now
