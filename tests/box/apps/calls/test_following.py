"""The log's call, made of what the bridge has stored: whose it is, what it comes to, who hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.calls.actions.logging import follow_call
from box.apps.calls.models import LoggedCall
from box.apps.calls.settings import CALL_BACK_WITHIN
from box.bridges.telephony.actions import set_extensions
from box.bridges.telephony.models import Call, CallLeg, Pbx
from box.core.events.models import Event
from box.core.push.models import PushMessage
from box.core.registry.settings import store
from tests.box.apps.calls.conftest import TALKING, miss, play

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

BEGAN = datetime(2026, 11, 26, 9, tzinfo=UTC)
CLIENT = "+79161234567"
HOUR = timedelta(hours=1)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else BEGAN + timedelta(seconds=seconds)


def stored(pbx: Pbx, key: str = "1.1", *, ended: float | None = 60, **values: Any) -> Call:
    """A client's call, in vain."""
    usual = {
        "direction": "in",
        "number": CLIENT,
        "called": "4950000",
        "started_at": BEGAN,
        "result": "no answer",
    }
    return Call.objects.create(pbx=pbx, key=key, ended_at=at(ended), **{**usual, **values})


def leg(
    call: Call, name: str, *, called: bool = True, began: float = 0, answered: float | None = None
) -> CallLeg:
    return CallLeg.objects.create(
        call=call, uniqueid=f"{call.key}.{name}", endpoint=f"PJSIP/{name}", is_called=called,
        started_at=BEGAN + timedelta(seconds=began), answered_at=at(answered), ended_at=call.ended_at,
    )  # fmt: skip


def followed(call: Call) -> LoggedCall:
    logged = follow_call(call.pbx.name, call.key)
    assert logged is not None
    return LoggedCall.objects.get(pk=logged.pk)


def told() -> list[dict[str, Any]]:
    finished = Event.objects.filter(kind="calls.CallFinished").order_by("id")
    return list(finished.values_list("payload", flat=True))


@pytest.fixture
def three(pbx: Pbx, cara: User) -> Pbx:
    """Cara sits at 102."""
    set_extensions(pbx, [("102", cara)], by=None)
    return pbx


# Whose it is


def test_a_call_that_comes_in_is_of_who_picked_it_up_first(
    three: Pbx, anna: User, boris: User, cara: User
) -> None:
    call = stored(three, result="answered", answered_at=at(10.4), ended=70)
    leg(call, "line", called=False)
    leg(call, "100", began=1, answered=30)
    leg(call, "101", began=1, answered=10.4)
    # A call of her own has become a part of this one.
    leg(call, "102", called=False, began=5, answered=5)
    logged = followed(call)
    assert (logged.user, logged.number, logged.line) == (boris, CLIENT, "4950000")
    assert (logged.wait_seconds, logged.talk_seconds) == (10, 60)
    assert {part.user for part in logged.participants.all()} == {anna, boris, cara}
    (finished,) = told()
    # Hers did not ring.
    assert finished["rang_ids"] == sorted([anna.pk, boris.pk])


def test_a_call_that_goes_out_is_of_who_began_it(three: Pbx, anna: User) -> None:
    call = stored(three, direction="out", number="", result="answered", answered_at=at(9))
    leg(call, "102", called=False, began=5)
    leg(call, "100", called=False, began=1)
    leg(call, "101", began=0, answered=9)
    logged = followed(call)
    assert (logged.user, logged.number, logged.line) == (anna, "", "")


def test_who_clicks_has_called_though_their_own_telephone_was_called_first(pbx: Pbx, anna: User) -> None:
    call = stored(pbx, direction="out", result="answered", answered_at=at(2))
    leg(call, "100", answered=2)
    leg(call, "line", began=3, answered=9)
    assert followed(call).user == anna


def test_inside_the_number_is_the_extension_that_was_called(pbx: Pbx) -> None:
    logged = followed(stored(pbx, direction="internal", number="", called="101", ended=20))
    assert (logged.number, logged.line) == ("101", "")
    # What rings and is not answered is waited for to its end.
    assert (logged.wait_seconds, logged.talk_seconds, logged.is_missed) == (20, 0, False)
    withheld = followed(stored(pbx, "2.1", number=""))
    assert (withheld.number, withheld.line) == ("", "4950000")


