"""Asterisk's call detail records as facts: for a PBX that writes no CEL, and for calls that neither told
of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from box.bridges.telephony.cel import moment
from box.bridges.telephony.facts import Channel, Fact, Kind, State, Unreadable, clean, identifier

_CAUSES = {"ANSWERED": 16, "NO ANSWER": 19, "CANCEL": 19, "BUSY": 17, "FAILED": 38, "CONGESTION": 34}
"""By disposition. CANCEL is set apart from NO ANSWER by `canceldispositionenabled`, since 20.16 and 22.6."""


@dataclass(frozen=True)
class Record:
    """One row: a caller, and one whom they reached or did not."""

    uniqueid: str
    linkedid: str
    channel: str
    called_channel: str
    caller: str
    called: str
    queue: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    disposition: str
    sequence: str


def record(row: Mapping[str, object]) -> Record:
    """By the names of `generator.CDR_COLUMNS`. Raises Unreadable."""
    text = {key: str(value or "") for key, value in row.items()}
    if text["disposition"] not in _CAUSES:
        raise Unreadable(f"{text['disposition'][:40]!r} is no disposition.")
    uniqueid = identifier(text["uniqueid"])
    never = row["answer"] is None or text["answer"] in ("", "0.000000")
    return Record(
        uniqueid,
        identifier(text["linkedid"] or uniqueid),
        clean(text["channel"]),
        clean(text["dstchannel"]),
        text["src"],
        text["dst"],
        clean(text["lastdata"].partition(",")[0]) if text["lastapp"] == "Queue" else "",
        moment(row["start"]),
        None if never else moment(row["answer"]),
        moment(row["end"]),
        text["disposition"],
        clean(text["sequence"]) or "0",
    )


def facts(records: Iterable[Record], *, known: Container[str]) -> Iterator[Fact]:
    """Of the calls whose key is not `known`: a record knows less than any event, and its called channel has
    no Uniqueid."""
    by_call: dict[str, list[Record]] = defaultdict(list)
    for one in records:
        if one.linkedid not in known:
            by_call[one.linkedid].append(one)
    for rows in by_call.values():
        told = [fact for row in rows for fact in _facts(row)]
        # A caller has a row for each whom they reached, and is gone with the last.
        last = {fact.channel.uniqueid: fact for fact in sorted(told, key=_at) if fact.kind is Kind.GONE}
        yield from sorted(
            (one for one in told if one.kind is not Kind.GONE or last[one.channel.uniqueid] is one), key=_at
        )


def _facts(row: Record) -> Iterator[Fact]:
    caller = Channel.of(row.uniqueid, row.linkedid, row.channel, number=row.caller, exten=row.called)
    yield Fact(Kind.SEEN, row.started_at, caller, state=State.UP if row.answered_at else State.DOWN)
    if row.queue:
        yield Fact(Kind.QUEUED, row.started_at, caller, text=row.queue)
    cause = _CAUSES[row.disposition]
    if row.called_channel:
        called = Channel.of(f"{row.uniqueid}:{row.sequence}", row.linkedid, row.called_channel)
        yield Fact(Kind.SEEN, row.started_at, called)
        if row.disposition == "ANSWERED" and row.answered_at:
            yield Fact(Kind.SEEN, max(row.answered_at, row.started_at), called, state=State.UP)
        yield Fact(Kind.GONE, row.ended_at, called, cause=cause)
    yield Fact(Kind.GONE, row.ended_at, caller, cause=cause)


def _at(fact: Fact) -> datetime:
    return fact.at
