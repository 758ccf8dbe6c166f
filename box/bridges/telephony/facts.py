"""What Asterisk says of its channels, in one form for all its ways of saying it: AMI, CEL, CDR and lists of
channels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# A field of a header or a column: who sends more than these is not Asterisk.
_LONGEST = 80
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff]")
_WITHHELD = {"", "<unknown>", "unknown", "anonymous", "restricted", "unavailable", "asterisk", "s"}
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,150}")
# `PJSIP/100-0000001a`: the endpoint, and a number that no other channel has. Masqueraded ones say so behind
# it.
_CHANNEL = re.compile(r"(?P<endpoint>[^/]+/.+?)(?:-[0-9a-f]{8})?(?P<half>;[12])?(?:<(?:MASQ|ZOMBIE)>)?")
_HELPERS = frozenset(
    {"CBAnn", "CBRec", "Announcer", "Recorder", "Snoop", "Message", "Surrogate", "UnicastRTP"}
)
CREDENTIALS_CONTEXT = "korobka-credentials"
"""Of the dialplan: see `generator`."""
_EXTENSIONS_OF_ASTERISK = {"", "s", "h", "i", "t", "T", "o", "a", "e"}


class Kind(StrEnum):
    SEEN = "seen"
    """It is there: new, ringing, up, or only mentioned."""
    GONE = "gone"
    DIALLED = "dialled"
    """What came of dialling: `text` is Asterisk's DIALSTATUS."""
    QUEUED = "queued"
    UNQUEUED = "unqueued"
    HELD = "held"
    RESUMED = "resumed"
    PARKED = "parked"
    RETRIEVED = "retrieved"
    """A parked channel, by `other`."""
    PICKED_UP = "picked up"
    """A channel has taken over the ringing of `other`."""
    FORWARDED = "forwarded"
    BLIND_TRANSFER = "blind transfer"
    ATTENDED_TRANSFER = "attended transfer"
    """By the channel, whose second one is `other`."""
    CONFERENCE = "conference"
    RECORDED = "recorded"


class State(StrEnum):
    DOWN = "down"
    RINGING = "ringing"
    UP = "up"


class Unreadable(ValueError):
    """An event or a row that cannot be one of Asterisk's."""


def clean(text: str) -> str:
    """For people to read: whoever calls chooses what it says."""
    return _UNPRINTABLE.sub("", text[: 4 * _LONGEST]).strip()[:_LONGEST]


def identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise Unreadable(f"{text[:_LONGEST]!r} is no Uniqueid.")
    return text


def endpoint_of(channel: str) -> str:
    found = _CHANNEL.fullmatch(channel)
    return found["endpoint"] if found else channel


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel at one moment."""

    uniqueid: str
    linkedid: str
    name: str
    number: str = ""
    caller_name: str = ""
    exten: str = ""
    """What is dialled on it; empty where that is only Asterisk's own."""

    @classmethod
    def of(
        cls,
        uniqueid: str,
        linkedid: str,
        name: str,
        *,
        number: str = "",
        caller_name: str = "",
        exten: str = "",
    ) -> Channel:
        """Of what was read: bounded, cleaned. Raises Unreadable."""
        own = identifier(uniqueid)
        return cls(
            own,
            identifier(linkedid or uniqueid),
            clean(name),
            "" if number.lower() in _WITHHELD else clean(number),
            "" if caller_name.lower() in _WITHHELD else clean(caller_name),
            "" if exten in _EXTENSIONS_OF_ASTERISK else clean(exten),
        )

    @property
    def technology(self) -> str:
        return self.name.partition("/")[0]

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.name)

    @property
    def is_helper(self) -> bool:
        """Whether nobody calls and nobody talks on it: Asterisk's own, or the box's."""
        return self.technology in _HELPERS or self.endpoint.endswith(f"@{CREDENTIALS_CONTEXT}")

    @property
    def is_inner_half(self) -> bool:
        """The half of a Local channel that runs the dialplan; the other is called."""
        return self.name.startswith("Local/") and ";2" in self.name

    @property
    def goal(self) -> str:
        """Where it leads, for people: a Local channel's number, else the endpoint."""
        return (
            self.endpoint.removeprefix("Local/").partition("@")[0]
            if self.technology == "Local"
            else self.endpoint
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is true of a channel from `at` on."""

    kind: Kind
    at: datetime
    channel: Channel
    state: State | None = None
    other: Channel | None = None
    text: str = ""
    """The queue, the number that a call goes on to, the room, the file."""
    cause: int = 0
    is_estimated: bool = False
