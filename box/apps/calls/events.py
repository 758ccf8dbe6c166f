"""What has become of calls, for the rooms that have clients."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class CallFinished:
    """A call with somebody outside is over. It may be told again, where more has become known: of the same
    call the last counts."""

    call_id: int
    number: str
    """Of the one outside, in E.164; empty where it is withheld."""
    direction: str
    """"in" or "out"."""
    is_missed: bool
    started_at: datetime
    ended_at: datetime
    wait_seconds: int
    talk_seconds: int
    user_id: int | None
    """Who talked, or called; of a missed call nobody."""
    rang_ids: tuple[int, ...] = ()
    """Whose telephones rang."""
    call_back_by: datetime | None = None
    """Of a missed call: by when the company means to have called back."""
    begins_lead: bool = False
    """The company wants a lead of whoever calls from a number that nobody knows."""


@dataclass(frozen=True)
class MissedCallSettled:
    """The client was called back, or called again, or somebody said that it is done."""

    call_id: int
    by_id: int | None


@dataclass(frozen=True)
class CallNoted:
    """`by_id` is None where the notes of a call became those of the one that it is a part of."""

    call_id: int
    by_id: int | None
    note: str = ""


@dataclass(frozen=True)
class RecordingKept:
    call_id: int
    recording_id: int


@dataclass(frozen=True)
class RecordingHeld:
    """It is kept until somebody lets it go, however old it becomes: or is let go."""

    call_id: int
    is_held: bool
    by_id: int


@dataclass(frozen=True)
class NumberBlocked:
    number: str
    is_blocked: bool
    by_id: int
