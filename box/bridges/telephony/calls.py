"""Facts in, events of calls out: a pure state machine, which has no clock and knows no source.

A call is a set of channels. Its key is the Linkedid; when Asterisk gives a channel another call's, the two
become one, the older. A fact that is known already changes nothing, and every fact carries its whole channel:
so facts may come twice, late or not at all, and both AMI and CEL may tell the same call. What was missed is
put right by `reconcile`, which gets the channels that there really are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from box.bridges.telephony import events
from box.bridges.telephony.events import CallEvent
from box.bridges.telephony.facts import Channel, Fact, Kind, State, endpoint_of

REMEMBERED = timedelta(minutes=15)
"""How long what is over is known: a late or doubled fact finds it, and begins no second call."""
SAME = timedelta(seconds=1)
"""What is told twice within it, by both streams, happened once."""
MAX_OPEN = 5_000
"""Calls at a time; more are no company's, and are not taken in."""
MAX_LEGS = 200
MAX_REMEMBERED = 50_000
_LATEST = datetime.max.replace(tzinfo=UTC)
_BUSY, _ELSEWHERE, _REJECTED, _FORWARDED = 17, 26, 21, 23
_FAILURES = frozenset({1, 2, 3, 5, 6, 20, 22, 27, 28, 29, 34, 38, 41, 42, 44, 50, 58, 65, 88, 127})


class Result(StrEnum):
    ANSWERED = "answered"
    NO_ANSWER = "no answer"
    BUSY = "busy"
    FAILED = "failed"
    BY_PBX = "by the pbx"
    """Nobody was called: a menu, a mailbox, an announcement took it."""


_DIALLED = {"BUSY": Result.BUSY, "CONGESTION": Result.FAILED, "CHANUNAVAIL": Result.FAILED}


class RingEnd(StrEnum):
    ELSEWHERE = "elsewhere"
    """Somebody else has answered."""
    NO_ANSWER = "no answer"
    BUSY = "busy"
    REJECTED = "rejected"
    FORWARDED = "forwarded"
    FAILED = "failed"


@dataclass
class Leg:
    """A channel's part in a call."""

    uniqueid: str
    channel: str
    """Its name: a masquerade changes it."""
    started_at: datetime
    is_called: bool
    """It was called; else it calls."""
    is_local: bool
    """A Local channel: nobody's phone."""
    number: str = ""
    caller_name: str = ""
    exten: str = ""
    said_at: dict[str, datetime] = field(default_factory=dict)
    """Since when each of these three is known: what was said first is what was dialled, and who called."""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int = 0
    has_answered: bool = False
    """A person has taken the call here, and that has been told."""
    is_held: bool = False
    is_queued: bool = False
    is_parked: bool = False
    has_rung: bool = False
    """Its ringing has been told to be over."""
    is_estimated: bool = False

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.channel)

    def listen(self, fact: Fact) -> None:
        """To what every fact says of its channel."""
        self.channel = fact.channel.name or self.channel
        self.started_at = min(self.started_at, fact.at)
        for name in ("number", "caller_name", "exten"):
            if (said := getattr(fact.channel, name)) and fact.at < self.said_at.get(name, _LATEST):
                setattr(self, name, said)
                self.said_at[name] = fact.at

    @property
    def rang_in_vain_until(self) -> datetime | None:
        """With the halves of Local channels, by which a queue may ring."""
        return self.ended_at if (self.is_called or self.is_local) and self.answered_at is None else None

    @property
    def rings(self) -> bool:
        return self.is_called and not self.is_local and self.answered_at is None and not self.has_rung


