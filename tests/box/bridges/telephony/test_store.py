"""What is kept of calls, and what the portal hears of them."""

from __future__ import annotations

import csv
import threading
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.bridges.telephony import state
from box.bridges.telephony.actions import keep_calls, keep_rest, restore, save_pbx
from box.bridges.telephony.ami import Stalled
from box.bridges.telephony.bridge import Bridge
from box.bridges.telephony.calls import REMEMBERED, Calls
from box.bridges.telephony.facts import Channel, Fact, Kind, State
from box.bridges.telephony.models import Call, CallEvent, CallLeg, Pbx
from box.core.events.models import Event
from tests.box.bridges.telephony.test_calls import BEGIN, BUSY, CALLED, CALLER, fact, gone, seen
from tests.box.bridges.telephony.test_logs import rows_of
from tests.box.bridges.telephony.test_streams import AMI, CEL, summaries
from tests.telephony.replay import recorded, told
from tests.telephony.scenarios import SCENARIOS

pytestmark = pytest.mark.django_db


@pytest.fixture
def pbx() -> Pbx:
    made = Pbx(name="office", host="pbx.corp.test", is_on=True, lines=["PJSIP/line"])
    made.secret = "a-secret-for-tests-only"
    save_pbx(made, by=None)
    return made


def branch() -> Pbx:
    made = Pbx(name="branch", host="pbx2.corp.test", is_on=True)
    save_pbx(made, by=None)
    return made


def keep(pbx: Pbx, calls: Calls, facts: list) -> None:  # type: ignore[type-arg]
    keep_calls(pbx, calls, calls.feed(facts))


def test_a_call_to_a_queue_is_kept_with_its_participants_in_order(pbx: Pbx) -> None:
    keep(pbx, Calls("office"), AMI["incoming_queue"])
    call = Call.objects.get()
    assert (call.direction, call.number, call.called, call.queue) == (
        "in",
        "+79161234567",
        "4950000",
        "support",
    )
    assert (call.result, call.is_estimated) == ("answered", False)
    talked = call.legs.exclude(answered_at=None).order_by("answered_at")
    assert [leg.endpoint for leg in talked] == ["PJSIP/line", "PJSIP/100"]
    assert [line.kind for line in call.timeline.order_by("at", "id")][:3] == [
        "CallStarted", "CallQueued", "CallRinging",
    ]  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_kept_step_by_step_nothing_is_double(pbx: Pbx, name: str) -> None:
    """A bridge ends after every few facts; the next goes on with what it finds, and hears some twice."""
    facts = AMI[name]
    for begin in range(0, len(facts), 9):
        keep(pbx, restore(pbx, now=facts[begin].at), facts[max(0, begin - 4) : begin + 9])
    keep(pbx, restore(pbx, now=facts[-1].at), CEL[name])
    truth, happened = told(facts)
    assert {call.key for call in Call.objects.whole()} == {call.key for call in truth.over.values()}
    assert not Call.objects.going().exists()
    for call in truth.over.values():
        kept = Call.objects.get(key=call.key)
        assert (kept.result, kept.queue, kept.called) == (call.result, call.queue, call.called)
        assert {leg.uniqueid for leg in kept.legs.all()} == {
            leg.uniqueid for leg in call.legs.values() if not leg.is_local
        }
        assert kept.timeline.filter(kind="CallEnded").count() == 1
    kinds = [type(one).__name__ for one in happened]
    heard = list(Event.objects.filter(kind__startswith="telephony.Call").values_list("kind", flat=True))
    assert sorted(heard) == sorted(f"telephony.{kind}" for kind in kinds if kind.startswith("Call"))


def test_what_a_log_has_said_is_stored_with_how_far_it_is_read(pbx: Pbx) -> None:
    """Nobody is told that a Local channel is answered; what the call comes to hangs on it."""
    at, calls = timezone.now(), Calls("office")
    caller, called = Channel("1.1", "1.1", "Local/a@x-1;1"), Channel("1.2", "1.1", "Local/b@x-2;1")
    keep(pbx, calls, [Fact(Kind.SEEN, at, caller), Fact(Kind.SEEN, at, called)])
    assert calls.feed([Fact(Kind.SEEN, at, called, state=State.UP)]) == []
    keep_calls(pbx, calls, [], cursors={"cel": "1:100"})
    keep(pbx, restore(pbx, now=at), [Fact(Kind.GONE, at, caller), Fact(Kind.GONE, at, called)])
    assert Call.objects.get().result == "answered"
    assert Pbx.objects.get().cursors == {"cel": "1:100"}


