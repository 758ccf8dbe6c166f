"""What the log says of calls that a real Asterisk told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.calls.actions.logging import follow_call
from box.apps.calls.actions.misses import recount_misses, reopen_miss, settle_earlier, settle_miss
from box.apps.calls.actions.recordings import hold_recordings, write_note
from box.apps.calls.models import LONGEST_NOTE, LoggedCall, Participant, Recording
from box.apps.calls.permissions import audience_of
from box.apps.calls.settings import MAKES_LEADS
from box.bridges.telephony.actions import set_extensions
from box.bridges.telephony.models import Call
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.notify.models import Counter
from box.core.registry.settings import store
from tests.box.apps.calls.conftest import TALKING, miss, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from box.bridges.telephony.models import Pbx
    from box.core.accounts.models import User

    type Play = Callable[..., LoggedCall]

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_a_call_to_a_queue_is_of_who_answered_and_of_all_whose_telephone_rang(
    call: Play, anna: User, boris: User
) -> None:
    logged = call("incoming_queue")
    assert (logged.direction, logged.number, logged.queue) == ("in", "+79161234567", "support")
    assert (logged.user, logged.is_missed) == (anna, False)
    assert logged.talk_seconds > 0
    parts = {one.user: one for one in logged.participants.all()}
    assert set(parts) == {anna, boris}
    assert parts[anna].answered_at is not None
    assert parts[boris].answered_at is None
    assert f"U{anna.pk}" in logged.audience
    assert f"U{boris.pk}" in logged.audience


def test_a_call_that_nobody_took_is_missed_by_those_whose_telephone_rang(
    pbx: Pbx, anna: User, boris: User, cara: User
) -> None:
    logged = miss(pbx)
    assert (logged.is_missed, logged.user, logged.talk_seconds) == (True, None, 0)
    counters = dict(Counter.objects.filter(key="calls").values_list("user", "value"))
    assert counters == {anna.pk: 1, boris.pk: 1}


def test_a_missed_call_vanishes_when_the_client_was_spoken_with(pbx: Pbx, anna: User) -> None:
    missed = miss(pbx)
    answered = play(pbx, "incoming_queue", later=HOUR)
    assert answered.pk != missed.pk
    missed.refresh_from_db()
    assert (missed.settled_at, missed.settled_by) == (answered.ended_at, anna)
    assert not Counter.objects.filter(key="calls").exists()
    assert Event.objects.filter(kind="calls.MissedCallSettled", payload__call_id=missed.pk).exists()


def test_who_was_spoken_with_before_they_called_in_vain_still_waits(pbx: Pbx) -> None:
    missed = miss(pbx, later=HOUR)
    play(pbx, "incoming_queue")
    missed.refresh_from_db()
    assert missed.settled_at is None


def test_who_says_that_it_is_done_is_counted_no_more_and_can_take_it_back(pbx: Pbx, anna: User) -> None:
    missed = miss(pbx)
    settle_miss(missed, by=anna)
    settle_miss(missed, by=anna)
    assert not Counter.objects.filter(key="calls").exists()
    assert Event.objects.filter(kind="calls.MissedCallSettled").count() == 1
    reopen_miss(missed, by=anna)
    assert Counter.objects.filter(key="calls").count() == 2


def test_of_two_missed_calls_only_the_one_that_was_said_is_settled_or_waits_again(
    pbx: Pbx, anna: User, boris: User
) -> None:
    first, second = miss(pbx), miss(pbx, later=HOUR)
    settle_miss(first, by=anna)
    second.refresh_from_db()
    assert second.settled_at is None
    settle_miss(second, by=boris)
    reopen_miss(first, by=anna)
    second.refresh_from_db()
    assert second.settled_by == boris
    assert {one.value for one in Counter.objects.filter(key="calls")} == {1}


def test_only_a_missed_call_is_settled_and_only_a_settled_one_waits_again(pbx: Pbx, anna: User) -> None:
    answered = play(pbx, "incoming_queue")
    settle_miss(answered, by=anna)
    answered.refresh_from_db()
    assert (answered.settled_at, answered.settled_by) == (None, None)
    missed = miss(pbx, later=HOUR)
    settle_miss(missed, by=anna)
    missed.refresh_from_db()
    assert (missed.settled_at is not None, missed.settled_by) == (True, anna)
    assert Event.objects.filter(kind="calls.MissedCallSettled").get().payload == {
        "call_id": missed.pk,
        "by_id": anna.pk,
    }
    reopen_miss(missed, by=anna)
    missed.refresh_from_db()
    assert (missed.settled_at, missed.settled_by) == (None, None)


@pytest.mark.parametrize("number", ["+79990000000", ""])
def test_whoever_else_called_still_waits(pbx: Pbx, number: str) -> None:
    missed = miss(pbx)
    LoggedCall.objects.update(number=number)
    answered = play(pbx, "incoming_queue", later=HOUR)
    if not number:
        answered.number = ""
        settle_earlier(answered)
    missed.refresh_from_db()
    assert missed.settled_at is None


def written(*, number: str = "+79161234567", ago: int = 60, **values: Any) -> LoggedCall:
    """One that a client made so many seconds ago, in vain."""
    began = timezone.now() - timedelta(seconds=ago)
    usual: dict[str, Any] = {"direction": "in", "result": "no answer", "is_missed": True}
    usual["audience"] = audience_of([])
    return LoggedCall.objects.create(number=number, started_at=began, ended_at=began, **{**usual, **values})


def test_only_what_still_waits_is_settled_by_a_later_call(
    anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = datetime(2026, 3, 2, tzinfo=UTC)
    done = written(ago=90, settled_at=before, settled_by=boris)
    spoken = written(ago=80, is_missed=False, result="answered")
    others = written(ago=70, number="+79990000000")
    waiting = [written(ago=ago) for ago in (60, 50, 40)]
    monkeypatch.setattr("box.apps.calls.actions.misses.MOST_AT_ONCE", 2)
    answered = written(ago=9, is_missed=False, result="answered", user=anna)
    settle_earlier(answered)
    rows = dict(LoggedCall.objects.values_list("pk", "settled_by"))
    assert rows == {
        done.pk: boris.pk, spoken.pk: None, others.pk: None, answered.pk: None,
        waiting[0].pk: anna.pk, waiting[1].pk: anna.pk, waiting[2].pk: None,
    }  # fmt: skip
    settled = Event.objects.filter(kind="calls.MissedCallSettled").order_by("id")
    assert [event.payload["call_id"] for event in settled] == [one.pk for one in waiting[:2]]


def test_what_turned_out_to_be_answered_does_not_wait_again(anna: User) -> None:
    before = datetime(2026, 3, 2, tzinfo=UTC)
    call = written(is_missed=False, settled_at=before, settled_by=anna)
    reopen_miss(call, by=anna)
    call.refresh_from_db()
    assert (call.settled_at, call.settled_by) == (before, anna)


def test_the_menu_counts_as_far_as_it_shows(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.apps.calls.actions.misses.COUNT_CAP", 1)
    for ago in (60, 50, 40):
        call = written(ago=ago)
        Participant.objects.create(
            logged=call, user=anna, leg="1.1", is_called=True, began_at=call.started_at
        )
    recount_misses([anna.pk])
    assert Counter.objects.get(key="calls").value == 2


def test_a_colleague_with_the_same_number_inside_is_no_client(pbx: Pbx) -> None:
    missed = miss(pbx)
    answered = play(pbx, "incoming_queue", later=HOUR)
    LoggedCall.objects.filter(pk=missed.pk).update(settled_at=None)
    answered.direction = LoggedCall.Direction.INTERNAL
    settle_earlier(answered)
    missed.refresh_from_db()
    assert missed.settled_at is None


def test_an_announcement_that_led_to_nobody_is_not_missed(call: Play) -> None:
    assert not call("answered_by_the_pbx").is_missed


def test_an_outgoing_call_is_of_who_called(pbx: Pbx, cara: User) -> None:
    set_extensions(pbx, [("104", cara)], by=None)
    logged = play(pbx, "outgoing")
    assert (logged.direction, logged.user) == ("out", cara)
    assert not logged.participants.get().is_called


def test_two_that_became_one_are_one_call(pbx: Pbx, cara: User) -> None:
    set_extensions(pbx, [("105", cara)], by=None)
    logged = play(pbx, "pickup")
    assert LoggedCall.objects.get() == logged
    assert Participant.objects.filter(user=cara, answered_at__isnull=False).exists()


def joined(part: LoggedCall, whole: LoggedCall) -> Call:
    """The part's call, of which the log has heard nothing so far."""
    assert part.call is not None
    part.call.merged_into = whole.call
    part.call.save()
    return part.call


