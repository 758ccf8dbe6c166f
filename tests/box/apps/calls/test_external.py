"""Calls of which no bridge tells: another exchange's program does as they go on, a migration long after."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from box.apps.calls.actions.blocklist import block_number, unblock_number
from box.apps.calls.actions.external import (
    LONGEST_SECONDS,
    NewCall,
    finish_call,
    hide_call,
    register_call,
    show_call,
)
from box.apps.calls.actions.past_calls import KeptSound, PastCall, log_past_call
from box.apps.calls.models import BlockedNumber, LoggedCall
from box.apps.calls.settings import MAKES_LEADS
from box.apps.calls.waveform import Sound
from box.core.accounts.actions import dismiss_user
from box.core.events.models import Event
from box.core.files.models import new_key
from box.core.notify.models import Counter
from box.core.push.models import PushMessage
from box.core.registry.settings import store
from box.lib.moments import LATEST

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

NUMBER = "+79161234567"
ANSWERED, BUSY = LoggedCall.Result.ANSWERED, LoggedCall.Result.BUSY
TOO_LATE = LATEST + timedelta(days=1)


def begun(person: User, *, ago: int = 60, **more: Any) -> LoggedCall:
    """A client's, so many seconds ago, at this person's telephone."""
    values: dict[str, Any] = {
        "number": NUMBER, "user": person, "is_incoming": True,
        "started_at": timezone.now() - timedelta(seconds=ago), **more,
    }  # fmt: skip
    return register_call(NewCall(**values), by=person)


def told_last() -> dict[str, Any]:
    event = Event.objects.filter(kind="calls.CallFinished").order_by("id").last()
    assert event is not None
    payload: dict[str, Any] = event.payload
    return payload


def told_pages() -> list[set[str]]:
    """Whose pages were told to look, from the first time to the last."""
    messages = PushMessage.objects.filter(topic="calls", kind="now").order_by("id")
    return [set(one.audience) for one in messages]


def test_who_answered_is_known_at_the_end_and_who_calls_from_the_beginning(anna: User) -> None:
    incoming, outgoing = begun(anna), begun(anna, is_incoming=False)
    assert (incoming.user, outgoing.user) == (None, anna)
    assert (incoming.participants.get().is_called, outgoing.participants.get().is_called) == (True, False)
    assert (incoming.direction, outgoing.direction) == ("in", "out")
    for call in (incoming, outgoing):
        finish_call(call, anna, 10, ANSWERED, by=anna)
        call.refresh_from_db()
        part = call.participants.get()
        assert (call.user, call.is_missed, call.talk_seconds) == (anna, False, 10)
        assert (part.answered_at, part.ended_at) == (call.answered_at, call.ended_at)


def test_only_a_client_who_called_in_vain_was_missed(anna: User) -> None:
    incoming, outgoing = begun(anna), begun(anna, is_incoming=False)
    for call in (incoming, outgoing):
        finish_call(call, anna, 10, BUSY, by=anna)
        call.refresh_from_db()
        assert (call.result, call.talk_seconds, call.answered_at) == (BUSY, 0, None)
        assert call.participants.get().answered_at is None
    assert (incoming.is_missed, incoming.user) == (True, None)
    assert (outgoing.is_missed, outgoing.user) == (False, anna)
    assert Counter.objects.get(key="calls").value == 1


def test_the_end_is_now_and_the_wait_is_what_was_not_talked(anna: User) -> None:
    before = timezone.now()
    call = finish_call(begun(anna, ago=60), anna, 20, ANSWERED, by=anna)
    assert call.ended_at is not None and call.answered_at is not None
    assert before <= call.ended_at <= timezone.now()
    assert call.ended_at - call.answered_at == timedelta(seconds=20)
    assert call.wait_seconds == 40
    in_vain = finish_call(begun(anna, ago=60), anna, 20, BUSY, by=anna)
    assert in_vain.wait_seconds == 60
    fast = begun(anna, ago=5)
    assert finish_call(fast, anna, 600, ANSWERED, by=anna).ended_at == fast.started_at + timedelta(minutes=10)


@pytest.mark.parametrize(("told", "kept"), [(-5, 0), (LONGEST_SECONDS + 1, LONGEST_SECONDS)])
def test_no_call_is_shorter_than_nothing_or_longer_than_a_day(anna: User, told: int, kept: int) -> None:
    assert finish_call(begun(anna), anna, told, ANSWERED, by=anna).talk_seconds == kept


def test_a_window_is_shown_once_and_again_to_who_had_closed_it(anna: User, boris: User) -> None:
    call = begun(anna, is_shown=False)
    assert not call.participants.exists()
    now = timezone.now()
    for _time in range(2):
        show_call(call, [anna], by=anna, now=now)
    hide_call(call, [anna], by=anna, now=now)
    part = call.participants.get()
    assert (part.ended_at, part.began_at) == (now, now)
    hide_call(call, [anna], by=anna, now=now + timedelta(seconds=9))
    show_call(call, [anna], by=anna, now=now + timedelta(minutes=1))
    part.refresh_from_db()
    assert (part.ended_at, part.began_at) == (None, now)
    call.refresh_from_db()
    assert f"U{anna.pk}" in call.audience
    assert f"U{boris.pk}" not in call.audience


def test_whose_window_was_closed_and_who_did_not_answer_keep_what_was_theirs(
    anna: User, boris: User, olga: User
) -> None:
    call, closed_at = begun(anna), timezone.now()
    show_call(call, [boris], by=olga, now=closed_at)
    for later in (0, 9):
        hide_call(call, [boris], by=boris, now=closed_at + timedelta(seconds=later))
    finish_call(call, anna, 10, ANSWERED, by=anna)
    his = call.participants.get(user=boris)
    assert (his.answered_at, his.ended_at) == (None, closed_at)


def test_nobody_is_shown_a_colleagues_call_and_so_many_are_at_once(
    anna: User, boris: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = begun(anna)
    with pytest.raises(PermissionDenied):
        show_call(call, [boris], by=anna, now=timezone.now())
    monkeypatch.setattr("box.apps.calls.actions.external.MOST_SHOWN", 1)
    show_call(call, [anna, boris], by=olga, now=timezone.now())
    assert [part.user for part in call.participants.all()] == [anna]
    assert told_pages()[-1] == {f"U{anna.pk}"}


def test_who_closes_a_window_for_more_than_there_is_room_for_closes_no_colleagues(
    anna: User, boris: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = begun(anna)
    show_call(call, [boris], by=olga, now=timezone.now())
    monkeypatch.setattr("box.apps.calls.actions.external.MOST_SHOWN", 1)
    hide_call(call, [anna, boris], by=anna, now=timezone.now())
    assert [part.user for part in call.participants.filter(ended_at=None)] == [boris]
    assert told_pages()[-1] == {f"U{anna.pk}"}


def test_the_pages_of_those_look_at_it_whose_call_it_is(anna: User, boris: User, olga: User) -> None:
    call = begun(anna, is_shown=False)
    assert (f"U{anna.pk}" in call.audience, f"U{boris.pk}" in call.audience) == (True, False)
    now = timezone.now()
    show_call(call, [anna, boris], by=olga, now=now)
    hide_call(call, [boris], by=boris, now=now)
    finish_call(call, anna, 10, ANSWERED, by=anna)
    hers, his = f"U{anna.pk}", f"U{boris.pk}"
    assert told_pages() == [{hers, his}, {his}, {hers, his}]
    assert all(one.payload == {"call": call.pk} for one in PushMessage.objects.filter(topic="calls"))


def test_who_is_shown_a_call_sees_it_and_one_that_is_over_is_shown_to_nobody(
    anna: User, boris: User, olga: User
) -> None:
    call = begun(anna)
    show_call(call, [boris], by=olga, now=timezone.now())
    call.refresh_from_db()
    assert {f"U{anna.pk}", f"U{boris.pk}"} <= set(call.audience)
    finish_call(call, anna, 10, ANSWERED, by=anna)
    with pytest.raises(ValidationError, match="over"):
        show_call(call, [boris], by=olga, now=timezone.now())
    with pytest.raises(ValidationError, match="over"):
        hide_call(call, [boris], by=boris, now=timezone.now())


def test_nobody_tells_of_a_colleagues_call_or_of_somebody_who_is_gone(
    anna: User, boris: User, olga: User
) -> None:
    his = NewCall(number="1", user=boris, is_incoming=True, started_at=timezone.now())
    for told in (his, replace(his, is_shown=False)):
        with pytest.raises(PermissionDenied):
            register_call(told, by=anna)
    with pytest.raises(PermissionDenied):
        finish_call(begun(boris), boris, 5, ANSWERED, by=anna)
    with pytest.raises(PermissionDenied):
        hide_call(begun(boris), [boris], by=anna, now=timezone.now())
    # Nor says that it was theirs, though they may see it: as heads do, and who sees all calls.
    call = begun(boris)
    with pytest.raises(PermissionDenied):
        finish_call(call, anna, 5, ANSWERED, by=anna)
    with pytest.raises(PermissionDenied):
        hide_call(call, [anna], by=anna, now=timezone.now())
    dismiss_user(boris, by=olga)
    boris.refresh_from_db()
    with pytest.raises(ValidationError, match="works here"):
        register_call(replace(his, user=boris), by=olga)


def test_who_takes_part_does_not_tell_what_a_colleague_does_in_the_same_call(
    anna: User, boris: User, olga: User
) -> None:
    call = begun(anna)
    show_call(call, [boris], by=olga, now=timezone.now())
    with pytest.raises(PermissionDenied):
        hide_call(call, [boris], by=anna, now=timezone.now())
    with pytest.raises(PermissionDenied):
        finish_call(call, boris, 5, ANSWERED, by=anna)
    assert call.participants.filter(ended_at=None).count() == 2


def test_a_call_of_a_time_that_nobody_means_is_not_written_down(anna: User) -> None:
    with pytest.raises(ValidationError, match="far away"):
        begun(anna, started_at=TOO_LATE)
    assert not LoggedCall.objects.exists()


def test_a_number_that_the_world_does_not_dial_begins_no_lead(anna: User) -> None:
    store({MAKES_LEADS.key: "every"})
    finish_call(begun(anna), anna, 5, ANSWERED, by=anna)
    assert told_last()["begins_lead"]
    finish_call(begun(anna, number="10-1"), anna, 5, ANSWERED, by=anna)
    assert (told_last()["number"], told_last()["begins_lead"]) == ("101", False)


def test_only_a_missed_call_is_to_be_returned_by_a_moment(anna: User) -> None:
    finish_call(begun(anna), anna, 5, ANSWERED, by=anna)
    assert told_last()["call_back_by"] is None
    finish_call(begun(anna), anna, 0, BUSY, by=anna)
    assert told_last()["call_back_by"] is not None
    assert told_last()["rang_ids"] == [anna.pk]
    # Who calls is not rung.
    finish_call(begun(anna, is_incoming=False), anna, 0, BUSY, by=anna)
    assert told_last()["rang_ids"] == []


def past(**more: Any) -> LoggedCall:
    values: dict[str, Any] = {
        "key": "there.1", "number": NUMBER, "is_incoming": True, "result": ANSWERED,
        "started_at": timezone.now() - timedelta(days=400), "talk_seconds": 30, **more,
    }  # fmt: skip
    return log_past_call(PastCall(**values))


def test_a_past_call_is_written_down_as_it_was_and_nobody_is_to_call_back(anna: User) -> None:
    answered = past(user=anna)
    part = answered.participants.get()
    assert (answered.direction, answered.user, answered.is_missed) == ("in", anna, False)
    assert (answered.answered_at, answered.talk_seconds) == (answered.started_at, 30)
    assert answered.ended_at == answered.started_at + timedelta(seconds=30)
    assert (part.is_called, part.answered_at, part.ended_at) == (
        True, answered.started_at, answered.ended_at,
    )  # fmt: skip
    missed = past(key="there.2", user=anna, result=BUSY)
    assert (missed.is_missed, missed.user, missed.talk_seconds, missed.answered_at) == (True, None, 0, None)
    assert missed.settled_at == missed.ended_at == missed.started_at
    assert not Counter.objects.filter(key="calls").exists()
    assert not Event.objects.filter(kind="calls.CallFinished").exists()


def test_a_past_call_of_ours_is_missed_by_nobody(anna: User) -> None:
    outgoing = past(user=anna, is_incoming=False, result=BUSY)
    assert (outgoing.direction, outgoing.user, outgoing.is_missed) == ("out", anna, False)
    assert outgoing.settled_at is None
    assert not outgoing.participants.get().is_called
    assert past(key="there.4").participants.count() == 0
    with pytest.raises(ValidationError):
        past(key="there.3", started_at=TOO_LATE)


def test_a_past_call_that_is_here_already_is_said_to_be(anna: User) -> None:
    past(user=anna)
    with pytest.raises(ValidationError, match="in the log already"):
        past(user=anna)
    # What has no name where it comes from is no other's double.
    assert past(key="").pk != past(key="").pk


def test_a_past_call_is_seen_by_whose_it_was_and_keeps_its_recording(anna: User) -> None:
    of_nobody = past(key="there.5")
    assert not [code for code in of_nobody.audience if code.startswith("U")]
    key, sound = new_key(timezone.now()), Sound("audio/wav", "ab" * 32, 12, (0, 50, 100))
    told = PastCall(
        key="there.6", number=NUMBER, is_incoming=True, result=ANSWERED, started_at=timezone.now(), user=anna
    )
    call = log_past_call(told, KeptSound("n" * 1100, key, 99, sound))
    assert f"U{anna.pk}" in call.audience
    kept = call.recordings.get()
    assert (kept.state, kept.due_at, kept.file) == ("kept", None, "n" * 1000)
    assert (kept.seconds, kept.waveform) == (12, [0, 50, 100])
    assert kept.blob is not None
    assert (kept.blob.key, kept.blob.size, kept.blob.sha256) == (key, 99, sound.sha256)
    assert not of_nobody.recordings.exists()


def test_of_what_no_row_has_room_for_the_beginning_is_kept(anna: User) -> None:
    long: dict[str, Any] = {"number": "1" * 100, "line": "2" * 100}
    for call in (begun(anna, **long), past(key="k" * 120, **long)):
        assert (call.number, call.line) == ("1" * 80, "2" * 80)
    with pytest.raises(ValidationError, match="in the log already"):
        past(key="k" * 120)


@pytest.mark.parametrize(("told", "kept"), [(-5, 0), (LONGEST_SECONDS + 1, LONGEST_SECONDS)])
def test_no_past_call_is_shorter_than_nothing_or_longer_than_a_day(told: int, kept: int) -> None:
    assert past(talk_seconds=told).talk_seconds == kept


def test_a_number_is_blocked_once_and_let_through_again(olga: User) -> None:
    first = block_number(NUMBER, "x" * 300, by=olga)
    assert block_number(NUMBER, "again", by=olga) == first
    assert (first.reason, first.by) == ("x" * 200, olga)
    unblock_number(first, by=olga)
    assert not BlockedNumber.objects.exists()
    told = Event.objects.filter(kind="calls.NumberBlocked").order_by("id").values_list("payload", flat=True)
    own = {"number": NUMBER, "by_id": olga.pk}
    assert list(told) == [{**own, "is_blocked": True}, {**own, "is_blocked": False}]
