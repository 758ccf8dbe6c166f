"""A PBX whose extensions are anna's and boris's, and calls as a real Asterisk told them: streams of
`tests.telephony.scenarios`, kept by the bridge as it keeps them, and delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from box.apps.calls.models import LoggedCall
from box.bridges.telephony.actions import keep_calls, save_pbx, set_extensions
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.facts import Channel, Fact
from box.bridges.telephony.models import Pbx
from box.core.events.delivery import deliver_all
from tests.box.bridges.telephony.test_streams import AMI

if TYPE_CHECKING:
    from box.core.accounts.models import User

# Of "incoming_queue": so many facts, and it rings at both; so many, and anna talks.
RINGING, TALKING = 30, 56


def office(anna: User, boris: User) -> Pbx:
    """Anna sits at 100, boris at 101; in the streams 100 answers and 101 rings in vain."""
    pbx = Pbx(
        name="office",
        host="pbx.corp.test",
        is_on=True,
        lines=["PJSIP/line"],
        prefixes=["+79"],
        forbidden=["+7979"],
    )
    pbx.secret = "a-secret-for-tests-only"
    save_pbx(pbx, by=None)
    set_extensions(pbx, [("100", anna), ("101", boris), ("102", None)], by=None)
    return pbx


def play(pbx: Pbx, name: str, *, facts: int | None = None, later: timedelta = timedelta()) -> LoggedCall:
    """The call of this stream, or its beginning, as if it had begun when the PBX was set up. `later`: another
    one just like it."""
    calls = Calls(pbx.name)
    keep_calls(pbx, calls, calls.feed(heard(pbx, name, later)[:facts]))
    deliver_all()
    return LoggedCall.objects.latest("started_at")


def miss(pbx: Pbx, *, later: timedelta = timedelta()) -> LoggedCall:
    """A client calls the queue, it rings at anna and boris, and the line goes dead."""
    calls = Calls(pbx.name)
    ringing = heard(pbx, "incoming_queue", later)[:RINGING]
    keep_calls(pbx, calls, calls.feed(ringing))
    at = ringing[-1].at + timedelta(seconds=9)
    keep_calls(pbx, calls, calls.reconcile([], known=calls.channels(), at=at))
    deliver_all()
    return LoggedCall.objects.latest("started_at")


def heard(pbx: Pbx, name: str, later: timedelta) -> list[Fact]:
    shift = pbx.changed_at - AMI[name][0].at + later
    return [_shifted(fact, shift, later) for fact in AMI[name]]


def _shifted(fact: Fact, shift: timedelta, later: timedelta) -> Fact:
    other = _other(fact.other, later) if fact.other else None
    return replace(fact, at=fact.at + shift, channel=_other(fact.channel, later), other=other)


def _other(channel: Channel, later: timedelta) -> Channel:
    def moved(key: str) -> str:
        moment, _point, place = key.partition(".")
        return f"{int(moment) + int(later.total_seconds())}.{place}" if place else key

    return replace(channel, uniqueid=moved(channel.uniqueid), linkedid=moved(channel.linkedid))


@pytest.fixture
def pbx(anna: User, boris: User) -> Pbx:
    return office(anna, boris)


@pytest.fixture
def call(pbx: Pbx) -> Callable[..., LoggedCall]:
    return lambda name, **more: play(pbx, name, **more)
