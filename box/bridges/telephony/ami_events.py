"""Events of AMI, Asterisk 13 to 22, as facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from box.bridges.telephony.dialplan import RECORDING
from box.bridges.telephony.facts import Channel, Fact, Kind, State, Unreadable, clean
from box.lib.numbers import whole_number

_STATES = {"4": State.RINGING, "5": State.RINGING, "6": State.UP}
_KINDS = {
    "Hangup": Kind.GONE,
    "QueueCallerJoin": Kind.QUEUED,
    "QueueCallerLeave": Kind.UNQUEUED,
    "QueueCallerAbandon": Kind.UNQUEUED,
    # Not Hold and Unhold: CEL knows who hears music, and not who has made them.
    "MusicOnHoldStart": Kind.HELD,
    "MusicOnHoldStop": Kind.RESUMED,
    "ConfbridgeJoin": Kind.CONFERENCE,
}
_TEXTS = {"QueueCallerJoin": "Queue", "ConfbridgeJoin": "Conference"}
# The events whose channels' headers begin with something.
_PREFIXES = (
    "",
    "Dest",
    "Parkee",
    "Retriever",
    "Transferer",
    "Transferee",
    "OrigTransferer",
    "SecondTransferer",
    "TransferTarget",
    "Target",
    "LocalOne",
    "LocalTwo",
)
LONGEST_PATH = 1000
_ESCAPED = re.compile(r"\\([abfnrtv\\'\"?])")
_MEANT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def facts(event: Mapping[str, str], *, received_at: datetime) -> Iterator[Fact]:
    """What an event tells, in order. `received_at` counts where the PBX says no moment (`timestampevents`).

    Raises Unreadable for what no Asterisk says.
    """
    name = event.get("Event", "")
    at = _moment(event, received_at)
    told = {
        prefix: Fact(
            Kind.SEEN, at, channel, state=_STATES.get(event.get(f"{prefix}ChannelState", ""), State.DOWN)
        )
        for prefix in _PREFIXES
        if (channel := _channel(event, prefix)) is not None
    }
    main = told.get("")
    if main is not None and (kind := _KINDS.get(name)) is not None:
        told[""] = Fact(
            kind,
            at,
            main.channel,
            state=main.state,
            text=clean(event.get(_TEXTS.get(name, ""), "")),
            cause=_number(event.get("Cause", "")),
        )
    yield from told.values()
    yield from _composed(name, event, at, {prefix: fact.channel for prefix, fact in told.items()})


def _composed(
    name: str, event: Mapping[str, str], at: datetime, channels: Mapping[str, Channel]
) -> Iterator[Fact]:
    """What an event says of channels together."""
    main = channels.get("")
    match name:
        case "ParkedCall" if "Parkee" in channels:
            yield Fact(Kind.PARKED, at, channels["Parkee"], text=clean(event.get("ParkingSpace", "")))
        case "UnParkedCall" if "Parkee" in channels and "Retriever" in channels:
            yield Fact(Kind.RETRIEVED, at, channels["Parkee"], other=channels["Retriever"])
        case "Pickup" if main and "Target" in channels:
            yield Fact(Kind.PICKED_UP, at, main, other=channels["Target"])
        case "DialEnd" if main and event.get("Forward"):
            yield Fact(Kind.FORWARDED, at, main, text=clean(event["Forward"]))
        case "DialEnd" if main:
            yield Fact(Kind.DIALLED, at, main, text=clean(event.get("DialStatus", "")))
        case "BlindTransfer" if "Transferer" in channels and event.get("Result") == "Success":
            yield Fact(
                Kind.BLIND_TRANSFER, at, channels["Transferer"], text=clean(event.get("Extension", ""))
            )
        case "AttendedTransfer" if "OrigTransferer" in channels and event.get("Result") == "Success":
            goal = channels["TransferTarget"].goal if "TransferTarget" in channels else ""
            yield Fact(
                Kind.ATTENDED_TRANSFER,
                at,
                channels["OrigTransferer"],
                other=channels.get("SecondTransferer"),
                text=goal,
            )
        case "UserEvent" if main and event.get("UserEvent") == RECORDING and event.get("File"):
            yield Fact(Kind.RECORDED, at, main, text=event["File"][:LONGEST_PATH])
        case "VarSet" if main and event.get("Variable") == "MIXMONITOR_FILENAME" and event.get("Value"):
            yield Fact(Kind.RECORDED, at, main, text=event["Value"][:LONGEST_PATH])


def _channel(event: Mapping[str, str], prefix: str) -> Channel | None:
    uniqueid, name = event.get(f"{prefix}Uniqueid"), event.get(f"{prefix}Channel")
    if not uniqueid or not name or uniqueid == "<unknown>":
        # Of a call that could not be placed.
        return None
    return Channel.of(
        uniqueid,
        event.get(f"{prefix}Linkedid", ""),
        name,
        number=event.get(f"{prefix}CallerIDNum", ""),
        caller_name=_unescaped(event.get(f"{prefix}CallerIDName", "")),
        exten=event.get(f"{prefix}Exten", ""),
    )


def _unescaped(text: str) -> str:
    """Asterisk escapes names in events as C does (`ast_escape_c`), and in its logs it does not."""
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)


def _moment(event: Mapping[str, str], received_at: datetime) -> datetime:
    if not (said := event.get("Timestamp")):
        return received_at
    try:
        return datetime.fromtimestamp(float(said), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(f"{said[:40]!r} is no moment.") from error


def _number(text: str) -> int:
    return whole_number(text, digits=4) or 0
