"""What a real Asterisk has said of the hard cases: live, and written down by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.bridges.telephony import ami_events, events
from box.bridges.telephony.calls import Call, Calls
from box.bridges.telephony.facts import Channel, Fact, Kind, State
from box.bridges.telephony.plan import Release
from tests.telephony.asterisk import NEWEST, SUITES
from tests.telephony.replay import PBX, ami_facts, cel_facts, plain, recorded, told
from tests.telephony.scenarios import SCENARIOS

PLAYED = [(release, name) for release in SUITES for name in SCENARIOS]
HEARD = {(release, name): ami_facts(recorded(name, "ami", release)) for release, name in PLAYED}
WRITTEN = {(release, name): cel_facts(recorded(name, "cel", release)) for release, name in PLAYED}
AMI, CEL = ({name: facts[NEWEST, name] for name in SCENARIOS} for facts in (HEARD, WRITTEN))
LATER = timedelta(minutes=1)
_OF_MUSIC = (events.CallHeld, events.CallResumed)
each = pytest.mark.parametrize(("release", "name"), PLAYED, ids=[f"{name}-{of}" for of, name in PLAYED])


@each
def test_live_and_written_down_it_is_the_same_call(release: Release, name: str) -> None:
    live, written = (_sorted(told(facts[release, name])[1]) for facts in (HEARD, WRITTEN))
    if not release.logs_music:
        live = [one for one in live if not isinstance(one, _OF_MUSIC)]
    assert plain(live) == plain(written)
    for one, other in zip(live, written, strict=True):
        assert (one.call, getattr(one, "leg", "")) == (other.call, getattr(other, "leg", ""))
        assert abs(one.at - other.at) < timedelta(seconds=1), one


def _sorted(happened: list[events.CallEvent]) -> list[events.CallEvent]:
    """What happens at one moment each stream tells in an order of its own."""
    return sorted(happened, key=lambda one: (plain([one]), one.at))


@each
def test_the_call_reads_as_it_happened(release: Release, name: str) -> None:
    calls, happened = told(HEARD[release, name])
    assert plain(happened) == recorded(name, "timeline", release).splitlines()
    assert not calls.open


@pytest.mark.parametrize("name", SCENARIOS)
def test_whichever_release_has_told_it_it_is_the_same_call(name: str) -> None:
    first, *others = (sorted(recorded(name, "timeline", release).splitlines()) for release in SUITES)
    assert all(other == first for other in others)


@each
def test_whoever_heard_it_live_learns_nothing_from_the_log(release: Release, name: str) -> None:
    calls, _ = told(HEARD[release, name])
    assert calls.feed(WRITTEN[release, name]) == []


@each
def test_a_log_that_is_read_twice_tells_nothing_more(release: Release, name: str) -> None:
    calls, _ = told(WRITTEN[release, name])
    assert calls.feed(WRITTEN[release, name]) == []


@each
def test_the_log_from_the_middle_on_tells_the_rest(release: Release, name: str) -> None:
    """The bridge was away from the middle of each call."""
    heard, written = HEARD[release, name], WRITTEN[release, name]
    for cut in range(0, len(heard), 7):
        calls = Calls(PBX)
        calls.feed(heard[:cut])
        calls.feed(written)
        assert summaries(calls) == summaries(told(written)[0]), cut


def test_two_calls_between_the_same_numbers_are_two() -> None:
    calls, _ = told(AMI["two_at_once"])
    assert [call.result for call in calls.over.values()] == ["answered", "answered"]


def test_a_call_that_became_part_of_another_is_found_by_both_keys() -> None:
    calls, happened = told(AMI["parking"])
    merged = next(one for one in happened if isinstance(one, events.CallMerged))
    assert calls.call(merged.call) is calls.call(merged.into)
    whole = calls.call(merged.into)
    assert whole is not None
    assert whole.parts == {merged.call}


def summaries(calls: Calls) -> list[tuple[object, ...]]:
    return [summary(call) for call in [*calls.over.values(), *calls.open.values()]]


def summary(call: Call) -> tuple[object, ...]:
    """What a log and a report say of it, to the second and a half."""

    def moment(at: object) -> int | None:
        return None if at is None else round(at.timestamp() / 1.5)  # type: ignore[attr-defined]

    legs = sorted(
        (leg.uniqueid, leg.endpoint, leg.is_called, leg.answered_at is not None) for leg in call.legs.values()
    )
    return (
        call.key,
        call.result,
        call.queue,
        call.caller,
        call.called,
        moment(call.started_at),
        moment(call.ended_at),
        call.is_estimated,
        tuple(legs),
        tuple(sorted(call.parts)),
    )


# --- what a line loses, doubles and turns round


@given(st.data())
def test_whatever_is_lost_doubled_or_late_the_truth_comes_out(data: st.DataObject) -> None:
    release = data.draw(st.sampled_from(sorted(SUITES)))
    names = data.draw(st.lists(st.sampled_from(sorted(SCENARIOS)), min_size=1, max_size=3, unique=True))
    live = [fact for name in names for fact in HEARD[release, name]]
    # Each fact is lost, said once or said twice, and each copy comes up to 40 places too late.
    copies = data.draw(st.lists(st.sampled_from([0, 1, 1, 1, 2]), min_size=len(live), max_size=len(live)))
    order = [
        (place + late, fact)
        for place, (fact, times) in enumerate(zip(live, copies, strict=True))
        for late in data.draw(st.lists(st.integers(0, 40), min_size=times, max_size=times))
    ]
    order.sort(key=lambda one: one[0])
    calls = Calls(PBX)
    heard = calls.feed(fact for _place, fact in order)
    begun = [one.call for one in heard if isinstance(one, events.CallStarted)]
    assert len(begun) == len(set(begun)), "a call has begun twice"

    # Nobody is there any more: nothing stays open.
    end = max(fact.at for fact in live) + LATER
    calls.reconcile([], known=calls.channels(), at=end)
    assert not calls.open

    # And the log has all of it.
    calls.feed(fact for name in names for fact in WRITTEN[release, name])
    assert not calls.open
    truth = {one.key: summary(one) for name in names for one in told(WRITTEN[release, name])[0].over.values()}
    assert {one.key: summary(one) for one in calls.over.values()} == truth


# --- single rules


def channel(number: int = 1, *, of: int = 1, name: str = "") -> Channel:
    return Channel.of(f"1000.{number}", f"1000.{of}", name or f"PJSIP/10{number}-0000000{number}")


BEGUN = AMI["hold"][0].at


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def ended(happened: list[events.CallEvent]) -> events.CallEnded:
    """The last that was told."""
    *_, last = happened
    assert isinstance(last, events.CallEnded)
    return last


def fact(kind: Kind, who: Channel, seconds: float = 0, **more: object) -> Fact:
    return Fact(kind, at(seconds), who, **more)  # type: ignore[arg-type]


def test_what_is_missing_from_the_list_is_over_and_marked() -> None:
    calls = Calls(PBX)
    calls.feed(
        [fact(Kind.SEEN, channel(1), state=State.UP), fact(Kind.SEEN, channel(2, of=2), state=State.UP)]
    )
    there = [fact(Kind.SEEN, channel(1), 60, state=State.UP)]
    happened = calls.reconcile(there, known=calls.channels(), at=at(60))
    assert [(one.call, one.is_estimated) for one in happened if isinstance(one, events.CallEnded)] == [
        ("1000.2", True)
    ]
    assert list(calls.open) == ["1000.1"]


def test_a_channel_that_came_after_the_list_was_asked_for_is_not_over() -> None:
    calls = Calls(PBX)
    known = calls.channels()
    calls.feed([fact(Kind.SEEN, channel(1))])
    assert calls.reconcile([], known=known, at=at(60)) == []
    assert calls.reconcile([], known=calls.channels(), at=at(60)) != []


def test_an_estimate_is_corrected_by_the_log_once() -> None:
    calls = Calls(PBX)
    calls.feed([fact(Kind.SEEN, channel(1), state=State.UP)])
    calls.reconcile([], known=calls.channels(), at=at(60))
    gone = fact(Kind.GONE, channel(1), 20, cause=16)
    (corrected,) = calls.feed([gone])
    assert corrected == events.CallEnded(PBX, "1000.1", at(20), "by the pbx", 16, False)
    assert calls.feed([gone]) == []


def test_a_channel_that_is_gone_does_not_come_back() -> None:
    calls = Calls(PBX)
    calls.feed([fact(Kind.GONE, channel(1), 5, cause=16)])
    assert calls.feed([fact(Kind.SEEN, channel(1), 4)]) == []
    assert not calls.open


def test_a_call_thought_over_goes_on_under_its_key() -> None:
    calls = Calls(PBX)
    calls.feed([fact(Kind.SEEN, channel(1)), fact(Kind.GONE, channel(1), 5)])
    happened = calls.feed([fact(Kind.SEEN, channel(2, of=1), 6)])
    assert [type(one).__name__ for one in happened] == ["CallReopened", "CallRinging"]
    end = ended(calls.feed([fact(Kind.GONE, channel(2, of=1), 9)]))
    assert (end.call, end.at) == ("1000.1", at(9))


def test_the_older_of_two_joined_calls_stays() -> None:
    calls = Calls(PBX)
    calls.feed([fact(Kind.SEEN, channel(9, of=9)), fact(Kind.SEEN, channel(10, of=10))])
    (merged,) = calls.feed([fact(Kind.SEEN, channel(10, of=9), 1)])
    assert isinstance(merged, events.CallMerged)
    assert (merged.call, merged.into) == ("1000.10", "1000.9")


def test_who_is_put_on_hold_twice_is_so_told_twice_and_not_more_often() -> None:
    calls = Calls(PBX)
    held = [
        fact(kind, channel(1), seconds)
        for kind, seconds in ((Kind.HELD, 1), (Kind.RESUMED, 2), (Kind.HELD, 10), (Kind.RESUMED, 12))
    ]
    calls.feed([fact(Kind.SEEN, channel(1), state=State.UP)])
    assert [type(one).__name__ for one in calls.feed(held)] == ["CallHeld", "CallResumed"] * 2
    assert calls.feed(held) == []


def test_asterisks_helpers_make_no_call() -> None:
    assert Calls(PBX).feed([fact(Kind.SEEN, channel(1, name="CBAnn/room-00000001;2"))]) == []


def test_another_process_goes_on_where_one_stopped() -> None:
    before = Calls(PBX)
    before.feed(AMI["attended_transfer"][:60])
    after = Calls(PBX)
    after.restore(before.open.values())
    after.feed(AMI["attended_transfer"][60:])
    assert summaries(after) == summaries(told(AMI["attended_transfer"])[0])


@pytest.mark.parametrize(
    ("causes", "result"),
    [
        ((17, 17), "busy"),
        ((17, 16), "no answer"),
        ((38, 3), "failed"),
        ((38, 17), "no answer"),
        ((19,), "no answer"),
    ],
)
def test_who_was_not_reached_decides_the_result(causes: tuple[int, ...], result: str) -> None:
    calls = Calls(PBX)
    calls.feed([fact(Kind.SEEN, channel(1), state=State.UP)])
    for place, cause in enumerate(causes, 2):
        calls.feed(
            [fact(Kind.SEEN, channel(place, of=1)), fact(Kind.GONE, channel(place, of=1), 3, cause=cause)]
        )
    assert ended(calls.feed([fact(Kind.GONE, channel(1), 4)])).result == result


def test_a_queue_that_nobody_served_is_no_answer() -> None:
    calls = Calls(PBX)
    calls.feed(
        [fact(Kind.SEEN, channel(1), state=State.UP), fact(Kind.QUEUED, channel(1), 1, text="support")]
    )
    assert ended(calls.feed([fact(Kind.GONE, channel(1), 4)])).result == "no answer"


@pytest.mark.parametrize(
    ("said", "name"),
    [(r"O\'Neil", "O'Neil"), (r"\"Bob\"", '"Bob"'), (r"a\\n", r"a\n"), (r"C:\d", r"C:\d"), (r"x\ny", "xy")],
)
def test_names_in_events_are_read_as_asterisk_escapes_them(said: str, name: str) -> None:
    event = {"Event": "Newchannel", "Uniqueid": "1.1", "Linkedid": "1.1", "Channel": "PJSIP/line-1"}
    heard = {**event, "ChannelState": "4", "CallerIDName": said}
    (found,) = ami_events.facts(heard, received_at=datetime(2026, 5, 4, tzinfo=UTC))
    assert found.channel.caller_name == name
