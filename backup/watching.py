"""Watches the time line: what PostgreSQL handed over and the repository does not have is a gap.

A gap comes of a queue that was dropped, of a target that lost something, of a disk that was swapped. From the
next full backup on, the time line is whole again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from appliance.agent.answers import TimeLineGap
from appliance.agent.codec import Malformed, decode, encode
from appliance.files import write_atomically
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.database import setup
from backup import blobs, database, sets
from backup.retention import Candidate
from backup.settings import Target
from backup.timeline import Gap, Segment, gaps

_WORDS = "There is a gap in the time line"


def handed_over(node: Node) -> Segment | None:
    """The latest segment that PostgreSQL believes to be archived; None when the database does not answer."""
    try:
        name = setup.query(node, "select last_archived_wal from pg_stat_archiver", database="postgres")
    except (CommandFailed, TimeoutError):
        return None
    return Segment.parse(name)


def missing(since: Segment, held: Iterable[Segment], until: Segment | None) -> tuple[Gap, ...]:
    """What is not there of the log from `since` on. What is on its way, behind `until`, is no gap."""
    there = set(held)
    found = gaps(there, since=since)
    if until is None or until.timeline != since.timeline:
        return found
    # Segments arrive out of order: several are sent at a time.
    return tuple(gap for gap in found if gap.last <= until)


def note(node: Node, target: Target, held: Iterable[Segment] | None = None) -> str:
    """Look, and tell it loudly: as a problem of the target, and by asking for a full backup once."""
    known = [one for one in sets.known(node, target) if not one.problem]
    since = Segment.parse(known[-1].first_wal) if known else None
    if since is None:
        return ""
    until = handed_over(node)
    found = missing(since, database.segments(node, target) if held is None else held, until)
    words = f"{_WORDS} ({'; '.join(map(str, found))})." if found else ""
    with blobs.ledger_of(node, target) as ledger:
        if words and words != ledger.note("gap"):
            ledger.write(wanted="full")
        ledger.write(gap=words)
    return words


def gaps_of(node: Node, target: Target) -> tuple[TimeLineGap, ...]:
    """The gaps of the target's time line: remembered, because a ledger knows the latest one only."""
    try:
        entries: list[Any] = json.loads(_gaps_file(node, target).read_text(encoding="utf-8"))
        return tuple(decode(TimeLineGap, entry) for entry in entries)
    except (FileNotFoundError, Malformed, ValueError):
        return ()


def remember_gaps(node: Node, target: Target, found: tuple[TimeLineGap, ...]) -> None:
    write_atomically(_gaps_file(node, target), json.dumps(encode(found)) + "\n", mode=0o600)


def _gaps_file(node: Node, target: Target) -> Path:
    return node.data("backup") / f"gaps-{target.number}.json"


def candidates(node: Node, target: Target) -> list[Candidate]:
    """The sets of a target as the rule of retention sees them."""
    broken_at = [one.since for one in gaps_of(node, target)]
    return [
        Candidate(
            one.label,
            one.ended_at,
            one.parent,
            one.condition,
            (target.number, one.timeline, sum(since < one.ended_at for since in broken_at)),
            one.is_extra,
        )
        for one in sets.known(node, target)
    ]
