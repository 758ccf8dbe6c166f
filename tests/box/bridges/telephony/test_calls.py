"""The rules of the state machine one by one, in facts that no recorded call brings together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from box.bridges.telephony import calls as state_machine
from box.bridges.telephony import events, state
from box.bridges.telephony.calls import REMEMBERED, Calls, Result
from box.bridges.telephony.facts import Channel, Fact, Kind, State

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
CALLER = Channel("1.1", "1.1", "PJSIP/100-00000001", number="100", exten="101")
CALLED = Channel("1.2", "1.1", "PJSIP/101-00000002", number="101")
OTHER = Channel("1.3", "1.1", "PJSIP/102-00000003", number="102")
NORMAL, BUSY, UNREACHABLE = 16, 17, 20


def fact(kind: Kind, seconds: float, channel: Channel, **more: Any) -> Fact:
    return Fact(kind, BEGIN + timedelta(seconds=seconds), channel, **more)


def seen(seconds: float, channel: Channel, state: State = State.RINGING) -> Fact:
    return fact(Kind.SEEN, seconds, channel, state=state)


def gone(seconds: float, channel: Channel, cause: int = NORMAL) -> Fact:
    return fact(Kind.GONE, seconds, channel, cause=cause)


def of_kind(happened: list[events.CallEvent], kind: type[events.CallEvent]) -> list[Any]:
    return [one for one in happened if type(one) is kind]


@pytest.fixture
def calls() -> Calls:
    return Calls("pbx")


@pytest.fixture
def talking(calls: Calls) -> Calls:
    """100 talks to 101, who answered after two seconds."""
    calls.feed([seen(0, CALLER), seen(1, CALLED), seen(2, CALLED, State.UP)])
    return calls


# Ringing


@pytest.mark.parametrize(
    ("cause", "is_answered", "reason"),
    [
        (NORMAL, False, "no answer"),
        (NORMAL, True, "elsewhere"),
        (BUSY, True, "busy"),
        (UNREACHABLE, True, "failed"),
        (21, False, "rejected"),
        (23, False, "forwarded"),
        (26, False, "elsewhere"),
    ],
)
def test_why_a_telephone_rings_no_more(cause: int, is_answered: bool, reason: str, calls: Calls) -> None:
    calls.feed([seen(0, CALLER), seen(1, CALLED), seen(1, OTHER)])
    if is_answered:
        calls.feed([seen(2, OTHER, State.UP)])
    (ended,) = of_kind(calls.feed([gone(3, CALLED, cause)]), events.CallRingingEnded)
    assert (ended.leg, ended.endpoint, ended.reason) == ("1.2", "PJSIP/101", reason)


def test_a_telephone_that_forwards_without_a_cause_is_known_by_the_moment(calls: Calls) -> None:
    calls.feed([seen(0, CALLER), seen(1, CALLED), seen(1, OTHER)])
    calls.feed([fact(Kind.FORWARDED, 3, CALLED, text="200")])
    (at_once,) = of_kind(calls.feed([gone(3.5, CALLED, 0)]), events.CallRingingEnded)
    (later,) = of_kind(calls.feed([gone(4, OTHER, 0)]), events.CallRingingEnded)
    assert (at_once.reason, later.reason) == ("forwarded", "no answer")


def test_who_talked_leaves_and_who_rang_does_not(talking: Calls) -> None:
    happened = talking.feed([seen(3, OTHER), gone(4, OTHER), gone(5, CALLED)])
    assert [one.leg for one in of_kind(happened, events.CallLeft)] == ["1.2"]
    assert [one.leg for one in of_kind(happened, events.CallRingingEnded)] == ["1.3"]


def test_the_first_answer_counts_and_each_telephone_answers_once(talking: Calls) -> None:
    happened = talking.feed([seen(3, OTHER, State.UP), seen(4, CALLED, State.UP)])
    assert [one.leg for one in of_kind(happened, events.CallAnswered)] == ["1.3"]
    call = talking.call("1.1")
    assert call is not None
    assert call.answered_at == BEGIN + timedelta(seconds=2)
    # What is told late was earlier all the same.
    talking.feed([seen(1.5, CALLED, State.UP)])
    assert (call.answered_at, call.legs["1.2"].answered_at) == (BEGIN + timedelta(seconds=1.5),) * 2
    talking.feed([seen(9, CALLED, State.UP)])
    assert call.legs["1.2"].answered_at == BEGIN + timedelta(seconds=1.5)


def test_a_channel_that_began_a_call_of_its_own_was_not_called(calls: Calls) -> None:
    own = Channel("1.5", "1.5", "PJSIP/105-00000005")
    calls.feed([seen(0, CALLER), seen(1, Channel("1.5", "1.1", own.name)), seen(2, own)])
    assert not of_kind(calls.feed([seen(3, own, State.UP)]), events.CallAnswered)


def test_what_was_said_first_is_what_was_dialled(calls: Calls) -> None:
    calls.feed([seen(5, Channel("1.1", "1.1", CALLER.name, exten="transferred", number="100"))])
    calls.feed([seen(0, CALLER), seen(6, Channel("1.1", "1.1", CALLER.name, exten="later", number="7"))])
    call = calls.call("1.1")
    assert call is not None
    assert (call.called, call.caller, call.started_at) == ("101", "100", BEGIN)


def test_what_was_said_at_one_moment_counts_as_it_was_said_first(calls: Calls) -> None:
    calls.feed([seen(0, CALLER), seen(0, Channel("1.1", "1.1", "", exten="later", number="7"))])
    call = calls.call("1.1")
    assert call is not None
    # Without a name it is called as before.
    assert (call.called, call.caller, call.endpoint) == ("101", "100", "PJSIP/100")


def test_a_fact_that_names_no_call_is_of_its_channels_own(talking: Calls) -> None:
    talking.feed([gone(3, Channel("1.2", "", CALLED.name))])
    call = talking.call("1.1")
    assert call is not None
    assert (list(talking.open), call.legs["1.2"].ended_at) == (["1.1"], BEGIN + timedelta(seconds=3))
    assert call.parts == set()


def test_a_call_comes_from_the_channel_that_it_is_named_by_or_else_from_whoever_was_not_called(
    calls: Calls,
) -> None:
    calls.feed([seen(0, CALLED), seen(1, Channel("1.4", "1.1", "Local/200@hunt-00000001;2", number="200"))])
    call = calls.call("1.1")
    assert call is not None
    assert (call.caller, call.endpoint) == ("200", "Local/200@hunt")
    calls.feed([seen(2, CALLER)])
    assert (call.caller, call.endpoint) == ("100", "PJSIP/100")


def test_of_whom_nothing_was_heard_but_that_they_were_called_nobody_knows_why_it_ended(calls: Calls) -> None:
    (ended,) = of_kind(calls.feed([seen(1, CALLED), gone(2, CALLED, BUSY)]), events.CallEnded)
    assert (ended.result, ended.cause) == ("busy", 0)


@pytest.mark.parametrize(
    ("cause", "result"), [(UNREACHABLE, Result.FAILED), (NORMAL, Result.NO_ANSWER), (BUSY, Result.NO_ANSWER)]
)
def test_a_call_has_failed_where_every_telephone_has(calls: Calls, cause: int, result: Result) -> None:
    failures = sorted(state_machine._FAILURES)
    legs = [Channel(f"1.{10 + one}", "1.1", f"PJSIP/1{one:02}-00000001") for one in failures]
    calls.feed([seen(0, CALLER), seen(1, OTHER), *(seen(1, leg) for leg in legs)])
    calls.feed([gone(2, leg, failed) for leg, failed in zip(legs, failures, strict=True)])
    calls.feed([gone(2, OTHER, cause)])
    assert calls.open["1.1"].result == result


# Taken up by somebody else


def test_whoever_picks_up_answers_and_leaves(calls: Calls) -> None:
    picker = Channel("2.1", "2.1", "PJSIP/103-00000004")
    calls.feed([seen(0, CALLER), seen(1, CALLED), seen(2, picker)])
    happened = calls.feed([fact(Kind.PICKED_UP, 3, picker, other=CALLED)])
    (ringing,) = of_kind(happened, events.CallRingingEnded)
    assert (ringing.leg, ringing.reason) == ("1.2", "elsewhere")
    (merged,) = of_kind(happened, events.CallMerged)
    assert (merged.call, merged.into) == ("2.1", "1.1")
    (answered,) = of_kind(happened, events.CallAnswered)
    assert (answered.call, answered.leg) == ("1.1", "2.1")
    # What is still to be stored is the whole.
    assert "1.1" in calls.changed
    happened = calls.feed([gone(4, CALLED, 26), gone(9, picker), gone(9, CALLER)])
    assert [one.leg for one in of_kind(happened, events.CallLeft)] == ["2.1"]
    assert [one.result for one in of_kind(happened, events.CallEnded)] == ["answered"]


def test_whoever_picks_up_what_nobody_has_heard_of_answers_all_the_same(calls: Calls) -> None:
    picker = Channel("2.1", "2.1", "PJSIP/103-00000004")
    unknown = Channel("9.9", "9.9", "PJSIP/999-00000009")
    happened = calls.feed([seen(2, picker), fact(Kind.PICKED_UP, 3, picker, other=unknown)])
    assert [(one.call, one.leg) for one in of_kind(happened, events.CallAnswered)] == [("2.1", "2.1")]
    assert not of_kind(calls.feed([fact(Kind.PICKED_UP, 4, picker)]), events.CallAnswered)


def test_whoever_picks_up_talks_since_they_have_been_on_the_line(calls: Calls) -> None:
    picker = Channel("2.1", "2.1", "PJSIP/103-00000004")
    calls.feed([seen(0, CALLER), seen(1, CALLED), seen(2, picker, State.UP)])
    calls.changed.clear()
    # Of what they take up only the call may be known.
    unheard = Channel("9.9", "1.1", "PJSIP/999-00000009")
    happened = calls.feed([fact(Kind.PICKED_UP, 3, picker, other=unheard)])
    assert [(one.call, one.leg) for one in of_kind(happened, events.CallAnswered)] == [("1.1", "2.1")]
    call = calls.call("1.1")
    assert call is not None
    assert call.legs["2.1"].answered_at == BEGIN + timedelta(seconds=2)
    assert calls.changed == {"1.1"}


@pytest.mark.parametrize("other", [None, Channel("9.9", "9.9", "PJSIP/999-00000009")])
def test_who_is_taken_out_by_nobody_that_is_known_is_in_the_parking_lot_no_more(
    other: Channel | None, talking: Calls
) -> None:
    talking.feed([fact(Kind.PARKED, 3, CALLER)])
    assert not talking.feed([fact(Kind.RETRIEVED, 7, CALLER, other=other)])
    assert of_kind(talking.feed([fact(Kind.HELD, 9, CALLER)]), events.CallHeld)


def test_whoever_has_hung_up_meanwhile_took_somebody_out_of_the_parking_lot_all_the_same(
    talking: Calls,
) -> None:
    taker, another = (
        Channel(f"{number}.1", f"{number}.1", f"PJSIP/10{number}-0000000{number}") for number in (3, 4)
    )
    talking.feed([fact(Kind.PARKED, 3, CALLER), seen(6, taker), seen(6.5, another), gone(8, taker)])
    happened = talking.feed([fact(Kind.RETRIEVED, 7, CALLER, other=Channel("?", "?", taker.name))])
    assert [one.leg for one in of_kind(happened, events.CallAnswered)] == ["3.1"]


def test_a_call_that_was_over_goes_on_with_whom_it_was_taken_up_by(calls: Calls) -> None:
    taker = Channel("2.1", "2.1", "PJSIP/103-00000004")
    calls.feed([seen(0, CALLER), gone(1, CALLER), seen(2, taker)])
    happened = calls.feed([fact(Kind.RETRIEVED, 3, taker, other=CALLER)])
    assert [one.call for one in of_kind(happened, events.CallReopened)] == ["1.1"]
    assert (list(calls.open), list(calls.over)) == (["1.1"], [])


def test_who_is_taken_out_of_the_parking_lot_may_be_put_on_hold_again(talking: Calls) -> None:
    talking.feed([fact(Kind.PARKED, 3, CALLER)])
    # Who waits there hears music as well.
    assert talking.feed([fact(Kind.HELD, 4, CALLER), fact(Kind.PARKED, 5, CALLER)]) == []
    taker = Channel("3.1", "3.1", "PJSIP/104-00000005")
    # Of a channel the name may be all that is known.
    talking.feed([seen(6, taker)])
    happened = talking.feed([fact(Kind.RETRIEVED, 7, CALLER, other=Channel("?", "?", taker.name))])
    assert [one.leg for one in of_kind(happened, events.CallAnswered)] == ["3.1"]
    assert [one.into for one in of_kind(happened, events.CallMerged)] == ["1.1"]
    (held,) = talking.feed([fact(Kind.HELD, 20, CALLER)])
    assert type(held) is events.CallHeld


def test_a_name_that_is_given_anew_is_the_latest_that_was_there_by_then(calls: Calls) -> None:
    old, new = (Channel(f"{number}.1", f"{number}.1", "PJSIP/104-00000005") for number in (1, 2))
    parked = Channel("3.1", "3.1", "PJSIP/100-00000001")
    calls.feed(
        [seen(0, old), gone(1, old), seen(5, new), seen(3, parked), seen(9, Channel("4", "4", old.name))]
    )
    happened = calls.feed([fact(Kind.RETRIEVED, 5, parked, other=Channel("?", "?", old.name))])
    assert [(one.call, one.into) for one in of_kind(happened, events.CallMerged)] == [("3.1", "2.1")]


def test_a_channel_is_found_by_its_number_whatever_it_is_called_by_now(talking: Calls) -> None:
    taker = Channel("3.1", "3.1", "PJSIP/104-00000005")
    talking.feed([seen(6, taker)])
    renamed = Channel("3.1", "3.1", "PJSIP/104-00000099")
    happened = talking.feed([fact(Kind.RETRIEVED, 7, CALLER, other=renamed)])
    assert [one.leg for one in of_kind(happened, events.CallAnswered)] == ["3.1"]


@pytest.mark.parametrize("other", [None, Channel("9.9", "9.9", "PJSIP/999-00000009"), CALLED])
def test_a_transfer_is_told_though_nothing_is_known_of_the_second_call(
    other: Channel | None, talking: Calls
) -> None:
    happened = talking.feed([fact(Kind.ATTENDED_TRANSFER, 3, CALLER, other=other, text="102")])
    (told,) = of_kind(happened, events.CallTransferred)
    assert (told.call, told.by, told.to, told.is_attended) == ("1.1", "PJSIP/100", "102", True)


def test_with_an_attended_transfer_two_calls_are_one(talking: Calls) -> None:
    second = Channel("5.1", "5.1", "PJSIP/101-00000006")
    talking.feed([seen(3, second), fact(Kind.RECORDED, 4, second, text="b.wav")])
    happened = talking.feed([fact(Kind.ATTENDED_TRANSFER, 5, CALLED, other=second, text="102")])
    (merged,), (told,) = (of_kind(happened, kind) for kind in (events.CallMerged, events.CallTransferred))
    assert (merged.call, merged.into, told.call) == ("5.1", "1.1", "1.1")
    call = talking.call("5.1")
    assert call is not None
    assert (call.key, call.recordings, set(call.legs)) == ("1.1", ["b.wav"], {"1.1", "1.2", "5.1"})
    assert not of_kind(talking.feed([gone(6, CALLER), gone(6, CALLED)]), events.CallEnded)
    assert of_kind(talking.feed([gone(7, second)]), events.CallEnded)


# Two calls that are one


def test_an_older_call_of_which_nothing_was_heard_is_the_same_under_its_right_key(calls: Calls) -> None:
    calls.feed([seen(0, Channel("2.1", "2.1", CALLER.name))])
    happened = calls.feed([seen(1, Channel("2.1", "1.7", CALLER.name))])
    assert [one.call for one in of_kind(happened, events.CallStarted)] == ["1.7"]
    assert [(one.call, one.into) for one in of_kind(happened, events.CallMerged)] == [("2.1", "1.7")]
    call = calls.call("2.1")
    assert call is not None
    assert (call.key, call.parts, list(calls.open)) == ("1.7", {"2.1"}, ["1.7"])


def test_a_call_that_was_over_becomes_a_part_of_the_one_that_goes_on(talking: Calls) -> None:
    over = Channel("6.1", "6.1", "PJSIP/105-00000007")
    talking.feed([seen(3, over), fact(Kind.QUEUED, 3, over, text="sales"), gone(4, over)])
    talking.feed([seen(3, Channel("6.1", "1.1", over.name))])
    call = talking.call("6.1")
    assert call is not None
    assert (call.key, call.queue, "6.1" in call.legs) == ("1.1", "sales", True)
    assert call.is_open


def test_a_call_that_was_over_goes_on_with_what_becomes_a_part_of_it(calls: Calls) -> None:
    later = Channel("7.1", "7.1", "PJSIP/105-00000007")
    calls.feed([seen(0, CALLER), gone(1, CALLER), seen(2, later)])
    happened = calls.feed([seen(3, Channel("7.1", "1.1", later.name))])
    assert [one.call for one in of_kind(happened, events.CallReopened)] == ["1.1"]
    assert list(calls.open) == ["1.1"]


def test_two_that_are_over_and_were_one_are_one_and_stay_over(calls: Calls) -> None:
    first, second = (Channel(f"{number}.1", f"{number}.1", f"PJSIP/10{number}-00000001") for number in (1, 2))
    calls.feed([seen(0, first), seen(0, second), gone(1, first), gone(2, second)])
    happened = calls.feed([seen(1, Channel("2.1", "1.1", second.name))])
    assert [(one.call, one.into) for one in of_kind(happened, events.CallMerged)] == [("2.1", "1.1")]
    assert not of_kind(happened, events.CallReopened)
    assert not calls.open
    call = calls.call("2.1")
    assert call is not None
    assert call.ended_at == BEGIN + timedelta(seconds=2)


def test_of_two_that_become_one_the_first_answer_and_the_first_moment_are_kept(talking: Calls) -> None:
    caller, called = Channel("5.1", "5.1", "PJSIP/105-00000005"), Channel("5.2", "5.1", "PJSIP/106-00000006")
    talking.feed([seen(-5, caller), seen(-4, called), seen(-3, called, State.UP)])
    talking.feed([seen(4, Channel("5.1", "1.1", caller.name))])
    call = talking.call("5.1")
    assert call is not None
    assert (call.key, call.started_at, call.answered_at) == (
        "1.1", BEGIN - timedelta(seconds=5), BEGIN - timedelta(seconds=3)
    )  # fmt: skip


def test_of_those_that_become_one_all_parts_the_queue_and_what_was_told_are_the_wholes(
    talking: Calls,
) -> None:
    second, third = (
        Channel(f"{number}.1", f"{number}.1", f"PJSIP/10{number}-0000000{number}") for number in (5, 6)
    )
    joined = fact(Kind.CONFERENCE, 4, third, text="500")
    talking.feed([fact(Kind.QUEUED, 3, CALLER, text="sales"), seen(3, second), seen(3, third), joined])
    talking.feed([seen(5, Channel("6.1", "5.1", third.name)), seen(6, Channel("5.1", "1.1", second.name))])
    call = talking.call("6.1")
    assert call is not None
    assert (call.key, call.parts, call.queue) == ("1.1", {"5.1", "6.1"}, "sales")
    assert not talking.feed([fact(Kind.CONFERENCE, 4.5, third, text="500")])


def test_a_key_without_a_number_is_older_than_what_began_later(calls: Calls) -> None:
    older, later = Channel("5", "5", "PJSIP/105-00000005"), Channel("7.1", "7.1", "PJSIP/107-00000007")
    calls.feed([seen(0, older), seen(1, later)])
    happened = calls.feed([seen(2, Channel("5", "7.1", older.name))])
    assert [(one.call, one.into) for one in of_kind(happened, events.CallMerged)] == [("7.1", "5")]


# What is told once, and how much


def test_a_recording_is_told_once_and_so_many_of_a_call(
    talking: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    happened = talking.feed(
        [fact(Kind.RECORDED, number, CALLER, text=text) for number, text in enumerate("aabc", 3)]
    )
    assert [one.file for one in of_kind(happened, events.CallRecorded)] == ["a", "b"]
    call = talking.call("1.1")
    assert call is not None
    assert call.recordings == ["a", "b"]


def test_who_puts_on_hold_without_end_is_told_so_many_times(
    talking: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    happened = talking.feed(
        fact(kind, 10 * turn + more, CALLER)
        for turn in range(1, 5)
        for kind, more in ((Kind.HELD, 0), (Kind.RESUMED, 5))
    )
    assert len(of_kind(happened, events.CallHeld)) == len(of_kind(happened, events.CallResumed)) == 2


@pytest.mark.parametrize(("apart", "times"), [(0.9, 1), (1, 2)])
def test_what_both_streams_tell_within_a_second_happened_once(
    apart: float, times: int, talking: Calls
) -> None:
    told = [fact(Kind.CONFERENCE, 3 + number * apart, CALLED, text="500") for number in range(2)]
    assert len(of_kind(talking.feed(told), events.ConferenceJoined)) == times
    # Another room is another thing, and so is somebody else.
    others = [fact(Kind.CONFERENCE, 3, CALLED, text="501"), fact(Kind.CONFERENCE, 3, CALLER, text="500")]
    assert len(of_kind(talking.feed(others), events.ConferenceJoined)) == 2


def test_who_waits_already_is_put_on_hold_once_and_nobody_is_that_no_telephone_has(talking: Calls) -> None:
    held = [fact(Kind.HELD, seconds, CALLER) for seconds in (3, 10)]
    assert len(of_kind(talking.feed(held), events.CallHeld)) == 1
    local = Channel("1.4", "1.1", "Local/200@hunt-00000001;1")
    assert not of_kind(talking.feed([seen(11, local), fact(Kind.HELD, 12, local)]), events.CallHeld)


def test_transfers_by_others_and_to_others_are_others(talking: Calls) -> None:
    said = ((3, CALLER, "102"), (3.2, CALLED, "102"), (3.4, CALLED, "103"), (3.6, CALLED, "103"))
    happened = talking.feed(fact(Kind.BLIND_TRANSFER, at, by, text=to) for at, by, to in said)
    told = [(one.by, one.to) for one in of_kind(happened, events.CallTransferred)]
    assert told == [("PJSIP/100", "102"), ("PJSIP/101", "102"), ("PJSIP/101", "103")]


def test_who_left_the_queue_may_enter_it_again(calls: Calls) -> None:
    calls.feed([seen(0, CALLER)])
    happened = calls.feed(
        [
            fact(Kind.QUEUED, 1, CALLER, text="sales"), fact(Kind.QUEUED, 5, CALLER, text="sales"),
            fact(Kind.UNQUEUED, 6, CALLER), fact(Kind.QUEUED, 9, CALLER, text="help"),
        ]
    )  # fmt: skip
    assert [one.queue for one in of_kind(happened, events.CallQueued)] == ["sales", "help"]
    call = calls.call("1.1")
    assert call is not None
    assert call.queue == "help"


# How it ends, and how long it is known


def test_one_channel_whose_end_is_estimated_makes_the_call_so(talking: Calls) -> None:
    talking.feed([gone(5, CALLED)])
    happened = talking.reconcile([], known=talking.channels(), at=BEGIN + timedelta(minutes=1))
    assert [one.is_estimated for one in of_kind(happened, events.CallEnded)] == [True]


def test_what_is_on_the_list_is_there_and_what_is_not_has_ended_after_it_began(calls: Calls) -> None:
    calls.feed([seen(9, CALLER)])
    there = seen(10, Channel("2.1", "2.1", "PJSIP/103-00000004"))
    calls.reconcile([there], known=calls.channels(), at=BEGIN + timedelta(seconds=5))
    assert list(calls.open) == ["2.1"]
    over = calls.call("1.1")
    assert over is not None
    assert (over.started_at, over.ended_at) == (BEGIN + timedelta(seconds=9),) * 2
    # Another estimate is no better.
    assert not calls.feed([fact(Kind.GONE, 60, CALLER, is_estimated=True)])
    assert over.ended_at == BEGIN + timedelta(seconds=9)


def test_a_call_that_goes_on_again_is_open_and_its_end_is_told_anew(calls: Calls) -> None:
    calls.feed([seen(0, CALLER), gone(1, CALLER)])
    assert of_kind(calls.feed([seen(0.5, CALLED)]), events.CallReopened)
    call = calls.call("1.1")
    assert call is not None
    assert (call.is_open, list(calls.open), list(calls.over)) == (True, ["1.1"], [])
    # Though it is the same as before.
    (ended,) = of_kind(calls.feed([gone(0.9, CALLED)]), events.CallEnded)
    assert ended.at == BEGIN + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("BUSY", Result.BUSY),
        ("CONGESTION", Result.FAILED),
        ("NOANSWER", Result.NO_ANSWER),
        ("", Result.NO_ANSWER),
    ],
)
def test_what_is_behind_a_local_channel_says_how_it_was_dialled(
    status: str, result: Result, calls: Calls
) -> None:
    local = Channel("1.4", "1.1", "Local/200@hunt-00000001;1")
    calls.feed([seen(0, CALLER), seen(1, local), fact(Kind.DIALLED, 2, CALLER, text=status)])
    calls.feed([gone(3, local), gone(3, CALLER)])
    call = calls.call("1.1")
    assert call is not None
    assert call.result == result
    # A telephone behind it is what counts.
    calls.feed([seen(0, OTHER), gone(3, OTHER, NORMAL)])
    assert call.result == Result.NO_ANSWER


def test_whoever_was_called_behind_a_local_channel_says_how_it_ended(calls: Calls) -> None:
    local, inner = (Channel(f"1.{half}", "1.1", f"Local/200@hunt-00000001;{half - 3}") for half in (4, 5))
    # The PBX has answered, and its dialplan has called nobody.
    calls.feed([seen(0, CALLER, State.UP), seen(1, inner), gone(3, inner), gone(3, CALLER)])
    call = calls.call("1.1")
    assert call is not None
    results = [call.result]
    for further in ([seen(1, local), gone(3, local)], [seen(1, OTHER), gone(3, OTHER, BUSY)]):
        calls.feed(further)
        results.append(call.result)
    assert results == [Result.BY_PBX, Result.NO_ANSWER, Result.BUSY]


def test_a_menu_has_taken_a_call_in_which_nobody_was_called(calls: Calls) -> None:
    calls.feed([seen(0, CALLER, State.UP), gone(3, CALLER)])
    queued = Channel("8.1", "8.1", "PJSIP/100-00000009")
    calls.feed([seen(0, queued, State.UP), fact(Kind.QUEUED, 1, queued, text="sales"), gone(3, queued)])
    busy = Channel("8.2", "8.2", "PJSIP/100-00000010")
    calls.feed([seen(0, busy), gone(3, busy, BUSY)])
    assert [call.result for call in calls.over.values()] == [Result.BY_PBX, Result.NO_ANSWER, Result.BUSY]


def test_what_is_over_is_known_for_a_quarter_of_an_hour(calls: Calls) -> None:
    calls.feed([seen(0, CALLER), gone(1, CALLER)])
    just = REMEMBERED.total_seconds()
    calls.feed([seen(just, Channel("2.1", "2.1", "PJSIP/200-00000001"))])
    assert calls.call("1.1") is not None
    calls.feed([seen(just + 1, Channel("3.1", "3.1", "PJSIP/200-00000002"))])
    assert calls.call("1.1") is None
    # Its channel may be another call's now.
    calls.feed([seen(just + 2, Channel("1.1", "9.1", "PJSIP/200-00000003"))])
    assert calls.call("9.1") is not None
    assert calls.call("1.1") is None


def test_with_a_call_all_is_forgotten_that_it_was_known_by(calls: Calls) -> None:
    part = Channel("2.1", "2.1", "PJSIP/103-00000004")
    calls.feed([seen(0, CALLER), seen(0, part), seen(1, Channel("2.1", "1.1", part.name))])
    calls.feed([gone(2, CALLER), gone(2, part)])
    later = REMEMBERED.total_seconds() + 9
    calls.feed([seen(later, Channel("9.1", "9.1", "PJSIP/200-00000001"))])
    assert "1.1" not in calls.changed
    # Its key may be another call's now.
    calls.feed([seen(later, part)])
    assert list(calls.open) == ["9.1", "2.1"]


def test_of_too_many_that_are_over_the_oldest_is_forgotten(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_machine, "MAX_REMEMBERED", 2)
    for number in range(3):
        channel = Channel(f"{number}.1", f"{number}.1", f"PJSIP/100-0000000{number}")
        calls.feed([seen(number, channel), gone(number, channel)])
    assert list(calls.over) == ["1.1", "2.1"]


def test_so_many_calls_are_followed_at_a_time_and_so_many_channels_of_each(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_machine, "MAX_OPEN", 2)
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    for number in range(3):
        calls.feed([seen(0, Channel(f"{number}.1", f"{number}.1", f"PJSIP/100-0000000{number}"))])
    assert list(calls.open) == ["0.1", "1.1"]
    calls.feed([seen(1, CALLED), seen(1, OTHER)])
    assert list(calls.open["1.1"].legs) == ["1.1", "1.2"]
    # Of those that are followed everything is heard still.
    (ended,) = of_kind(calls.feed([gone(2, Channel("0.1", "0.1", "PJSIP/100-00000000"))]), events.CallEnded)
    assert ended.call == "0.1"


def rounds_of_a_queue(rounds: int, *names: str) -> list[Fact]:
    """Each member's telephone rings for 20 seconds, and three seconds later anew."""
    channels = [
        (23 * number + place / 100, Channel(f"{number}.{place}", "1.1", name))
        for number in range(1, rounds + 1)
        for place, name in enumerate(names, 2)
    ]
    told = [[seen(at, one), gone(at + 20, one)] for at, one in channels]
    return sorted((one for both in told for one in both), key=lambda one: one.at)


