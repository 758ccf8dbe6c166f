"""A call as its page shows it, and what a person's telephone does now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calls.clients import beginnings, clients_behind
from box.apps.calls.models import LoggedCall, Participant, Recording
from box.apps.calls.playback import recorded
from box.apps.calls.words import Outcome, length, number_shown, outcome, phone_shown
from box.bridges.telephony.calls import RingEnd
from box.bridges.telephony.models import CallEvent, CallLeg

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.registry.capabilities import Card, Recorded

MOST_LINES = 300


@dataclass(frozen=True)
class Line:
    """A step of a call: `offset` is how far into it."""

    at: datetime
    offset: str
    icon: str
    text: str
    tone: str = ""


@dataclass(frozen=True)
class ShownCall:
    call: LoggedCall
    title: str
    number: str
    own_number: str
    """That of the company; empty where the PBX did not tell."""
    outcome: Outcome
    cards: Sequence[Card]
    begins_at: str
    """Where a card of an unknown number is begun."""
    lines: Sequence[Line]
    people: Sequence[Participant]
    sounds: Sequence[Recorded]
    recordings: Sequence[Recording]
    """Those that are not kept (any more)."""
    waited: str
    talked: str


def shown_call(call: LoggedCall, reader: User) -> ShownCall:
    cards = clients_behind([call.number], reader).get(call.number, ()) if call.is_outside else ()
    people = list(call.participants.select_related("user").order_by("began_at", "id"))
    recordings = list(call.recordings.order_by("id"))
    kept = [one for one in recordings if one.state == Recording.State.KEPT]
    return ShownCall(
        call,
        cards[0].title if cards else number_shown(call),
        phone_shown(call.number),
        phone_shown(call.line),
        outcome(call),
        cards,
        "" if cards or not call.is_outside else beginnings(call.number, reader),
        timeline(call, people),
        _once(people),
        recorded(kept, call.note),
        [one for one in recordings if one.state != Recording.State.KEPT],
        length(call.wait_seconds),
        length(call.talk_seconds),
    )


def _once(people: Sequence[Participant]) -> list[Participant]:
    """Each person's part, the one in which they talked where there are several."""
    found: dict[int, Participant] = {}
    for one in people:
        if one.user_id not in found or found[one.user_id].answered_at is None:
            found[one.user_id] = one
    return list(found.values())


def timeline(call: LoggedCall, people: Sequence[Participant]) -> list[Line]:
    """What happened, in order: queue, rings, answer, hold, transfer, end."""
    if call.call_id is None:
        return []
    names = _names(call, people)
    lines = []
    for event in CallEvent.objects.filter(call=call.call_id).order_by("at", "id")[:MOST_LINES]:
        if (said := _said(event, call, names)) is not None:
            seconds = max(0, round((event.at - call.started_at).total_seconds()))
            lines.append(Line(event.at, length(seconds), said.icon, str(said.text), said.tone))
    return lines


def _names(call: LoggedCall, people: Sequence[Participant]) -> Mapping[str, str]:
    """Of legs and endpoints: whose they are."""
    by_leg = {one.leg: one.user.name for one in people}
    names = dict(by_leg)
    legs = CallLeg.objects.filter(call=call.call_id)
    for uniqueid, endpoint, number in legs.values_list("uniqueid", "endpoint", "number"):
        name = by_leg.get(uniqueid)
        if name is None:
            plain = endpoint.partition("/")[2]
            name = (
                plain if plain.isdigit() else phone_shown(call.number if call.is_outside else number) or plain
            )
        names[uniqueid] = name
        names.setdefault(endpoint, name)
    return names


class _Said(NamedTuple):
    """What a line of the call's course says, and how it is meant."""

    icon: str
    text: _StrOrPromise
    tone: str = ""


