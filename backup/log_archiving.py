"""Has the log handed over in time, and knows up to when each target has it.

PostgreSQL's own timer (`archive_timeout`) is the checkpointer's, and after a crash that sleeps until the next
checkpoint: it reckons how long while the server still recovers, when the timer does not count. So what was
written is switched away from here, and what has arrived is looked for where it is to arrive.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.node import Node
from backup import blobs, log_gaps, pgbackrest, sets
from backup.ledger import ledger_of
from backup.settings import Target
from backup.timeline import Segment

SWITCH_AFTER = timedelta(seconds=30)
"""A segment that holds something is handed over no later, however little it is."""
_MOST = 10_000


@dataclass(frozen=True)
class Seen:
    """The log at one moment, by the database's clock."""

    at: datetime
    snapshot: str
    """Which transactions have ended. While it stays the same nothing was committed."""
    segment: Segment
    """What was committed by then lies in this one or earlier."""
    archived: Segment | None = None
    """The last one that has been handed over to all targets."""
    has_failed: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether earlier ones wait for a target: another one would only make the queue longer."""
        if self.archived is None:
            return self.has_failed
        return (
            self.archived.timeline == self.segment.timeline and self.archived.number < self.segment.number - 1
        )


@dataclass(frozen=True)
class Reached:
    """A target has all of the log up to this segment, and so all that was committed before `at`."""

    segment: Segment
    at: datetime
    snapshot: str = ""


# With a header of 40 bytes alone in it, a segment holds nothing yet.
_LOOK = """
select statement_timestamp(), pg_current_snapshot()::text,
 pg_walfile_name(pg_current_wal_insert_lsn() - 41), last_archived_wal, last_failed_wal is not null
from pg_stat_archiver
"""


def look(node: Node) -> Seen:
    """Raises `psycopg.Error` while the database is away or recovers."""
    with blobs.reading(node) as connection:
        row = connection.execute(_LOOK).fetchone()
    assert row is not None  # noqa: S101 - the view has one row
    at, snapshot, name, archived, has_failed = row
    segment = Segment.parse(name)
    assert segment is not None  # noqa: S101 - PostgreSQL names one
    return Seen(at.astimezone(UTC), snapshot, segment, Segment.parse(archived or ""), has_failed)


def switch(node: Node) -> None:
    """End the segment that is being written, so that it is handed over."""
    with blobs.reading(node) as connection:
        connection.execute("select pg_switch_wal()")


class Watch:
    """What the log held when. One thread looks, those of the targets ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[Segment, Seen] = {}
        """The latest of each segment, oldest first."""
        self._left: str | None = None
        """The snapshot behind which a segment was ended last."""
        self._since: datetime | None = None
        """When something newer than that was first seen."""
        self._ended: Segment | None = None
        """The segment that was ended last, if nothing newer was seen."""

    def note(self, seen: Seen) -> bool:
        """Whether it is time to end the segment, so that what was written is not kept waiting."""
        with self._lock:
            before = next(reversed(self._seen.values()), None)
            if before is not None and before.segment != seen.segment:
                # PostgreSQL has gone on by itself: a full one, or its own timer.
                self._left, self._since = before.snapshot, None
            self._seen.pop(seen.segment, None)
            self._seen[seen.segment] = seen
            while len(self._seen) > _MOST:
                del self._seen[next(iter(self._seen))]
            if seen.snapshot == self._left:
                self._since = None
                return False
            self._since = self._since or seen.at
            return seen.at - self._since >= SWITCH_AFTER and not seen.is_waiting

    def has_switched(self, seen: Seen) -> None:
        with self._lock:
            self._left, self._since, self._ended = seen.snapshot, None, seen.segment

    def waited_for(self, reached: Segment) -> Segment | None:
        """The newest segment that is ended and that a target lacks which has reached so far."""
        with self._lock:
            newest = next(reversed(self._seen), None)
            ended = [one for one in self._seen if one != newest or one == self._ended]
        return max((one for one in ended if one > reached and one.timeline == reached.timeline), default=None)

    def reached(self, before: Reached, held: Iterable[Segment]) -> Reached:
        """How far a target is that had all up to `before` and holds these."""
        there, last = set(held), before.segment
        while (following := Segment(last.timeline, last.number + 1)) in there:
            last = following
        with self._lock:
            within = [
                one
                for one in self._seen.values()
                if one.segment.timeline == last.timeline and one.segment <= last and one.at >= before.at
            ]
            newest = next(reversed(self._seen.values()), None)
        best = max(within, key=lambda one: one.at, default=None)
        now = Reached(last, best.at, best.snapshot) if best else Reached(last, before.at, before.snapshot)
        if newest and newest.snapshot == now.snapshot and newest.segment.timeline == last.timeline:
            return Reached(last, max(newest.at, now.at), now.snapshot)
        return now


def step(node: Node, watch: Watch) -> None:
    """Look once, and end the segment if it is time."""
    seen = look(node)
    if watch.note(seen):
        switch(node)
        watch.has_switched(seen)


def follow(node: Node, target: Target, watch: Watch) -> Reached | None:
    """Note how far the target has the log, by what lies there. None while it has no set to begin with."""
    before = known(node, target)
    if before is None:
        return None
    until = watch.waited_for(before.segment)
    held = pgbackrest.segments_between(node, target, before.segment, until) if until else ()
    with ledger_of(node, target) as ledger:
        damaged = log_gaps.damaged_log(ledger)
    now = watch.reached(before, (one for one in held if one not in damaged))
    with ledger_of(node, target) as ledger:
        ledger.write(log_segment=now.segment, log_reached_at=now.at.isoformat(), log_snapshot=now.snapshot)
    return now


def known(node: Node, target: Target) -> Reached | None:
    """How far the target had the log when that was noted last: at least to the end of its newest good set."""
    good = [one for one in sets.known(node, target) if not one.problem]
    last = Segment.parse(good[-1].last_wal) if good else None
    if last is None:
        return None
    with ledger_of(node, target) as ledger:
        segment, at = Segment.parse(ledger.note("log_segment")), ledger.moment("log_reached_at")
        snapshot = ledger.note("log_snapshot")
        damaged = log_gaps.damaged_log(ledger)
    is_of_another = segment is None or segment.timeline != last.timeline
    if at is None or segment is None or is_of_another or segment < last:
        return Reached(last, good[-1].ended_at)
    if any(last < one <= segment for one in damaged):
        return Reached(last, good[-1].ended_at)
    return Reached(segment, at, snapshot)