@pytest.mark.parametrize(
    ("trouble", "is_stopped", "result"),
    [(False, False, "answered"), (True, False, "answered"), (False, True, "no answer")],
    ids=["other settings", "the line broke", "another's by now"],
)
def test_what_was_told_to_nobody_is_stored_as_a_session_ends(
    pbx: Pbx, monkeypatch: pytest.MonkeyPatch, trouble: bool, is_stopped: bool, result: str
) -> None:
    at, stopping = timezone.now(), threading.Event()
    caller, called = Channel("1.1", "1.1", "Local/a@x-1;1"), Channel("1.2", "1.1", "Local/b@x-2;1")
    keep(pbx, Calls("office"), [Fact(Kind.SEEN, at, caller), Fact(Kind.SEEN, at, called)])

    class Session(Bridge):
        def _listen(self, pbx: Pbx, calls: Calls, session: object) -> None:
            assert calls.feed([Fact(Kind.SEEN, at, called, state=State.UP)]) == []
            if is_stopped:
                stopping.set()
            if trouble:
                raise Stalled("It says nothing any more.")

    monkeypatch.setattr("box.bridges.telephony.bridge.Session", nullcontext)
    with suppress(Stalled):
        Session(pbx.pk, stopping)._serve(pbx)
    keep(pbx, restore(pbx, now=at), [Fact(Kind.GONE, at, caller), Fact(Kind.GONE, at, called)])
    assert Call.objects.get().result == result


@pytest.mark.parametrize(
    ("change", "heard"),
    [
        ({"prefixes": ["+79"]}, [[], ["+79"]]),
        ({"host": "other.corp.test"}, [[]]),
        ({"name": "branch"}, [[]]),
        ({"is_on": False}, [[]]),
    ],
    ids=["rules", "another host", "another name", "out of use"],
)
def test_a_session_goes_on_under_other_settings_of_the_same_pbx(
    pbx: Pbx, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], heard: list[list[str]]
) -> None:
    listened: list[list[str]] = []

    class Session(Bridge):
        def _listen(self, pbx: Pbx, calls: Calls, session: object) -> Pbx | None:
            listened.append(pbx.prefixes)
            if len(listened) > 1:
                return None
            Pbx.objects.filter(pk=pbx.pk).update(**change)
            return self._changed(pbx)

    Pbx.objects.filter(pk=pbx.pk).update(is_on=True, prefixes=[])
    monkeypatch.setattr("box.bridges.telephony.bridge.Session", nullcontext)
    Session(pbx.pk, threading.Event())._serve(Pbx.objects.get(pk=pbx.pk))
    assert listened == heard


def test_a_session_of_a_pbx_that_is_gone_stores_nothing(pbx: Pbx) -> None:
    at, calls = timezone.now(), Calls("office")
    calls.feed([Fact(Kind.SEEN, at, Channel("1.1", "1.1", "Local/a@x-1;1"))])
    branch()
    Pbx.objects.filter(pk=pbx.pk).delete()
    keep_rest(pbx, calls)
    assert not Call.objects.exists()


def test_a_call_that_became_part_of_another_is_told_of_there(pbx: Pbx) -> None:
    keep(pbx, Calls("office"), AMI["pickup"])
    whole = Call.objects.whole().get()
    assert [part.merged_into for part in Call.objects.exclude(pk=whole.pk)] == [whole]
    assert whole.timeline.filter(kind="CallAnswered").get().endpoint == "PJSIP/105"
    assert not Call.objects.exclude(pk=whole.pk).filter(legs__isnull=False).exists()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_call_is_the_same_when_it_was_kept_in_between(name: str) -> None:
    for cut in range(0, len(AMI[name]), 11):
        before, after = Calls("office"), Calls("office")
        before.feed(AMI[name][:cut])
        after.restore(
            state.load(call.key, state.dump(call)) for call in (*before.over.values(), *before.open.values())
        )
        after.feed(AMI[name][cut:])
        assert summaries(after) == summaries(told(AMI[name])[0])


def test_calls_long_over_are_not_taken_up_again(pbx: Pbx) -> None:
    keep(pbx, Calls("office"), AMI["busy"])
    ended = Call.objects.get().ended_at
    assert ended is not None
    assert restore(pbx, now=ended + REMEMBERED).over
    assert not restore(pbx, now=ended + REMEMBERED * 1.01).over


def test_how_far_the_logs_are_read_is_kept_with_what_they_told(pbx: Pbx) -> None:
    calls = Calls("office")
    keep_calls(pbx, calls, calls.feed(CEL["busy"]), cursors={"cel": "1:200"})
    assert Pbx.objects.get().cursors == {"cel": "1:200"}


