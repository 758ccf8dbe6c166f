"""What happened to calls. A call is named by its PBX and its key there, the Linkedid; `leg` is a channel's
Uniqueid."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class PbxChanged:
    """Added, or set up in another way."""

    pbx_id: int
    by_id: int | None


@dataclass(frozen=True)
class ExtensionsChanged:
    """Who sits at which phones of this PBX."""

    pbx_id: int
    by_id: int | None


@dataclass(frozen=True)
class PbxRemoved:
    name: str
    by_id: int | None


@dataclass(frozen=True)
class CommandRefused:
    """The PBX did not do what a person asked of it."""

    command_id: int
    by_id: int
    reason: str
    """Empty where nobody is to be told: it was done by nobody in time."""
    is_certain: bool = True
    """False: its answer was lost, and it may have been done."""


@dataclass(frozen=True)
class CallStarted:
    pbx: str
    call: str
    at: datetime
    endpoint: str
    """Whose phone or line it came from: `PJSIP/100`."""
    caller: str
    """The number as the PBX says it; empty when it is withheld."""
    caller_name: str
    called: str
    """Empty as long as nobody knows: who is called first by the PBX itself has dialled nothing."""


@dataclass(frozen=True)
class CallQueued:
    pbx: str
    call: str
    at: datetime
    leg: str
    queue: str


@dataclass(frozen=True)
class CallRinging:
    """A phone rings, or an outside number is dialled: one of several, perhaps."""

    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str
    number: str


@dataclass(frozen=True)
class CallRingingEnded:
    """A phone rings no more, and nobody took it."""

    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str
    reason: str
    """A `calls.RingEnd`."""


@dataclass(frozen=True)
class CallAnswered:
    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str


@dataclass(frozen=True)
class CallHeld:
    """This leg waits: it hears music."""

    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str


@dataclass(frozen=True)
class CallResumed:
    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str


@dataclass(frozen=True)
class CallParked:
    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str


@dataclass(frozen=True)
class CallForwarded:
    """The phone that was called sends the call on by itself."""

    pbx: str
    call: str
    at: datetime
    to: str


@dataclass(frozen=True)
class CallTransferred:
    pbx: str
    call: str
    at: datetime
    by: str
    """An endpoint."""
    to: str
    """A number, or the endpoint that was consulted."""
    is_attended: bool


@dataclass(frozen=True)
class ConferenceJoined:
    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str
    room: str


@dataclass(frozen=True)
class CallRecorded:
    pbx: str
    call: str
    at: datetime
    file: str
    """As the PBX names it."""


@dataclass(frozen=True)
class CallLeft:
    """Who talked has hung up, or was transferred away."""

    pbx: str
    call: str
    at: datetime
    leg: str
    endpoint: str


@dataclass(frozen=True)
class CallMerged:
    """Two calls have become one: this one goes on as `into`."""

    pbx: str
    call: str
    at: datetime
    into: str


@dataclass(frozen=True)
class CallReopened:
    """It was thought over, and isn't."""

    pbx: str
    call: str
    at: datetime


@dataclass(frozen=True)
class CallEnded:
    """The same call may end twice: an estimate is corrected by what the PBX has written down."""

    pbx: str
    call: str
    at: datetime
    result: str
    """A `calls.Result`."""
    cause: int
    """Q.850: of the channel that it came from."""
    is_estimated: bool
    """Its end was missed: it was over by `at`, and nobody knows since when."""


type CallEvent = (
    CallStarted
    | CallQueued
    | CallRinging
    | CallRingingEnded
    | CallAnswered
    | CallHeld
    | CallResumed
    | CallParked
    | CallForwarded
    | CallTransferred
    | ConferenceJoined
    | CallRecorded
    | CallLeft
    | CallMerged
    | CallReopened
    | CallEnded
)