def test_what_was_written_and_recorded_of_a_part_is_the_wholes(pbx: Pbx, anna: User) -> None:
    another, whole, part = (miss(pbx, later=number * HOUR) for number in range(3))
    write_note(whole, "Wants chairs.", by=anna)
    write_note(part, "And tables.", by=anna)
    for logged, files in ((whole, ["a.wav"]), (part, ["a.wav", "b.wav"])):
        for file in files:
            Recording.objects.create(logged=logged, file=file)
    hold_recordings(part, is_held=True, by=anna)
    # Told twice is told once.
    for _time in range(2):
        assert follow_call(pbx.name, joined(part, whole).key) is None
    assert not LoggedCall.objects.filter(pk=part.pk).exists()
    whole.refresh_from_db()
    assert (whole.note, whole.is_held) == ("Wants chairs.\n\nAnd tables.", True)
    assert sorted(whole.recordings.values_list("file", flat=True)) == ["a.wav", "b.wav"]
    told = Event.objects.filter(kind="calls.CallNoted").latest("id").payload
    assert (told["call_id"], told["note"]) == (whole.pk, whole.note)
    another.refresh_from_db()
    assert (another.note, another.is_held) == ("", False)


def test_what_was_written_of_a_part_is_kept_where_the_whole_was_not_logged_yet(pbx: Pbx, anna: User) -> None:
    whole, part = miss(pbx), miss(pbx, later=HOUR)
    write_note(part, "Wants chairs.", by=anna)
    call = joined(part, whole)
    whole.delete()
    follow_call(pbx.name, call.key)
    logged = LoggedCall.objects.get()
    assert (logged.call, logged.note) == (whole.call, "Wants chairs.")