def test_only_what_a_client_wanted_of_somebody_in_vain_is_missed(pbx: Pbx) -> None:
    by_pbx: dict[str, Any] = {"result": "by the pbx"}
    rows: list[tuple[bool, bool, dict[str, Any]]] = [
        # Missed, whether a telephone was rung, and the call.
        (True, False, {"result": "no answer"}),
        (True, False, {"result": "busy"}),
        (True, False, {"result": "failed"}),
        # Who waited in a queue, or was led to a telephone, wanted to speak with somebody.
        (True, False, {**by_pbx, "queue": "support"}),
        (True, True, by_pbx),
        # Who heard an announcement did not.
        (False, False, by_pbx),
        (False, True, {"direction": "out"}),
        (False, True, {"result": "answered", "answered_at": at(0.2), "queue": "support", "ended": 0.3}),
        (False, True, {"result": "", "queue": "support", "ended": None}),
    ]
    for place, (is_missed, rang, values) in enumerate(rows):
        call = stored(pbx, f"{place}.1", **values)
        leg(call, "line", called=False)
        if rang:
            leg(call, "109")
        logged = followed(call)
        assert logged.is_missed is is_missed, values
        if logged.answered_at:
            assert (logged.wait_seconds, logged.talk_seconds) == (0, 0)
    # Nobody sits there, and nobody's page looks.
    assert not PushMessage.objects.filter(topic="calls").exists()


# What is known later, and what is another's


def test_whoever_sat_there_took_part_whoever_sits_there_later(
    pbx: Pbx, anna: User, boris: User, cara: User
) -> None:
    call = stored(pbx, result="answered", answered_at=at(5))
    part, other = leg(call, "100", answered=5), leg(call, "101")
    followed(call)
    set_extensions(pbx, [("100", cara), ("101", None)], by=None)
    logged = followed(call)
    assert (logged.user, {one.user for one in logged.participants.all()}) == (anna, {anna, boris})
    assert {code for code in logged.audience if code[0] == "U"} == {f"U{anna.pk}", f"U{boris.pk}"}
    # A late word changes what is told of her part; what was none is gone.
    CallLeg.objects.filter(pk=part.pk).update(
        is_called=False, started_at=at(1), answered_at=at(4), ended_at=at(50)
    )
    other.delete()
    (hers,) = followed(call).participants.all()
    assert (hers.user, hers.is_called) == (anna, False)
    assert (hers.began_at, hers.answered_at, hers.ended_at) == (at(1), at(4), at(50))


def test_a_call_of_another_pbx_with_the_same_key_is_another(
    pbx: Pbx, anna: User, boris: User, cara: User
) -> None:
    branch = Pbx.objects.create(name="branch", host="pbx2.corp.test")
    set_extensions(branch, [("100", cara), ("101", cara)], by=None)
    elsewhere, call = stored(branch), stored(pbx)
    leg(elsewhere, "101")
    leg(call, "100")
    assert followed(call).call == call
    assert [part.user for part in followed(call).participants.all()] == [anna]
    assert [part.user for part in followed(elsewhere).participants.all()] == [cara]
    assert follow_call("office", "9.9") is None


def test_what_became_a_part_of_another_leaves_the_log_and_the_pages(
    pbx: Pbx, anna: User, boris: User
) -> None:
    whole, part = stored(pbx, "1.1", ended=None), stored(pbx, "2.1", ended=None)
    leg(whole, "100")
    leg(part, "101")
    first = followed(whole)
    followed(part)
    part.merged_into = whole
    part.save()
    assert follow_call("office", "2.1") is None
    assert LoggedCall.objects.get() == first
    message = PushMessage.objects.filter(topic="calls").latest("id")
    assert (message.audience, message.payload) == ([f"U{boris.pk}"], {"call": None})


# What follows from its end


def test_what_follows_from_the_end_waits_for_it_and_is_told_once(pbx: Pbx, anna: User) -> None:
    missed = miss(pbx)
    heard = len(told())
    play(pbx, "incoming_queue", facts=TALKING, later=HOUR)
    missed.refresh_from_db()
    assert (missed.settled_at, len(told())) == (None, heard)
    over = play(pbx, "incoming_queue", later=HOUR)
    missed.refresh_from_db()
    assert (missed.settled_at, missed.settled_by) == (over.ended_at, anna)
    assert [one["call_id"] for one in told()[heard:]] == [over.pk]


def test_who_is_called_back_in_vain_waits_on(pbx: Pbx, anna: User) -> None:
    store({CALL_BACK_WITHIN.key: 45})
    missed = followed(stored(pbx))
    by = datetime.fromisoformat(told()[0]["call_back_by"])
    assert by == BEGAN + timedelta(seconds=60, minutes=45)
    in_vain = stored(pbx, "2.1", direction="out", started_at=BEGAN + HOUR, ended=3700)
    leg(in_vain, "100", called=False)
    followed(in_vain)
    missed.refresh_from_db()
    assert missed.settled_at is None
    later: dict[str, Any] = {"started_at": BEGAN + 2 * HOUR, "answered_at": at(7300), "ended": 7400}
    reached = stored(pbx, "3.1", direction="out", result="answered", **later)
    leg(reached, "100", called=False)
    followed(reached)
    missed.refresh_from_db()
    assert (missed.settled_at, missed.settled_by) == (at(7400), anna)