@dataclass
class Call:
    key: str
    started_at: datetime
    legs: dict[str, Leg] = field(default_factory=dict)
    queue: str = ""
    recordings: list[str] = field(default_factory=list)
    answered_at: datetime | None = None
    """By a person."""
    ended_at: datetime | None = None
    parts: set[str] = field(default_factory=set)
    """Keys of calls that have become a part of it."""
    dial_status: str = ""
    """Of what was dialled last."""
    let_go_until: datetime | None = None
    """When the last of its legs ended that rang in vain and was let go of, for there were too many."""
    told_end: events.CallEnded | None = None
    told: dict[tuple[str, str, str], list[datetime]] = field(default_factory=dict)
    """When what is told once was told: by kind, leg, text."""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    @property
    def is_estimated(self) -> bool:
        return any(leg.is_estimated for leg in self.legs.values())

    def has_forwarded(self, at: datetime) -> bool:
        """Whether a telephone has sent it on at this moment."""
        return any(
            abs(at - moment) < SAME
            for (kind, _who, _text), moments in self.told.items()
            if kind == events.CallForwarded.__name__
            for moment in moments
        )

    @property
    def origin(self) -> Leg | None:
        """The channel that it came from: its Uniqueid is the call's key."""
        return self.legs.get(self.key) or next((leg for leg in self.legs.values() if not leg.is_called), None)

    @property
    def endpoint(self) -> str:
        return self.origin.endpoint if self.origin else ""

    @property
    def caller(self) -> str:
        return self.origin.number if self.origin else ""

    @property
    def caller_name(self) -> str:
        return self.origin.caller_name if self.origin else ""

    @property
    def called(self) -> str:
        return self.origin.exten if self.origin else ""

    @property
    def result(self) -> Result:
        called = [leg for leg in self.legs.values() if leg.is_called]
        # A Local channel stands for the phone behind it; where there is none, it is the called one itself.
        people = [leg for leg in called if not leg.is_local]
        called = people or called
        if self.answered_at is not None or any(leg.answered_at for leg in called):
            return Result.ANSWERED
        origin = self.origin
        if not called:
            if origin is not None and origin.answered_at and not self.queue:
                return Result.BY_PBX
            called = [origin] if origin is not None else []
        if called and not people and self.dial_status in _DIALLED:
            # A Local channel hangs up normally, whatever was behind it.
            return _DIALLED[self.dial_status]
        causes = {leg.cause for leg in called}
        if causes == {_BUSY}:
            return Result.BUSY
        return Result.FAILED if causes and causes <= _FAILURES else Result.NO_ANSWER


