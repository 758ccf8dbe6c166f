"""Watches the time line: what PostgreSQL handed over and the repository does not have is a gap.

A gap comes of a queue that was dropped, of a target that lost something, of a disk that was swapped. From the
next full backup on, the time line is whole again.
"""

from __future__ import annotations

import itertools
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
from backup import pgbackrest, sets
from backup.ledger import Ledger, ledger_of
from backup.retention import Candidate
from backup.settings import Target
from backup.timeline import Gap, Segment, gaps

_LOG = "log/"
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
    with ledger_of(node, target) as ledger:
        damaged = damaged_log(ledger)
    there = pgbackrest.segments(node, target) if held is None else held
    found = missing(since, (one for one in there if one not in damaged), until)
    words = f"{_WORDS} ({'; '.join(map(str, found))})." if found else ""
    with ledger_of(node, target) as ledger:
        if words and words != ledger.note("gap"):
            ledger.write(wanted="full")
        ledger.write(gap=words)
    return words


def log_key(segment: Segment) -> str:
    """What a segment of the log is called among what is damaged."""
    return f"{_LOG}{segment}"


def damaged_log(ledger: Ledger) -> set[Segment]:
    """The segments that a verification has found damaged: they are as good as missing."""
    found = (Segment.parse(key.removeprefix(_LOG)) for key in ledger.damaged() if key.startswith(_LOG))
    return {one for one in found if one is not None}


def note_holes(node: Node, target: Target, held: Iterable[Segment]) -> list[str]:
    """Remember what is missing between the good sets as gaps, and forget those that are none; in words."""
    there, good = set(held), [one for one in sets.known(node, target) if not one.problem]
    words, holes, pairs = list[str](), set[TimeLineGap](), set[TimeLineGap]()
    for before, after in itertools.pairwise(good):
        pair = TimeLineGap(before.ended_at, after.ended_at)
        first, last = Segment.parse(before.first_wal), Segment.parse(after.last_wal)
        if first is None or last is None or first.timeline != last.timeline:
            continue
        pairs.add(pair)
        if found := gaps((one for one in there if one <= last), since=first):
            holes.add(pair)
            words.append(
                f"Between {before.label} and {after.label} the log has a gap: {'; '.join(map(str, found))}."
            )
    known = gaps_of(node, target)
    now = sorted({*known} - pairs | holes, key=lambda one: one.since)
    if tuple(now) != known:
        remember_gaps(node, target, tuple(now))
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
