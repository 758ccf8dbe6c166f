"""Recordings from the PBX's word of them on: awaited, looked for, kept once, given up; and what people decide
about them."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.calls.actions.logging import follow_call
from box.apps.calls.actions.recordings import (
    WAITS,
    await_recording,
    collect_recordings,
    expire_recordings,
    hold_recordings,
    keep_delivered,
    keep_recording,
    write_note,
)
from box.apps.calls.models import LoggedCall, Recording
from box.apps.calls.permissions import audience_of
from box.apps.calls.waveform import heard
from box.bridges.telephony.actions import save_pbx
from box.bridges.telephony.models import Call, Pbx
from box.bridges.telephony.recordings import Delivery, Folder
from box.core.events.models import Event
from box.core.files.store import StoreUnavailable
from tests.box.apps.calls.test_recordings import THERE, sound

if TYPE_CHECKING:
    from pathlib import Path

    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That the PBX and the box share; one recording has come."""
    (tmp_path / "came.wav").write_bytes(sound())
    return tmp_path


@pytest.fixture
def office(folder: Path) -> Pbx:
    pbx = Pbx(name="office", host="pbx.corp.test", is_on=True, recordings_here=str(folder))
    save_pbx(pbx, by=None)
    return pbx


def call_of(pbx: Pbx, key: str = "1.1", **values: Any) -> Call:
    now = timezone.now()
    return Call.objects.create(pbx=pbx, key=key, **{"started_at": now, "ended_at": now, **values})


def awaited(call: Call, name: str) -> Recording:
    """Due now."""
    logged = follow_call(call.pbx.name, call.key)
    assert logged is not None
    return Recording.objects.create(logged=logged, file=f"{THERE}/{name}.wav", due_at=timezone.now())


def of_another_exchange() -> LoggedCall:
    now = timezone.now()
    return LoggedCall.objects.create(
        external_key="there.1", direction="in", started_at=now, ended_at=now, audience=audience_of([])
    )


def told(kind: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(kind=kind).order_by("id").values_list("payload", flat=True))


def test_a_recording_is_of_the_call_that_the_pbx_names_and_looked_for_a_little_later(office: Pbx) -> None:
    branch = Pbx.objects.create(name="branch", host="pbx2.corp.test")
    for other in (call_of(branch), call_of(office, "2.1")):
        follow_call(other.pbx.name, other.key)
    # The log has not heard of this one so far.
    call, before = call_of(office), timezone.now()
    for _time in range(2):
        await_recording("office", "1.1", "f" * 1100)
    recording = Recording.objects.get()
    assert (recording.logged.call, recording.file) == (call, "f" * 1000)
    assert recording.due_at is not None
    assert before + WAITS[0] <= recording.due_at <= timezone.now() + WAITS[0]
    await_recording("office", "9.9", "of no call.wav")
    assert Recording.objects.count() == 1


def test_what_was_recorded_of_a_part_is_the_wholes_though_the_log_never_heard_of_the_part(
    office: Pbx,
) -> None:
    whole = call_of(office)
    call_of(office, "2.1", merged_into=whole)
    await_recording("office", "2.1", "of the part.wav")
    assert Recording.objects.get().logged.call == whole


def test_one_is_looked_for_again_and_again_and_later_each_time(office: Pbx) -> None:
    recording = awaited(call_of(office), "never")
    assert recording.due_at is not None
    now = recording.due_at
    for attempts, wait in enumerate(WAITS[1:], start=1):
        collect_recordings(now=now)
        recording.refresh_from_db()
        assert (recording.state, recording.attempts, recording.due_at) == ("awaited", attempts, now + wait)
        now += wait
    collect_recordings(now=now)
    lost = Recording.objects.get()
    assert (lost.state, lost.due_at) == ("lost", None)


def test_what_cannot_be_fetched_yet_says_why(office: Pbx) -> None:
    Pbx.objects.filter(pk=office.pk).update(recordings_here="")
    recording = awaited(call_of(office), "came")
    assert collect_recordings(now=timezone.now()) == 0
    recording.refresh_from_db()
    assert recording.state == "awaited"
    assert "“office” has not sent it" in recording.trouble


def test_however_long_a_call_lasts_its_recording_comes_at_its_end(office: Pbx) -> None:
    call = call_of(office, ended_at=None)
    recording = awaited(call, "came")
    for hours in range(5):
        assert collect_recordings(now=timezone.now() + timedelta(hours=hours)) == 0
    Call.objects.filter(pk=call.pk).update(ended_at=timezone.now())
    follow_call(office.name, call.key)
    recording.refresh_from_db()
    assert (recording.attempts, recording.state) == (0, "awaited")
    assert collect_recordings(now=timezone.now() + WAITS[0] - timedelta(seconds=1)) == 0, "it is not whole"
    assert collect_recordings(now=timezone.now() + WAITS[0]) == 1


