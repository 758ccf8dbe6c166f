"""A call of the state machine as JSON and back: what a bridge knew, for the one that goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from box.bridges.telephony.calls import Call, Leg

_MOMENTS = ("started_at", "answered_at", "ended_at")


def dump(call: Call) -> dict[str, Any]:
    return {
        "started_at": call.started_at.isoformat(),
        "answered_at": _text(call.answered_at),
        "ended_at": _text(call.ended_at),
        "queue": call.queue,
        "dial_status": call.dial_status,
        "recordings": call.recordings,
        "parts": sorted(call.parts),
        "let_go_until": _text(call.let_go_until),
        "told": [[*what, [at.isoformat() for at in moments]] for what, moments in call.told.items()],
        "legs": [_leg(leg) for leg in call.legs.values()],
    }


def load(key: str, stored: Mapping[str, Any]) -> Call:
    legs = [_load_leg(leg) for leg in stored["legs"]]
    return Call(
        key,
        datetime.fromisoformat(stored["started_at"]),
        legs={leg.uniqueid: leg for leg in legs},
        queue=stored["queue"],
        dial_status=stored.get("dial_status", ""),
        recordings=list(stored["recordings"]),
        answered_at=_moment(stored["answered_at"]),
        ended_at=_moment(stored["ended_at"]),
        parts=set(stored["parts"]),
        let_go_until=_moment(stored.get("let_go_until")),
        told={
            (kind, who, text): [datetime.fromisoformat(at) for at in moments]
            for kind, who, text, moments in stored["told"]
        },
    )


def _leg(leg: Leg) -> dict[str, Any]:
    fields = {field.name: getattr(leg, field.name) for field in dataclasses.fields(leg)}
    return {
        **fields,
        **{name: _text(fields[name]) for name in _MOMENTS},
        "said_at": {name: at.isoformat() for name, at in leg.said_at.items()},
    }


def _load_leg(stored: Mapping[str, Any]) -> Leg:
    # Fields that this version does not know are left out: the box may have been taken back to the one before.
    known = {field.name for field in dataclasses.fields(Leg)}
    fields = {name: value for name, value in stored.items() if name in known}
    moments = {name: _moment(fields[name]) for name in _MOMENTS}
    said_at = {name: datetime.fromisoformat(at) for name, at in fields["said_at"].items()}
    return Leg(**{**fields, **moments, "said_at": said_at})


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