def test_a_part_of_which_nothing_was_written_changes_nothing_of_the_whole(pbx: Pbx, anna: User) -> None:
    whole, part = miss(pbx), miss(pbx, later=HOUR)
    write_note(whole, "Wants chairs.", by=anna)
    hold_recordings(whole, is_held=True, by=anna)
    follow_call(pbx.name, joined(part, whole).key)
    whole.refresh_from_db()
    assert (whole.note, whole.is_held) == ("Wants chairs.", True)
    assert Event.objects.filter(kind="calls.CallNoted").count() == 1


def test_of_what_was_written_of_both_as_much_is_kept_as_there_is_room_for(pbx: Pbx, anna: User) -> None:
    whole, part = miss(pbx), miss(pbx, later=HOUR)
    write_note(whole, "x" * (LONGEST_NOTE - 3), by=anna)
    write_note(part, "yz", by=anna)
    follow_call(pbx.name, joined(part, whole).key)
    whole.refresh_from_db()
    assert whole.note == "x" * (LONGEST_NOTE - 3) + "\n\ny"


def test_who_is_put_on_hold_while_more_is_heard_of_the_call_stays_on_hold(
    pbx: Pbx, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = play(pbx, "incoming_queue", facts=TALKING)

    def meanwhile(people: Iterable[int]) -> list[str]:
        logged.participants.filter(user=anna).update(holds_leg="client.1")
        return audience_of(people)

    monkeypatch.setattr("box.apps.calls.actions.logging.audience_of", meanwhile)
    assert logged.call is not None
    follow_call(pbx.name, logged.call.key)
    assert logged.participants.get(user=anna).holds_leg == "client.1"


def test_a_miss_that_was_none_waits_no_more(pbx: Pbx, anna: User) -> None:
    """It was answered while the bridge was away, which the PBX's own log tells later."""
    missed = miss(pbx)
    assert Counter.objects.get(user=anna, key="calls").value == 1
    assert missed.call is not None
    Call.objects.filter(pk=missed.call.pk).update(answered_at=missed.started_at, result="answered")
    for _ in range(2):
        logged = follow_call(pbx.name, missed.call.key)
    assert logged is not None and not logged.is_missed
    assert not Counter.objects.filter(user=anna, key="calls", value__gt=0).exists()
    settled = Event.objects.filter(kind="calls.MissedCallSettled")
    assert [event.payload["call_id"] for event in settled] == [missed.pk]


def test_whoever_sits_there_later_took_no_part(pbx: Pbx, anna: User, cara: User) -> None:
    logged = play(pbx, "incoming_queue")
    set_extensions(pbx, [("100", cara)], by=None)
    play(pbx, "incoming_queue")
    deliver_all()
    assert cara.pk not in logged.participants.values_list("user", flat=True)
    assert anna.pk in logged.participants.values_list("user", flat=True)


def test_what_is_told_twice_is_told_on_once(pbx: Pbx) -> None:
    play(pbx, "incoming_queue")
    play(pbx, "incoming_queue")
    finished = Event.objects.filter(kind="calls.CallFinished")
    assert len({str(sorted(event.payload.items())) for event in finished}) == finished.count()
    assert finished.last().payload["number"] == "+79161234567"  # type: ignore[union-attr]


def test_rooms_with_clients_hear_nothing_of_internal_calls(call: Play) -> None:
    call("hold")
    assert not Event.objects.filter(kind="calls.CallFinished").exists()


@pytest.mark.parametrize(
    ("rule", "wanted"), [("none", (False, False)), ("missed", (False, True)), ("every", (True, True))]
)
def test_a_lead_is_wanted_of_whom_the_rule_says(pbx: Pbx, rule: str, wanted: tuple[bool, bool]) -> None:
    store({MAKES_LEADS.key: rule})
    play(pbx, "incoming_queue")
    miss(pbx, later=HOUR)
    finished = Event.objects.filter(kind="calls.CallFinished").order_by("id")
    told = {event.payload["is_missed"]: event.payload["begins_lead"] for event in finished}
    assert (told[False], told[True]) == wanted


def test_of_who_is_called_no_lead_is_wanted(pbx: Pbx, cara: User) -> None:
    store({MAKES_LEADS.key: "every"})
    set_extensions(pbx, [("104", cara)], by=None)
    play(pbx, "outgoing")
    finished = Event.objects.filter(kind="calls.CallFinished").order_by("id")
    assert {event.payload["begins_lead"] for event in finished} == {False}