def test_only_what_is_due_of_a_pbx_is_looked_for_and_so_many_at_a_time(
    office: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calls.actions.recordings.MOST_AT_ONCE", 1)
    call = call_of(office)
    first, second, later = (awaited(call, name) for name in ("one", "two", "three"))
    Recording.objects.filter(pk=later.pk).update(due_at=timezone.now() + timedelta(hours=1))
    elsewhere = Recording.objects.create(logged=of_another_exchange(), file="a.wav")
    Recording.objects.filter(pk=elsewhere.pk).update(due_at=timezone.now() - timedelta(hours=1))
    now, found = timezone.now(), []
    for _time in range(2):
        collect_recordings(now=now)
        found.append(dict(Recording.objects.values_list("pk", "attempts")))
    assert found == [
        {first.pk: 1, second.pk: 0, later.pk: 0, elsewhere.pk: 0},
        {first.pk: 1, second.pk: 1, later.pk: 0, elsewhere.pk: 0},
    ]


def test_one_that_comes_another_way_meanwhile_is_kept_all_the_same(
    office: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = awaited(call_of(office), "came")

    def sent_by_the_pbx(folder: Folder, name: str) -> Any:
        Recording.objects.update(state=Recording.State.KEPT)
        raise FileNotFoundError(name)

    monkeypatch.setattr(Folder, "open", sent_by_the_pbx)
    collect_recordings(now=timezone.now())
    recording.refresh_from_db()
    assert (recording.state, recording.attempts) == ("kept", 0)


def test_while_the_store_is_away_nothing_is_given_up(office: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = awaited(call_of(office), "came")

    def is_away(recording: Recording, stream: Any) -> None:
        raise StoreUnavailable

    monkeypatch.setattr("box.apps.calls.actions.recordings.keep_recording", is_away)
    with pytest.raises(StoreUnavailable):
        collect_recordings(now=timezone.now())
    recording.refresh_from_db()
    assert (recording.state, recording.attempts, recording.trouble) == ("awaited", 0, "")


def test_one_that_came_is_awaited_no_more_and_is_kept_once(office: Pbx, store: S3Store) -> None:
    recording = awaited(call_of(office), "came")
    Recording.objects.update(trouble="The file is not in the folder.")
    assert collect_recordings(now=timezone.now()) == 1
    recording.refresh_from_db()
    assert (recording.state, recording.due_at, recording.trouble) == ("kept", None, "")
    assert recording.waveform == list(heard(io.BytesIO(sound())).waveform)
    first = recording.blob
    # Whoever has read the row before brings it once more; and after its time is over.
    keep_recording(recording, io.BytesIO(sound()))
    recording.refresh_from_db()
    assert recording.blob == first
    assert told("calls.RecordingKept") == [{"call_id": recording.logged_id, "recording_id": recording.pk}]
    expire_recordings(before=timezone.now() + timedelta(days=1))
    keep_recording(recording, io.BytesIO(sound()))
    recording.refresh_from_db()
    assert (recording.state, recording.blob) == ("expired", None)


def test_what_the_pbx_sends_again_is_written_to_the_store_once(office: Pbx, store: S3Store) -> None:
    branch = Pbx.objects.create(name="branch", host="pbx2.corp.test")
    recording, others = awaited(call_of(office), "came"), awaited(call_of(branch), "came")
    digest = hashlib.sha256(sound()).hexdigest()
    delivery = Delivery("office", recording.file, len(sound()), digest, 0)

    def delivered() -> tuple[bool, int]:
        return keep_delivered(delivery, io.BytesIO(sound())), len(list(store.objects()))

    assert [delivered(), delivered()] == [(True, 1), (True, 1)]
    recording.refresh_from_db()
    others.refresh_from_db()
    assert (recording.state, others.state) == ("kept", "awaited")
    expire_recordings(before=timezone.now() + timedelta(days=1))
    assert delivered() == (True, 1)


# What people decide about them


def test_the_recordings_of_one_call_are_held_and_let_go_and_that_is_told_once(
    office: Pbx, cara: User
) -> None:
    call, other = of_another_exchange(), follow_call("office", call_of(office).key)
    assert other is not None
    for is_held in (False, True, True, False):
        hold_recordings(call, is_held=is_held, by=cara)
        other.refresh_from_db()
        assert not other.is_held
    told_of = {"call_id": call.pk, "by_id": cara.pk}
    assert told("calls.RecordingHeld") == [{**told_of, "is_held": True}, {**told_of, "is_held": False}]


def test_notes_are_kept_as_far_as_there_is_room_and_told(cara: User) -> None:
    call = of_another_exchange()
    write_note(call, "  " + "n" * 20_001 + "\n", by=cara)
    call.refresh_from_db()
    assert call.note == "n" * 20_000
    write_note(call, " Roses, red\n", by=cara)
    assert told("calls.CallNoted")[1] == {"call_id": call.pk, "by_id": cara.pk, "note": "Roses, red"}
