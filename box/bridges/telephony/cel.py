"""Asterisk's channel event log as facts: the whole story of a call, for whoever was not there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from box.bridges.telephony.ami_events import LONGEST_PATH
from box.bridges.telephony.dialplan import RECORDING
from box.bridges.telephony.facts import Channel, Fact, Kind, State, Unreadable, clean

_LONGEST_EXTRA = 4000
_STATES = {"CHAN_START": State.DOWN, "ANSWER": State.UP}
_OVER = {"CHAN_END", "HANGUP"}
# They come when all is over, or say what the channels' own events say already.
_PASSED_OVER = {"LINKEDID_END", "BRIDGE_EXIT", "LOCAL_OPTIMIZE", "LOCAL_OPTIMIZE_BEGIN", "DTMF"}


def facts(row: Mapping[str, object]) -> Iterator[Fact]:
    """What a row tells, by the names of `generator.CEL_COLUMNS`. Raises Unreadable."""
    kind, text = str(row["eventtype"]), {key: str(value or "") for key, value in row.items()}
    if kind in _PASSED_OVER:
        return
    at = moment(row["eventtime"])
    extra = _extra(text["eventextra"])
    channel = Channel.of(
        text["uniqueid"],
        text["linkedid"],
        text["channame"],
        number=text["cidnum"],
        caller_name=text["cidname"],
        exten=text["exten"],
    )
    if kind in _OVER:
        if status := clean(str(extra.get("dialstatus", ""))):
            yield Fact(Kind.DIALLED, at, channel, text=status)
        yield Fact(Kind.GONE, at, channel, cause=_int(extra.get("hangupcause")))
        return
    yield Fact(Kind.SEEN, at, channel, state=_STATES.get(kind))
    yield from _of_applications(kind, text, at, channel, extra)
    yield from _of_features(kind, at, channel, extra)


def _of_applications(
    kind: str, text: Mapping[str, str], at: datetime, channel: Channel, extra: Mapping[str, object]
) -> Iterator[Fact]:
    """What the dialplan does with a channel."""
    first_argument = text["appdata"].partition(",")[0]
    app = text["appname"].lower()
    match kind:
        case "APP_START" if app == "queue":
            yield Fact(Kind.QUEUED, at, channel, text=clean(first_argument))
        case "APP_END" if app == "queue":
            yield Fact(Kind.UNQUEUED, at, channel)
        case "APP_START" if app == "mixmonitor" and first_argument:
            yield Fact(Kind.RECORDED, at, channel, text=first_argument[:LONGEST_PATH])
        case "STREAM_BEGIN" if text["userdeftype"] == "MOH_STREAM_BEGIN":
            yield Fact(Kind.HELD, at, channel)
        case "STREAM_END" if text["userdeftype"] == "MOH_STREAM_END":
            yield Fact(Kind.RESUMED, at, channel)
        case "USER_DEFINED" if text["userdeftype"] == RECORDING and extra.get("extra"):
            yield Fact(Kind.RECORDED, at, channel, text=str(extra["extra"])[:LONGEST_PATH])
        case "BRIDGE_ENTER" if app == "confbridge":
            yield Fact(Kind.CONFERENCE, at, channel, text=clean(first_argument))


def _of_features(kind: str, at: datetime, channel: Channel, extra: Mapping[str, object]) -> Iterator[Fact]:
    """What people do with a call."""
    match kind:
        case "PARK_START":
            yield Fact(Kind.PARKED, at, channel)
        case "PARK_END" if extra.get("retriever"):
            # Only its name is told.
            yield Fact(Kind.RETRIEVED, at, channel, other=Channel("", "", clean(str(extra["retriever"]))))
        case "PICKUP" if extra.get("pickup_channel_uniqueid"):
            picker = Channel(
                str(extra["pickup_channel_uniqueid"]), "", clean(str(extra.get("pickup_channel", "")))
            )
            yield Fact(Kind.PICKED_UP, at, picker, other=channel)
        case "FORWARD":
            yield Fact(Kind.FORWARDED, at, channel, text=clean(str(extra.get("forward", ""))))
        case "BLINDTRANSFER":
            yield Fact(Kind.BLIND_TRANSFER, at, channel, text=clean(str(extra.get("extension", ""))))
        case "ATTENDEDTRANSFER":
            second = str(extra.get("channel2_uniqueid", ""))
            goal = Channel("", "", clean(str(extra.get("transfer_target_channel_name", "")))).goal
            other = Channel(second, "", clean(str(extra.get("channel2_name", "")))) if second else None
            yield Fact(Kind.ATTENDED_TRANSFER, at, channel, other=other, text=goal)


def moment(value: object) -> datetime:
    """Of a database, or of a CSV file: seconds since 1970, or ISO with a zone. Raises Unreadable."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Unreadable("The table's moments have no time zone: make the columns `timestamptz`.")
        return value.astimezone(UTC)
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(
            f"{str(value)[:40]!r} is no moment: leave `dateformat` out of cel.conf, or the box cannot"
            " know its zone."
        ) from error


def _extra(text: str) -> Mapping[str, object]:
    if not text or len(text) > _LONGEST_EXTRA:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Unreadable("The column eventextra holds no JSON.") from error
    return found if isinstance(found, dict) else {}


def _int(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1000 else 0