def test_a_log_that_tells_of_hours_at_once_loses_none_of_their_calls(pbx: Pbx) -> None:
    """The box was away for a day of a small company: all of it is one reading."""
    calls = Calls("office")
    channels = [Channel(f"{hour}.1", f"{hour}.1", f"PJSIP/100-0000000{hour}") for hour in range(1, 4)]
    facts = [
        told
        for hour, one in enumerate(channels)
        for told in (seen(3600 * hour, one), gone(3600 * hour + 60, one))
    ]
    keep(pbx, calls, facts)
    assert list(Call.objects.order_by("key").values_list("key", "ended_at")) == [
        (f"{hour + 1}.1", BEGIN + timedelta(hours=hour, minutes=1)) for hour in range(3)
    ]
    assert Event.objects.filter(kind="telephony.CallEnded").count() == 3
    # What was stored and is long over is forgotten with the next that is heard.
    calls.feed([seen(3600 * 9, CALLER)])
    assert not calls.over


def test_of_what_no_row_has_room_for_the_beginning_is_kept(pbx: Pbx) -> None:
    calls = Calls("office")
    caller = Channel("1.1", "1.1", f"PJSIP/{'e' * 100}-00000001")
    keep(pbx, calls, [seen(0, caller), fact(Kind.RECORDED, 1, caller, text="f" * 1100)])
    call = Call.objects.get()
    endpoint = f"PJSIP/{'e' * 74}"
    assert (call.endpoint, call.legs.get().endpoint) == (endpoint, endpoint)
    assert call.timeline.get(kind="CallStarted").endpoint == endpoint
    assert call.timeline.get(kind="CallRecorded").text == "f" * 1000
    # Only what is over has come to something, and nothing is left to be stored.
    assert (call.result, calls.changed) == ("", set())


def test_what_becomes_known_of_a_channel_later_is_kept(pbx: Pbx) -> None:
    calls = Calls("office")
    keep(pbx, calls, [seen(0, CALLER), seen(5, Channel("1.2", "1.1", "PJSIP/101-00000002"))])
    masqueraded = Channel("1.2", "1.2", "PJSIP/102-00000009", number="102")
    keep(pbx, calls, [seen(3, masqueraded), seen(7, masqueraded, State.UP), gone(9, masqueraded, BUSY)])
    leg = CallLeg.objects.get(uniqueid="1.2")
    assert (leg.endpoint, leg.number, leg.is_called, leg.cause) == ("PJSIP/102", "102", False, BUSY)
    moments = (leg.started_at, leg.answered_at, leg.ended_at)
    assert moments == tuple(BEGIN + timedelta(seconds=seconds) for seconds in (3, 7, 9))


def test_what_was_kept_of_calls_that_became_one_is_the_whole_ones(pbx: Pbx) -> None:
    calls = Calls("office")
    first, second, third, apart = (
        Channel(f"{number}.1", f"{number}.1", f"PJSIP/10{number}-00000001") for number in (1, 2, 3, 9)
    )
    keep(pbx, calls, [seen(0, first), seen(1, second), seen(2, third), seen(3, apart), gone(4, third)])
    keep(pbx, calls, [seen(5, Channel("3.1", "2.1", third.name))])
    keep(pbx, calls, [seen(6, Channel("2.1", "1.1", second.name))])
    rows = {call.key: call for call in Call.objects.all()}
    whole = rows["1.1"]
    assert [rows[key].merged_into for key in ("1.1", "2.1", "3.1", "9.1")] == [None, whole, whole, None]
    assert (rows["2.1"].ended_at, rows["3.1"].ended_at) == (BEGIN, BEGIN + timedelta(seconds=4))
    assert (rows["2.1"].state, rows["3.1"].state) == ({}, {})
    assert set(whole.legs.values_list("uniqueid", flat=True)) == {"1.1", "2.1", "3.1"}
    assert whole.timeline.filter(kind="CallStarted").count() == 3
    for part in (rows["2.1"], rows["3.1"]):
        assert not part.legs.exists()
        assert not part.timeline.exists()
    assert (rows["9.1"].legs.count(), rows["9.1"].timeline.get().kind) == (1, "CallStarted")


def test_a_call_has_one_end_and_none_while_it_goes_on_again(pbx: Pbx) -> None:
    calls = Calls("office")
    lost = fact(Kind.GONE, 1, CALLER, is_estimated=True)
    keep(pbx, calls, [seen(0, CALLER), lost, gone(2, CALLER)])
    ends = CallEvent.objects.filter(kind="CallEnded")
    assert ends.get().at == BEGIN + timedelta(seconds=2)
    keep(pbx, calls, [seen(3, CALLED)])
    assert not ends.exists()
    keep(pbx, calls, [gone(4, CALLED)])
    assert ends.get().at == BEGIN + timedelta(seconds=4)


