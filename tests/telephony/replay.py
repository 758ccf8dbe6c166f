"""Recorded streams, played to the state machine."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime

from box.bridges.telephony import ami_events, cel
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.events import CallEvent
from box.bridges.telephony.facts import Fact
from box.bridges.telephony.generator import CEL_COLUMNS
from box.bridges.telephony.plan import Release
from tests.telephony.asterisk import NEWEST
from tests.telephony.scenarios import stream

PBX = "office"
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def recorded(name: str, kind: str, release: Release = NEWEST) -> str:
    return stream(release, name, kind).read_text(encoding="utf-8")


def ami_facts(text: str) -> list[Fact]:
    return [fact for event in packets(text) for fact in ami_events.facts(event, received_at=LONG_AGO)]


def packets(text: str) -> Iterator[Mapping[str, str]]:
    for block in text.split("\n\n"):
        parted = (line.partition(":") for line in block.splitlines() if line)
        packet = {key: value.strip() for key, _colon, value in parted}
        if "Event" in packet:
            yield packet


def cel_facts(text: str) -> list[Fact]:
    rows = csv.reader(io.StringIO(text))
    return [fact for row in rows for fact in cel.facts(dict(zip(CEL_COLUMNS, row, strict=True)))]


def told(facts: Iterable[Fact]) -> tuple[Calls, list[CallEvent]]:
    calls = Calls(PBX)
    return calls, calls.feed(facts)


def plain(events: Iterable[CallEvent]) -> list[str]:
    """Without moments and Asterisk's own numbers: `CallRinging PJSIP/100 100`."""
    return [" ".join([type(event).__name__, *_words(event)]) for event in events]


def _words(event: CallEvent) -> Iterator[str]:
    for one in fields(event):
        if one.name not in _OWN and (told := getattr(event, one.name)) != "":
            yield str(told)


_OWN = {"pbx", "call", "at", "leg", "into"}