_STEPS: Mapping[str, _Said] = {
    "CallQueued": _Said(icon="users", text=gettext_lazy("In the queue “%(text)s”")),
    "CallRinging": _Said(icon="phone-ringing", text=gettext_lazy("Rings at: %(who)s")),
    "CallAnswered": _Said(icon="phone-check", text=gettext_lazy("%(who)s answers"), tone="good"),
    "CallHeld": _Said(icon="phone-pause", text=gettext_lazy("%(who)s is on hold")),
    "CallResumed": _Said(icon="phone", text=gettext_lazy("%(who)s is off hold")),
    "CallParked": _Said(icon="phone-pause", text=gettext_lazy("%(who)s is parked")),
    "CallForwarded": _Said(icon="arrow-forward-up", text=gettext_lazy("The telephone forwards to %(to)s")),
    "CallTransferred": _Said(
        icon="arrow-forward-up", text=gettext_lazy("%(who)s passes the call on to %(to)s")
    ),
    "ConferenceJoined": _Said(icon="users", text=gettext_lazy("%(who)s joins the conference %(text)s")),
    "CallRecorded": _Said(icon="microphone", text=gettext_lazy("The call is recorded")),
    "CallLeft": _Said(icon="phone-off", text=gettext_lazy("%(who)s is no longer on the line")),
}
_RING_ENDS: Mapping[str, _StrOrPromise] = {
    RingEnd.NO_ANSWER: gettext_lazy("No answer: %(who)s"),
    RingEnd.BUSY: gettext_lazy("Busy: %(who)s"),
    RingEnd.REJECTED: gettext_lazy("Declined: %(who)s"),
    RingEnd.FAILED: gettext_lazy("Not reached: %(who)s"),
}


def _said(event: CallEvent, call: LoggedCall, names: Mapping[str, str]) -> _Said | None:
    """None for what nobody needs to read, such as that it rings no longer since somebody has answered."""
    who = names.get(event.leg) or names.get(event.endpoint) or event.endpoint.partition("/")[2]
    values = {"who": who, "to": names.get(event.text, phone_shown(event.text)), "text": event.text}
    if event.kind == "CallStarted":
        origin = number_shown(call) if call.direction == call.Direction.IN else who
        return _Said(icon="phone", text=_("%(who)s calls") % {"who": origin})
    if event.kind == "CallEnded":
        said = outcome(call)
        over = _("The call is over: %(outcome)s") % {"outcome": said.label}
        return _Said(icon="phone-off", text=over, tone=said.tone)
    if event.kind == "CallRingingEnded":
        reason = _RING_ENDS.get(event.text)
        return _Said(icon="phone-x", text=str(reason) % values, tone="warn") if reason else None
    step = _STEPS.get(event.kind)
    return step._replace(text=str(step.text) % values) if step else None


@dataclass(frozen=True)
class LiveCall:
    """What a telephone of this person does now."""

    call: LoggedCall
    state: str
    """A `Participant.state`: rings, dials, talks, holds."""
    title: str
    number: str
    cards: Sequence[Card]
    begins_at: str
    since: datetime
    can_pass_on: bool
    can_hold: bool


def live_calls(user: User, *, now: datetime) -> list[LiveCall]:
    """The newest last; in a number of queries that doesn't depend on theirs."""
    mine = Participant.objects.filter(user=user).select_related("logged__call__pbx").order_by("began_at")
    parts = list(mine.busy(now)[:10])
    # Whoever is put through again is on hold no more.
    busy = {one.logged_id for one in parts}
    parts = [one for one in mine.holding(now)[:10] if one.logged_id not in busy] + parts
    cards = clients_behind([one.logged.number for one in parts if one.logged.is_outside], user)
    return [_live(one, cards.get(one.logged.number, ()), user) for one in parts]


def _live(part: Participant, cards: Sequence[Card], user: User) -> LiveCall:
    call = part.logged
    return LiveCall(
        call,
        part.state,
        cards[0].title if cards else number_shown(call),
        phone_shown(call.number),
        cards,
        "" if cards or not call.is_outside else beginnings(call.number, user),
        part.answered_at or part.began_at,
        part.state == "talks" and call.answered_at is not None,
        part.state == "talks" and call.call is not None and bool(call.call.pbx.hold_context),
    )