def test_who_answered_after_all_did_not_let_it_ring_in_vain(pbx: Pbx) -> None:
    other = branch()
    rang = [seen(0, CALLER), seen(1, CALLED), gone(2, CALLED)]
    keep(other, Calls("branch"), rang)
    calls = Calls("office")
    keep(pbx, calls, rang)
    in_vain = CallEvent.objects.filter(kind="CallRingingEnded")
    assert set(in_vain.values_list("call__pbx__name", "leg")) == {("office", "1.2"), ("branch", "1.2")}
    # The log knows more than was heard. Of another PBX's channel with this number it says nothing.
    keep(pbx, calls, [seen(1.5, CALLED, State.UP)])
    assert in_vain.get().call.pbx == other
    assert CallEvent.objects.get(kind="CallAnswered").call.pbx == pbx


def test_who_rang_in_vain_and_answered_is_told_at_once_to_have_answered(pbx: Pbx) -> None:
    keep(
        pbx, Calls("office"), [seen(0, CALLER), seen(1, CALLED), gone(2, CALLED), seen(1.5, CALLED, State.UP)]
    )
    kinds = [line.kind for line in Call.objects.get().timeline.order_by("id")]
    assert kinds == ["CallStarted", "CallRinging", "CallAnswered"]


def test_a_bridge_goes_on_with_the_calls_of_its_own_pbx_by_their_ends(pbx: Pbx) -> None:
    calls = Calls("office")
    one, other = Channel("1.1", "1.1", "PJSIP/101-00000001"), Channel("2.1", "2.1", "PJSIP/102-00000001")
    keep(branch(), Calls("branch"), [seen(0, CALLER)])
    keep(pbx, calls, [seen(0, one), seen(1, other)])
    keep(pbx, calls, [gone(9, one)])
    keep(pbx, calls, [gone(5, other)])
    # No bridge has told of it.
    Call.objects.create(pbx=pbx, key="8.1", started_at=BEGIN)
    known = restore(pbx, now=BEGIN)
    assert (list(known.over), list(known.open)) == (["2.1", "1.1"], [])


def test_many_calls_are_kept_in_few_statements(pbx: Pbx) -> None:
    def queries(*names: str) -> int:
        calls = Calls("office")
        happened = calls.feed([fact for name in names for fact in AMI[name]])
        with CaptureQueriesContext(
            connection,
        ) as counted:
            keep_calls(pbx, calls, happened)
        return len(counted)

    queries("busy")
    assert queries("cancelled", "hold", "outgoing", "silent_phone") == queries("answered_by_the_pbx")


def test_two_pbxs_may_have_calls_of_one_key(pbx: Pbx) -> None:
    other = Pbx(name="warehouse", host="pbx2.corp.test")
    save_pbx(other, by=None)
    for one in (pbx, other):
        keep(one, Calls(one.name), AMI["busy"])
    assert Call.objects.count() == 2


def test_the_secret_is_sealed(pbx: Pbx) -> None:
    assert "a-secret" not in Pbx.objects.get().secret_sealed
    assert Pbx.objects.get().address.secret == "a-secret-for-tests-only"
    assert "a-secret" not in repr(pbx.address)


def test_a_pbx_without_an_address_is_not_saved() -> None:
    with pytest.raises(ValidationError):
        save_pbx(Pbx(name="office", host=""), by=None)


class _Silent:
    """A session in which nothing is heard."""

    def events(self, *, within: float = 0) -> list[Any]:
        return []


def test_records_tell_nothing_anew_of_calls_that_events_have_told_and_that_are_forgotten(
    pbx: Pbx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an interruption the events of hours are read, and then the records of these hours."""
    events, records = tmp_path / "cel.csv", tmp_path / "cdr.csv"
    pbx.logs, pbx.cel_path, pbx.cdr_path = Pbx.Logs.CSV, str(events), str(records)
    events.touch()
    records.touch()
    bridge, calls = Bridge(pbx.pk, threading.Event()), Calls(pbx.name)
    bridge._read_logs(pbx, calls, _Silent())  # type: ignore[arg-type]
    first = recorded("busy", "cel")
    monkeypatch.setattr("box.bridges.telephony.logs.MOST_BYTES", len(first.encode()))
    with events.open("a") as file:
        file.write(first)
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
            row.values() for row in rows_of("cancelled", later=timedelta(hours=1))
        )
    records.write_text(recorded("busy", "cdr") + recorded("silent_phone", "cdr"))
    bridge._read_logs(pbx, calls, _Silent())  # type: ignore[arg-type]
    told_of = [one["call"] for one in payloads("CallStarted")]
    keys = [next(iter(told(AMI[name])[0].over)) for name in ("busy", "cancelled", "silent_phone")]
    # Of the last one the events say nothing.
    assert told_of == keys
    assert keys[0] not in calls.over


def payloads(kind: str) -> list[dict[str, Any]]:
    heard = Event.objects.filter(kind=f"telephony.{kind}").order_by("id")
    return list(heard.values_list("payload", flat=True))