PHONES = tuple(f"PJSIP/{number}-00000001" for number in range(100, 120))
# By way of the dialplan, as FreePBX does it: the half that calls on is there as well.
HALF = "Local/101@members-00000001;2"


@pytest.mark.parametrize("names", [PHONES, (HALF,) * 20], ids=["telephones", "halves"])
def test_whoever_answers_after_all_were_rung_in_vain_for_long_is_heard(
    calls: Calls, names: tuple[str, ...]
) -> None:
    rung = [seen(0, CALLER, State.UP), *rounds_of_a_queue(11, *names)]
    late = Channel("12.1", "1.1", "PJSIP/101-00000002")
    told = [*rung, seen(300, late), seen(305, late, State.UP)]
    assert len(rung) > 2 * state_machine.MAX_LEGS
    assert [one.leg for one in of_kind(calls.feed(told), events.CallAnswered)] == ["12.1"]
    (call,) = calls.open.values()
    assert (call.result, len(call.legs)) == (Result.ANSWERED, state_machine.MAX_LEGS)
    # The first have gone, and none that the other stream may still tell of.
    assert {"1.2", "1.21"}.isdisjoint(call.legs)
    assert {"1.1", "3.2", "11.21", "12.1"} <= call.legs.keys()
    # The other stream tells the same, a little later by its clock, and learns nobody of those let go of.
    again = [replace(one, at=one.at + timedelta(milliseconds=300)) for one in told]
    assert calls.feed(again) == []
    # Nor whoever goes on with it.
    other = Calls("pbx")
    other.restore([state.load(call.key, state.dump(call))])
    assert other.feed(again) == []


