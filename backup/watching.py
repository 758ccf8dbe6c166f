"""Watches the time line: what PostgreSQL handed over and the repository does not have is a gap.

A gap comes of a queue that was dropped, of a target that lost something, of a disk that was swapped. From the
next full backup on, the time line is whole again.
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.database import setup
from backup import blobs, database, sets
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