class Calls:
    """The calls of one PBX."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self.open: dict[str, Call] = {}
        self.over: OrderedDict[str, Call] = OrderedDict()
        """Those that ended lately, by when they did."""
        self._call_of: dict[str, str] = {}
        """Every channel's call, also of those that are gone."""
        self._merged: dict[str, str] = {}
        self._out: list[CallEvent] = []
        self.changed: set[str] = set()
        """Keys of calls of which something was heard that whoever stores them has not stored yet."""

    # What comes in

    def feed(self, facts: Iterable[Fact]) -> list[CallEvent]:
        """What follows from these facts, in their order. However many hours they tell of, what ends within
        them is found by whoever stores it."""
        for place, fact in enumerate(one for one in facts if not one.channel.is_helper):
            if place == 0:
                self._forget(fact.at)
            self._take(fact)
        out, self._out = self._out, []
        return out

    def channels(self) -> frozenset[str]:
        """The Uniqueids of all that are there, as far as is known."""
        return frozenset(
            leg.uniqueid for call in self.open.values() for leg in call.legs.values() if leg.ended_at is None
        )

    def reconcile(self, there: Iterable[Fact], *, known: frozenset[str], at: datetime) -> list[CallEvent]:
        """`there` tells of every channel of the PBX. Of those that were `known` before it was asked for,
        whoever is not among them is over, since nobody knows when, and by `at`."""
        seen = list(there)
        lost = (known & self.channels()) - {fact.channel.uniqueid for fact in seen}
        gone = [
            Fact(
                Kind.GONE, max(at, leg.started_at), Channel(leg.uniqueid, key, leg.channel), is_estimated=True
            )
            for key, call in self.open.items()
            for leg in call.legs.values()
            if leg.uniqueid in lost
        ]
        return self.feed([*seen, *gone])

    def restore(self, calls: Iterable[Call]) -> None:
        """Goes on with what another process knew."""
        for call in calls:
            (self.open if call.ended_at is None else self.over)[call.key] = call
            if call.ended_at is not None:
                call.told_end = self._ending(call, call.ended_at)
            self._call_of.update(dict.fromkeys(call.legs, call.key))
            self._merged.update(dict.fromkeys(call.parts, call.key))

    def call(self, key: str) -> Call | None:
        """By its own key, or that of a call that has become a part of it."""
        key = self._resolve(key)
        return self.open.get(key) or self.over.get(key)

    # What it means

    def _take(self, fact: Fact) -> None:
        call = self._call_for(fact)
        if call is None:
            return
        leg = call.legs.get(fact.channel.uniqueid)
        if leg is None:
            if _was_let_go(call, fact) or (len(call.legs) >= MAX_LEGS and not self._let_go(call)):
                return
            # Of what is over all that were there have ended: it goes on with whoever else comes.
            if not call.is_open:
                self._reopen(call, fact.at)
            leg = self._join(call, fact)
        self._look_at(call, leg, fact)
        if handler := self._HANDLERS.get(fact.kind):
            handler(self, call, leg, fact)
        call = self.call(call.key) or call
        self.changed.add(call.key)
        if all(one.ended_at is not None for one in call.legs.values()):
            self._end(call)

    def _call_for(self, fact: Fact) -> Call | None:
        channel = fact.channel
        key = self._resolve(channel.linkedid or self._call_of.get(channel.uniqueid, channel.uniqueid))
        if (known := self._call_of.get(channel.uniqueid)) is not None and (
            known := self._resolve(known)
        ) != key:
            key = self._merge(known, key, fact.at)
        if (call := self.open.get(key)) is not None:
            return call
        if (call := self.over.get(key)) is not None:
            return call
        if len(self.open) >= MAX_OPEN:
            return None
        call = self.open[key] = Call(key, fact.at)
        return call

    def _join(self, call: Call, fact: Fact) -> Leg:
        channel = fact.channel
        is_new = not call.legs
        leg = call.legs[channel.uniqueid] = Leg(
            channel.uniqueid,
            channel.name,
            fact.at,
            # Asterisk gives a channel that it calls the Linkedid of the caller's. A Local channel has two
            # halves, of which the second calls on.
            is_called=channel.uniqueid != channel.linkedid and not channel.is_inner_half,
            is_local=channel.technology == "Local",
        )
        leg.listen(fact)
        self._call_of[channel.uniqueid] = call.key
        if is_new:
            self._tell_start(call)
        if leg.rings:
            self._tell(
                events.CallRinging, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint, number=leg.number
            )
        return leg

    def _let_go(self, call: Call) -> bool:
        """Of the leg that was the first to end of those that rang in vain: a queue rings its members anew for
        as long as somebody waits, and in the end one of them answers."""
        ended = [(until, leg) for leg in call.legs.values() if (until := leg.rang_in_vain_until)]
        if not ended:
            return False
        at, leg = min(ended, key=lambda one: one[0])
        call.let_go_until = max(call.let_go_until or at, at)
        del call.legs[leg.uniqueid]
        self._call_of.pop(leg.uniqueid, None)
        return True

    def _look_at(self, call: Call, leg: Leg, fact: Fact) -> None:
        leg.listen(fact)
        if fact.channel.uniqueid == fact.channel.linkedid:
            # It began a call of its own, whatever it became a part of later.
            leg.is_called = False
        call.started_at = min(call.started_at, fact.at)
        if fact.state is State.UP:
            leg.answered_at = min(leg.answered_at or fact.at, fact.at)
            if leg.is_called and not leg.is_local:
                self._answer(call, leg, fact)

    def _answer(self, call: Call, leg: Leg, fact: Fact) -> None:
        call.answered_at = min(call.answered_at or fact.at, fact.at)
        if not leg.has_answered:
            leg.has_rung = leg.has_answered = True
            leg.answered_at = leg.answered_at or fact.at
            self._tell(events.CallAnswered, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint)

    def _gone(self, call: Call, leg: Leg, fact: Fact) -> None:
        if leg.ended_at is not None:
            if leg.is_estimated and not fact.is_estimated:
                leg.ended_at, leg.cause, leg.is_estimated = fact.at, fact.cause, False
            return
        leg.ended_at, leg.cause, leg.is_estimated = fact.at, fact.cause, fact.is_estimated
        if leg.rings:
            # Asterisk 16 gives a telephone that forwards no cause.
            cause = fact.cause or (_FORWARDED if call.has_forwarded(fact.at) else 0)
            self._end_ringing(call, leg, fact, _ring_end(cause, is_answered=call.answered_at is not None))
        elif leg.answered_at is not None and not leg.is_local:
            self._tell(events.CallLeft, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint)

    def _end_ringing(self, call: Call, leg: Leg, fact: Fact, reason: RingEnd) -> None:
        leg.has_rung = True
        self._tell(
            events.CallRingingEnded, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint, reason=reason.value
        )

    def _end(self, call: Call) -> None:
        """Ends a call whose last channel is gone, or tells anew how it has ended, where more is known now."""
        call.ended_at = max(leg.ended_at for leg in call.legs.values() if leg.ended_at is not None)
        if self.open.pop(call.key, None) is not None:
            self.over[call.key] = call
            if len(self.over) > MAX_REMEMBERED:
                self._drop(*self.over.popitem(last=False))
        told = self._ending(call, call.ended_at)
        if told != call.told_end:
            call.told_end = told
            self._out.append(told)

    def _ending(self, call: Call, at: datetime) -> events.CallEnded:
        cause = call.origin.cause if call.origin else 0
        return events.CallEnded(self.pbx, call.key, at, call.result.value, cause, call.is_estimated)

    def _reopen(self, call: Call, at: datetime) -> None:
        call.ended_at = None
        self.over.pop(call.key, None)
        call.told_end = None
        self.open[call.key] = call
        self._out.append(events.CallReopened(self.pbx, call.key, at))

    def _merge(self, one: str, other: str, at: datetime) -> str:
        """The key of the call that both are now."""
        keep, lose = sorted((one, other), key=_age)
        losing = self.open.pop(lose, None) or self.over.pop(lose, None)
        if keep not in self.open and keep not in self.over:
            if losing is None:
                return keep
            # The older one was never heard of: it is this one, under its right key.
            call = self.open[keep] = Call(keep, losing.started_at, legs=dict(losing.legs))
            self._tell_start(call)
        self._merged[lose] = keep
        call = self.open.get(keep) or self.over[keep]
        call.parts.add(lose)
        if losing is not None:
            call.legs |= losing.legs
            for what, told_at in losing.told.items():
                call.told.setdefault(what, []).extend(told_at)
            call.parts |= losing.parts
            call.queue = call.queue or losing.queue
            call.recordings += losing.recordings
            call.started_at = min(call.started_at, losing.started_at)
            moments = [moment for moment in (call.answered_at, losing.answered_at) if moment]
            call.answered_at = min(moments, default=None)
            ends = [moment for moment in (call.let_go_until, losing.let_go_until) if moment]
            call.let_go_until = max(ends, default=None)
            self._call_of.update(dict.fromkeys(losing.legs, keep))
            self._out.append(events.CallMerged(self.pbx, lose, at, into=keep))
            if not call.is_open and any(leg.ended_at is None for leg in call.legs.values()):
                self._reopen(call, at)
        return keep

    def _resolve(self, key: str) -> str:
        while (further := self._merged.get(key)) is not None:
            key = further
        return key

    def _forget(self, now: datetime) -> None:
        while self.over:
            key, call = next(iter(self.over.items()))
            if call.ended_at is None or now - call.ended_at < REMEMBERED:
                return
            del self.over[key]
            self._drop(key, call)

    def _drop(self, key: str, call: Call) -> None:
        self.changed.discard(key)
        for uniqueid in call.legs:
            self._call_of.pop(uniqueid, None)
        for merged in call.parts:
            self._merged.pop(merged, None)

    # Kinds of facts

    def _dialled(self, call: Call, leg: Leg, fact: Fact) -> None:
        call.dial_status = fact.text

    def _queued(self, call: Call, leg: Leg, fact: Fact) -> None:
        if not leg.is_queued:
            leg.is_queued, call.queue = True, fact.text
            self._tell_once(events.CallQueued, call, fact, leg=leg.uniqueid, queue=fact.text)

    def _unqueued(self, call: Call, leg: Leg, fact: Fact) -> None:
        leg.is_queued = False

    def _held(self, call: Call, leg: Leg, fact: Fact) -> None:
        # Who waits in a queue or a parking lot hears music as well.
        if not (leg.is_held or leg.is_queued or leg.is_parked or leg.is_local):
            leg.is_held = True
            self._tell_once(events.CallHeld, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint)

    def _resumed(self, call: Call, leg: Leg, fact: Fact) -> None:
        if leg.is_held:
            leg.is_held = False
            self._tell_once(events.CallResumed, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint)

    def _parked(self, call: Call, leg: Leg, fact: Fact) -> None:
        if not leg.is_parked:
            leg.is_parked = True
            self._tell_once(events.CallParked, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint)

    def _retrieved(self, call: Call, leg: Leg, fact: Fact) -> None:
        leg.is_parked = False
        self._take_over(call, fact)

    def _picked_up(self, call: Call, leg: Leg, fact: Fact) -> None:
        """The channel is the picker's: what it takes is `other`'s."""
        if fact.other is None:
            return
        target = self.call(self._call_of.get(fact.other.uniqueid, fact.other.linkedid))
        ringing = target.legs.get(fact.other.uniqueid) if target else None
        if target is not None and ringing is not None and ringing.rings:
            self._end_ringing(target, ringing, fact, RingEnd.ELSEWHERE)
        key = (
            self._merge(call.key, target.key, fact.at)
            if target is not None and target is not call
            else call.key
        )
        merged = self.call(key)
        if merged is not None:
            self._answer(merged, leg, fact)

    def _take_over(self, call: Call, fact: Fact) -> None:
        """`other` answers the call, with a call of its own that ends by that."""
        if fact.other is None:
            return
        other = self._find(fact.other, fact.at)
        if other is None:
            return
        theirs, leg = other
        key = self._merge(call.key, theirs.key, fact.at) if theirs is not call else call.key
        if (merged := self.call(key)) is not None:
            self._answer(merged, leg, fact)

    def _find(self, channel: Channel, at: datetime) -> tuple[Call, Leg] | None:
        """A channel of which only the name may be known: after a restart Asterisk gives names anew."""
        if (call := self.call(self._call_of.get(channel.uniqueid, ""))) is not None:
            return call, call.legs[channel.uniqueid]
        named = [
            (call, leg)
            for call in (*self.over.values(), *self.open.values())
            for leg in call.legs.values()
            if leg.channel == channel.name and leg.started_at <= at
        ]
        return max(named, key=lambda found: found[1].started_at, default=None)

    def _forwarded(self, call: Call, leg: Leg, fact: Fact) -> None:
        self._tell_once(events.CallForwarded, call, fact, to=fact.text)

    def _blind(self, call: Call, leg: Leg, fact: Fact) -> None:
        self._tell_once(events.CallTransferred, call, fact, by=leg.endpoint, to=fact.text, is_attended=False)

    def _attended(self, call: Call, leg: Leg, fact: Fact) -> None:
        theirs = self.call(self._call_of.get(fact.other.uniqueid, "")) if fact.other is not None else None
        if theirs is not None and theirs is not call:
            call = self.call(self._merge(call.key, theirs.key, fact.at)) or call
        self._tell_once(events.CallTransferred, call, fact, by=leg.endpoint, to=fact.text, is_attended=True)

    def _conference(self, call: Call, leg: Leg, fact: Fact) -> None:
        self._tell_once(
            events.ConferenceJoined, call, fact, leg=leg.uniqueid, endpoint=leg.endpoint, room=fact.text
        )

    def _recorded(self, call: Call, leg: Leg, fact: Fact) -> None:
        if fact.text not in call.recordings and len(call.recordings) < MAX_LEGS:
            call.recordings.append(fact.text)
            self._tell(events.CallRecorded, call, fact, file=fact.text)

    _HANDLERS = {
        Kind.GONE: _gone,
        Kind.DIALLED: _dialled,
        Kind.QUEUED: _queued,
        Kind.UNQUEUED: _unqueued,
        Kind.HELD: _held,
        Kind.RESUMED: _resumed,
        Kind.PARKED: _parked,
        Kind.RETRIEVED: _retrieved,
        Kind.PICKED_UP: _picked_up,
        Kind.FORWARDED: _forwarded,
        Kind.BLIND_TRANSFER: _blind,
        Kind.ATTENDED_TRANSFER: _attended,
        Kind.CONFERENCE: _conference,
        Kind.RECORDED: _recorded,
    }

    # What goes out

    def _tell(self, event: type[CallEvent], call: Call, fact: Fact, **more: object) -> None:
        self._out.append(event(pbx=self.pbx, call=call.key, at=fact.at, **more))  # type: ignore[arg-type]

    def _tell_start(self, call: Call) -> None:
        self._out.append(
            events.CallStarted(
                self.pbx, call.key, call.started_at, call.endpoint, call.caller, call.caller_name, call.called
            )
        )

    def _tell_once(self, event: type[CallEvent], call: Call, fact: Fact, **more: object) -> None:
        """What is no state of the call: both streams tell it, with moments of their own."""
        who, text = more.get("leg") or more.get("by"), more.get("to") or more.get("room")
        moments = call.told.setdefault((event.__name__, str(who or ""), str(text or "")), [])
        if any(abs(fact.at - before) < SAME for before in moments) or len(moments) >= MAX_LEGS:
            return
        moments.append(fact.at)
        self._tell(event, call, fact, **more)


def _was_let_go(call: Call, fact: Fact) -> bool:
    """What is told later of a leg that is not known any more, by the other stream or once again."""
    is_called = fact.channel.uniqueid != fact.channel.linkedid
    return is_called and call.let_go_until is not None and fact.at < call.let_go_until + SAME


def _ring_end(cause: int, *, is_answered: bool) -> RingEnd:
    special = {
        _BUSY: RingEnd.BUSY,
        _ELSEWHERE: RingEnd.ELSEWHERE,
        _REJECTED: RingEnd.REJECTED,
        _FORWARDED: RingEnd.FORWARDED,
    }
    if cause in special:
        return special[cause]
    if cause in _FAILURES:
        return RingEnd.FAILED
    return RingEnd.ELSEWHERE if is_answered else RingEnd.NO_ANSWER


def _age(linkedid: str) -> tuple[float, int, str]:
    """Asterisk makes its ids of the moment and a number that counts up, behind the system's name where it has
    one: the older of two is the one whose Linkedid it keeps."""
    moment, _, place = linkedid.rpartition("-")[2].partition(".")
    try:
        return float(moment), int(place or 0), linkedid
    except ValueError:
        return float("inf"), 0, linkedid
