"""After every interruption: what the PBX has written down meanwhile, and what is really going on.

The order matters. The logs are read first, which know how calls ended; then the PBX is asked for its
channels, and what was heard live until its answer came is taken in; then what was known before it was asked,
and is not in the answer, is closed and marked. So no clock is compared with another. All of it goes through
one state machine, so that nothing is double.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from box.bridges.telephony import ami_events, cdr, cel
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.events import CallEvent
from box.bridges.telephony.facts import Fact, Unreadable
from box.bridges.telephony.logs import Log, LogTrouble, Row


@dataclass
class Outcome:
    """What a reading has found."""

    rows: int = 0
    unreadable: int = 0
    troubles: list[str] = field(default_factory=list)


def catch_up(
    calls: Calls,
    *,
    cel_log: Log | None,
    cdr_log: Log | None,
    cursors: dict[str, str],
    keep: Callable[[list[CallEvent]], None],
    stored: Callable[[Collection[str]], Collection[str]] = lambda keys: (),
) -> Outcome:
    """Reads both logs to their ends, from `cursors`; of one that has none yet, or those of another place, the
    past is left alone. `keep` stores what followed from a step, with `cursors`, before the next; `stored`
    says which of these calls it has stored to their ends."""
    outcome = Outcome()
    if cel_log is not None:
        _read(
            cel_log, "cel", cursors, outcome, lambda rows: keep(calls.feed(_facts(rows, cel.facts, outcome)))
        )
    if cdr_log is not None:

        def take(rows: Iterable[Row]) -> None:
            records = list(_facts(rows, lambda row: iter([cdr.record(row)]), outcome))
            # Of the hours that events have told of by now only the last calls are known.
            forgotten = {key for one in records if calls.call(key := one.linkedid) is None}
            ended = stored(forgotten) if forgotten else ()
            keep(calls.feed(cdr.facts(records, known=_Known(calls, ended))))

        _read(cdr_log, "cdr", cursors, outcome, take)
    return outcome


def channel_facts(events: Iterable[Mapping[str, str]], *, at: datetime) -> list[Fact]:
    """Of `CoreShowChannels`, for `Calls.reconcile`."""
    # Its fields are those of any event but for the channel's own moment.
    return [
        fact
        for event in events
        for fact in _facts([event], lambda row: ami_events.facts(row, received_at=at), Outcome())  # type: ignore[arg-type]
    ]


@dataclass(frozen=True)
class _Known:
    """The calls of which more is known than a record tells."""

    calls: Calls
    ended: Collection[str]

    def __contains__(self, key: object) -> bool:
        call = self.calls.call(str(key))
        return not call.is_estimated if call is not None else key in self.ended


def _read(
    log: Log, name: str, cursors: dict[str, str], outcome: Outcome, take: Callable[[Iterable[Row]], None]
) -> None:
    # Apart from the cursor's first word: the release before reads that alone.
    source, further = f"{name} source", f"{name} further"
    try:
        is_same = cursors.get(source, log.source) == log.source
        if name not in cursors or not is_same or not log.knows(cursors[name]):
            cursors |= {name: log.end(), further: ""}
        cursors[source] = log.source
        while True:
            batch = log.read(f"{cursors[name]} {cursors.get(further, '')}".rstrip())
            outcome.rows += len(batch.rows)
            cursors[name], _space, cursors[further] = batch.cursor.partition(" ")
            take(batch.rows)
            if batch.is_last:
                return
    except LogTrouble as trouble:
        outcome.troubles.append(str(trouble))


def _facts[T](rows: Iterable[Row], read: Callable[[Row], Iterator[T]], outcome: Outcome) -> Iterator[T]:
    """Of rows one by one: one that Asterisk cannot have written spoils no other."""
    for row in rows:
        try:
            yield from list(read(row))
        except (Unreadable, KeyError):
            outcome.unreadable += 1