def test_whoever_rings_or_talks_is_not_let_go_of(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_machine, "MAX_LEGS", 3)
    calls.feed([seen(0, CALLER), seen(1, CALLED, State.UP), gone(2, CALLED), seen(3, OTHER)])
    more = [Channel(f"2.{number}", "1.1", f"PJSIP/10{number}-00000009") for number in range(2)]
    calls.feed([seen(4, more[0])])
    assert set(calls.open["1.1"].legs) == {"1.1", "1.2", "1.3"}
    # Who has rung in vain, for the next.
    calls.feed([gone(5, OTHER), seen(8, more[1])])
    assert set(calls.open["1.1"].legs) == {"1.1", "1.2", "2.1"}
    # And the caller never, though nobody has answered to them.
    assert calls.open["1.1"].origin is calls.open["1.1"].legs["1.1"]


def test_who_called_is_known_though_they_have_hung_up(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """As who passes a call on while it rings elsewhere."""
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    calls.feed([seen(0, CALLER), seen(1, CALLED), gone(2, CALLER), seen(3, OTHER)])
    assert (calls.open["1.1"].caller, set(calls.open["1.1"].legs)) == ("100", {"1.1", "1.2"})


@pytest.mark.parametrize("late", [gone(2.3, CALLED), seen(4, Channel("1.9", "1.1", "PJSIP/109-00000009"))])
def test_a_call_that_is_over_stays_so_whatever_is_left_out_of_it(
    late: Fact, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was let go of, and whoever has no place in it any more: nobody would end it again."""
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    calls.feed([seen(0, CALLER), seen(1, CALLED), gone(2, CALLED), seen(3, OTHER, State.UP)])
    calls.feed([gone(5, OTHER), gone(5, CALLER)])
    assert calls.feed([late]) == []
    assert (set(calls.open), set(calls.over)) == (set(), {"1.1"})


@pytest.mark.parametrize("until", [(1, 0), (0, 1), (1, 2), (2, 1)])
def test_who_was_let_go_of_before_two_became_one_is_let_go_of_still(
    calls: Calls, until: tuple[int, int]
) -> None:
    first, second = (Channel(f"{number}.1", f"{number}.1", f"PJSIP/10{number}-00000001") for number in (1, 2))
    calls.feed([seen(0, first), seen(0, second)])
    for call, seconds in zip(calls.open.values(), until, strict=True):
        call.let_go_until = BEGIN + timedelta(seconds=seconds) if seconds else None
    calls.feed([seen(3, Channel("2.1", "1.1", second.name))])
    assert calls.feed([gone(max(until) + 0.3, CALLED)]) == []


def test_whoever_is_let_go_of_next_those_before_stay_away(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    second, rung, third = Channel("2.1", "2.1", ""), Channel("2.2", "2.1", ""), Channel("1.4", "1.1", "")
    calls.feed([seen(0, CALLER), seen(1, CALLED), gone(9, CALLED), seen(9, OTHER)])
    calls.feed([seen(1, second), seen(1, rung), gone(2, rung)])
    # Of two that become one who ended first may be let go of last.
    calls.feed([seen(11, Channel("2.1", "1.1", "")), seen(12, third)])
    assert set(calls.open["1.1"].legs) == {"1.1", "1.3", "1.4", "2.1"}
    monkeypatch.setattr(state_machine, "MAX_LEGS", 9)
    assert calls.feed([gone(9.3, CALLED)]) == []


def test_who_was_let_go_of_takes_nobody_out_of_the_parking_lot(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    calls.feed([seen(0, CALLER), seen(1, CALLED), gone(2, CALLED), seen(3, OTHER)])
    assert calls.feed([fact(Kind.RETRIEVED, 4, CALLER, other=CALLED)]) == []


@pytest.mark.parametrize(("seconds", "legs"), [(0.99, {"1.1", "1.3"}), (1, {"1.1", "1.2", "1.3"})])
def test_whoever_is_heard_of_a_second_later_is_somebody_new(
    calls: Calls, seconds: float, legs: set[str]
) -> None:
    calls.feed([seen(0, CALLER), seen(1, OTHER)])
    calls.open["1.1"].let_go_until = BEGIN + timedelta(seconds=2)
    calls.feed([seen(2 + seconds, CALLED)])
    assert set(calls.open["1.1"].legs) == legs


def test_a_caller_of_whom_is_heard_late_is_none_of_those_let_go_of(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge came while it rang: the log tells of the caller."""
    monkeypatch.setattr(state_machine, "MAX_LEGS", 2)
    late = Channel("1.4", "1.1", "PJSIP/103-00000004")
    calls.feed([seen(1, CALLED), seen(1, OTHER), gone(5, CALLED), gone(5, OTHER), seen(9, late)])
    calls.feed([seen(0, CALLER)])
    assert set(calls.open["1.1"].legs) == {"1.1", "1.4"}


def test_what_was_heard_of_a_call_is_still_to_be_stored(talking: Calls) -> None:
    assert talking.changed == {"1.1"}
    talking.changed.clear()
    talking.feed([fact(Kind.DIALLED, 3, CALLER, text="ANSWER")])
    assert talking.changed == {"1.1"}


# Another process goes on


def gone_on_with(calls: Calls) -> Calls:
    other = Calls("pbx")
    kept = [state.load(call.key, state.dump(call)) for call in (*calls.open.values(), *calls.over.values())]
    other.restore(kept)
    return other


def test_whoever_goes_on_knows_whose_channel_it_is_that_names_no_call(talking: Calls) -> None:
    other = gone_on_with(talking)
    nameless = replace(CALLED, linkedid="")
    assert [one.leg for one in of_kind(other.feed([gone(5, nameless)]), events.CallLeft)] == ["1.2"]
    assert set(other.open) == {"1.1"}


def test_whoever_goes_on_knows_which_call_became_a_part_of_another(talking: Calls) -> None:
    own = Channel("2.1", "2.1", "PJSIP/103-00000004")
    talking.feed([seen(3, own), seen(4, replace(own, linkedid="1.1"))])
    other = gone_on_with(talking)
    late = Channel("2.2", "2.1", "PJSIP/104-00000005")
    assert [one.call for one in of_kind(other.feed([seen(5, late)]), events.CallRinging)] == ["1.1"]
    assert set(other.open) == {"1.1"}
