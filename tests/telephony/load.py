"""Many calls at once, and whether what is known of them agrees with the PBX's own records."""

from __future__ import annotations

import csv
import io
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from box.bridges.telephony import cdr, generator
from box.bridges.telephony.calls import Result
from tests.telephony.scenarios import Manager

GOALS = ("answered", "answered", "missed", "busy")
"""Extensions of the context `load` of `tests.telephony.asterisk`: somebody calls, and it comes to this."""
_DISPOSITIONS = {Result.ANSWERED.value: "ANSWERED", Result.BUSY.value: "BUSY"}


@dataclass(frozen=True)
class Known:
    """A call as the box has it."""

    key: str
    result: str
    started_at: datetime
    ended_at: datetime | None
    is_estimated: bool


def place(manager: Manager, *, seconds: float, talk: float, meanwhile: Callable[[float], object]) -> int:
    """20 new calls a second; returns how many. `meanwhile` is told how many seconds have passed."""
    count = 0
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        while count < passed * 20:
            manager.act(Action="Originate", Channel=f"Local/{GOALS[count % 4]}@load/n", Context="load",
                        Exten="caller", Priority=1, Async="true", Variable=f"__TALK={talk}")  # fmt: skip
            count += 1
        meanwhile(passed)
    return count


def written_from_now(file: Path) -> Callable[[], str]:
    """What the PBX writes into one of its logs after this."""
    begin = file.stat().st_size if file.exists() else 0

    def text() -> str:
        return file.read_bytes()[begin:].decode()

    return text


def over(text: str) -> set[str]:
    """Of a CEL file: the calls of which the PBX has written down that nobody is in them any more."""
    rows = (dict(zip(generator.CEL_COLUMNS, row, strict=True)) for row in csv.reader(io.StringIO(text)))
    return {row["linkedid"] for row in rows if row["eventtype"] == "LINKEDID_END"}


def records(text: str) -> dict[str, list[cdr.Record]]:
    """Of a CDR file, by call."""
    found: dict[str, list[cdr.Record]] = defaultdict(list)
    for row in csv.reader(io.StringIO(text)):
        record = cdr.record(dict(zip(generator.CDR_COLUMNS, row, strict=True)))
        found[record.linkedid].append(record)
    return found


def at_once(text: str) -> int:
    """The most calls of a CDR file that went on at the same moment."""
    steps = [
        step
        for rows in records(text).values()
        for step in ((min(one.started_at for one in rows), 1), (max(one.ended_at for one in rows), -1))
    ]
    return max(itertools.accumulate(step for _at, step in sorted(steps)), default=0)


def disagreements(
    ours: Iterable[Known], theirs: Mapping[str, Sequence[cdr.Record]], *, estimates: bool = False
) -> Iterator[str]:
    """In number, result, and duration within a second. With `estimates` a call whose end the PBX itself has
    not written down may be one."""
    known = {call.key: call for call in ours}
    if known.keys() - theirs.keys() and not estimates:
        yield f"The PBX has no record of {sorted(known.keys() - theirs.keys())[:5]}."
    if missing := sorted(theirs.keys() - known.keys()):
        yield f"{len(missing)} calls are not known: {missing[:5]}."
    for key in theirs.keys() & known.keys():
        call, rows = known[key], theirs[key]
        begins, ends = min(one.started_at for one in rows), max(one.ended_at for one in rows)
        dialled = {one.disposition for one in rows if one.called_channel and ";1" in one.called_channel}
        expected = _DISPOSITIONS.get(call.result, "NO ANSWER")
        if call.ended_at is None or (call.is_estimated and not estimates):
            yield f"{key} is not over, or only thought to be."
        elif abs((call.ended_at - call.started_at - (ends - begins)).total_seconds()) > 1:
            yield f"{key} took {call.ended_at - call.started_at}, and by the PBX {ends - begins}."
        elif expected not in dialled:
            yield f"{key} is {call.result}, and by the PBX {sorted(dialled)}."
