"""Recordings: fetched from a folder or sent by the PBX, kept, played by who may, deleted in time."""

from __future__ import annotations

import hashlib
import io
import re
import time
import tracemalloc
import wave
from array import array
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from box.apps.calls.access import LISTEN
from box.apps.calls.actions.logging import finish
from box.apps.calls.actions.recordings import (
    await_recording,
    collect_recordings,
    expire_recordings,
    hold_recordings,
)
from box.apps.calls.models import LoggedCall, Recording
from box.apps.calls.waveform import BARS, heard
from box.apps.crm.contact_points import Reach
from box.bridges.telephony.recordings import Delivery, signature
from box.core.access.actions import create_role, grant_role
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.files.models import Blob
from box.core.files.store import store as files_store
from box.core.registry.company import LANGUAGE
from box.core.registry.settings import store as store_settings
from tests.box.apps.calls.conftest import play
from tests.box.apps.crm.conftest import added
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from box.bridges.storage.client import S3Store
    from box.bridges.telephony.models import Pbx
    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

THERE = "/var/spool/asterisk/monitor"
FILE = f"{THERE}/2026/11/26/call.wav"


def sound(seconds: int = 2) -> bytes:
    """A second of silence, then a loud one, and so on."""
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        for second in range(seconds):
            written.writeframes(array("h", [16000 * (second % 2), 0] * 4000).tobytes())
    return out.getvalue()


@pytest.fixture
def logged(pbx: Pbx, tmp_path: Path) -> LoggedCall:
    """It was recorded, and the file is not there yet."""
    pbx.recordings_here = str(tmp_path)
    pbx.delivery_key = "a-key-for-tests"
    pbx.save()
    call = play(pbx, "incoming_queue")
    assert call.call is not None
    await_recording(pbx.name, call.call.key, FILE)
    await_recording(pbx.name, call.call.key, FILE)
    return call


def arrives(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "2026/11/26/call.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(data)


def soon() -> Any:
    return timezone.now() + timedelta(seconds=30)


def test_why_one_does_not_come_is_said_in_the_companys_language(logged: LoggedCall, tmp_path: Path) -> None:
    store_settings({LANGUAGE.key: "ru"})
    collect_recordings(now=soon())
    assert logged.recordings.get().trouble == "Файла в папке нет."
    arrives(tmp_path, b"<html>")
    collect_recordings(now=soon() + timedelta(minutes=2))
    assert logged.recordings.get().trouble == f"{FILE}: содержимое файла не соответствует расширению."


def test_a_recording_is_fetched_once_it_is_there(logged: LoggedCall, tmp_path: Path, store: S3Store) -> None:
    assert collect_recordings(now=timezone.now()) == 0
    assert collect_recordings(now=soon()) == 0
    arrives(tmp_path, sound())
    assert collect_recordings(now=soon() + timedelta(minutes=2)) == 1
    kept = logged.recordings.get()
    assert (kept.state, kept.seconds) == ("kept", 2)
    assert kept.blob is not None
    assert b"".join(files_store().read(kept.blob.key)) == sound()
    assert collect_recordings(now=soon() + timedelta(days=1)) == 0


def test_one_that_never_comes_is_given_up_and_says_so(logged: LoggedCall) -> None:
    now = soon()
    for _ in range(6):
        now += timedelta(hours=4)
        collect_recordings(now=now)
    lost = logged.recordings.get()
    assert (lost.state, lost.due_at, lost.attempts) == ("lost", None, 5)
    assert lost.trouble


def test_no_link_leads_out_of_the_folder(logged: LoggedCall, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(sound())
    link = tmp_path / "2026/11/26/call.wav"
    link.parent.mkdir(parents=True)
    link.symlink_to(secret)
    assert collect_recordings(now=soon()) == 0
    assert not Blob.objects.exists()


@pytest.mark.parametrize("cut", [1, 2, 4001])
def test_one_that_breaks_off_is_kept_as_far_as_it_came(
    cut: int, logged: LoggedCall, tmp_path: Path, store: S3Store
) -> None:
    """The PBX's disk was full: half a sample, or nothing, is there of what the head promises."""
    whole = sound()
    arrives(tmp_path, whole[: len(whole) - len(whole[44:]) + cut])
    assert collect_recordings(now=soon()) == 1
    assert logged.recordings.get().state == "kept"


def test_one_that_cannot_be_read_keeps_no_other_waiting(
    logged: LoggedCall, tmp_path: Path, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert logged.call is not None
    other = FILE.replace("call", "other")
    await_recording("office", logged.call.key, other)
    arrives(tmp_path, sound())
    (tmp_path / "2026/11/26/other.wav").write_bytes(sound(1))

    def fails_for_the_first(stream: Any) -> Any:
        if len(found := stream.read()) > len(sound(1)):
            raise ValueError(found[:4])
        return heard(stream)

    monkeypatch.setattr("box.apps.calls.actions.recordings.heard", fails_for_the_first)
    assert collect_recordings(now=soon()) == 1
    assert [one.state for one in logged.recordings.order_by("id")] == ["awaited", "kept"]
    assert "log of the jobs" in logged.recordings.earliest("id").trouble


def test_a_long_one_is_never_in_memory_as_a_whole(logged: LoggedCall, tmp_path: Path, store: S3Store) -> None:
    """Several come at once, and a web worker takes them too."""
    arrives(tmp_path, b"RIFF" + bytes(64 * 2**20))
    tracemalloc.start()
    assert collect_recordings(now=soon()) == 1
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 32 * 2**20
    kept = logged.recordings.get().blob
    assert kept is not None
    assert files_store().stat(kept.key).size == kept.size == 64 * 2**20 + 4


def test_loudness_is_drawn_from_silence_to_its_top() -> None:
    found = heard(io.BytesIO(sound()))
    assert (found.seconds, len(found.waveform), found.content_type) == (2, BARS, "audio/wav")
    assert max(found.waveform[: BARS // 2 - 1]) == 0
    assert min(found.waveform[BARS // 2 + 1 :]) == 100
    assert heard(io.BytesIO(b"RIFF and nothing more")).waveform == ()


# By the PBX's own hand


def sent(
    data: bytes, *, key: str = "a-key-for-tests", headers: Mapping[str, str] | None = None, **more: Any
) -> Any:
    values = {"pbx": "office", "file": FILE, "size": len(data), "sent_at": int(time.time())}
    delivery = Delivery(**{**values, "sha256": hashlib.sha256(data).hexdigest(), **more})
    usual = {
        "X-Korobka-Pbx": delivery.pbx,
        "X-Korobka-File": delivery.file,
        "X-Korobka-Size": str(delivery.size),
        "X-Korobka-Sha256": delivery.sha256,
        "X-Korobka-Sent": str(delivery.sent_at),
        "X-Korobka-Signature": signature(delivery, key),
        "X-Forwarded-Proto": "https",
    }
    kind = "application/octet-stream"
    return Client().post("/calls/recordings/", data, content_type=kind, headers={**usual, **(headers or {})})


def test_what_the_pbx_sends_is_kept_once(logged: LoggedCall, store: S3Store) -> None:
    assert sent(sound()).status_code == 201
    assert sent(sound()).status_code == 201
    assert logged.recordings.get().state == "kept"
    assert Blob.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "another-key"},
        {"size": 10},
        {"size": 100_000},
        {"sha256": "0" * 64},
        {"sent_at": 1},
        {"file": "/etc/passwd.wav"},
        {"pbx": "unknown"},
    ],
)
def test_what_is_not_as_it_was_signed_is_refused(logged: LoggedCall, wrong: dict[str, Any]) -> None:
    assert sent(sound(), **wrong).status_code in (401, 422)
    assert not Blob.objects.exists()


def test_a_signature_of_other_letters_is_wrong_and_no_error(logged: LoggedCall) -> None:
    answer = sent(sound(), headers={"X-Korobka-Signature": "\u00e9"})
    assert answer.status_code == 401


def test_what_comes_before_its_call_is_asked_to_come_again(logged: LoggedCall) -> None:
    assert sent(sound(), file=f"{THERE}/other.wav").status_code == 503


# Who hears it, and how long


@pytest.fixture
def kept(logged: LoggedCall, tmp_path: Path, store: S3Store) -> Recording:
    arrives(tmp_path, sound())
    collect_recordings(now=soon())
    return logged.recordings.get()


def test_who_took_part_hears_it_and_that_is_written_down(
    kept: Recording, anna: User, cara: User, as_person: Browser
) -> None:
    address = f"/calls/{kept.logged_id}/recordings/{kept.pk}/"
    assert as_person(cara).get(address).status_code == 404
    answer = as_person(anna).get(address)
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "no-store"
    assert AuditRecord.objects.filter(kind="calls.heard").count() == 1
    page = as_person(anna).get(f"/calls/{kept.logged_id}/").content.decode()
    assert address in page


def test_it_stands_on_the_clients_card_for_who_may_hear_it_and_for_nobody_else(
    logged: LoggedCall, tmp_path: Path, anna: User, boris: User, cara: User, as_person: Browser
) -> None:
    """Whoever sees the client sees that there was a call."""
    reached = (Reach("phone", logged.number),)
    client = added("contact", cara, "Rose", reached_by=reached, observers=[anna, boris])
    finish(logged, [])
    deliver_all()
    arrives(tmp_path, sound())
    collect_recordings(now=soon())
    kept = logged.recordings.get()
    address = f"/calls/{logged.pk}/recordings/{kept.pk}/"

    def hears(person: User) -> bool:
        card = as_person(person).get(client.get_absolute_url()).content.decode()
        assert "Incoming call" in card
        return address in card

    # It rang at Boris's, too; Cara only knows the client.
    assert [hears(one) for one in (anna, boris, cara)] == [True, True, False]
    LoggedCall.objects.filter(pk=logged.pk).update(audience=[f"U{anna.pk}", f"U{cara.pk}"])
    assert [hears(one) for one in (boris, cara)] == [False, False]
    grant_role(create_role("Listeners", [LISTEN], by=None), f"U{cara.pk}", by=None)
    assert hears(cara)
    Recording.objects.filter(pk=kept.pk).update(state=Recording.State.EXPIRED)
    assert not hears(anna)


def test_moments_that_are_noted_stand_beside_it_on_the_call_and_on_the_clients_card(
    kept: Recording, anna: User, as_person: Browser
) -> None:
    reached = (Reach("phone", kept.logged.number),)
    client = added("contact", anna, "Rose", reached_by=reached)
    finish(kept.logged, [])
    deliver_all()
    noted = as_person(anna).post(f"/calls/{kept.logged_id}/note/", {"note": "0:01 the price\n59:00 too late"})
    assert noted.status_code == 302
    deliver_all()
    for address in (f"/calls/{kept.logged_id}/", client.get_absolute_url()):
        page = as_person(anna).get(address).content.decode()
        assert re.findall(r'data-at="(\d+)">([\d:]+)</button> ([^<]*)<', page) == [("1", "0:01", "the price")]


def test_a_program_fetches_it_by_its_link_as_long_as_its_person_may_hear_it(
    kept: Recording, anna: User, cara: User
) -> None:
    (row,) = program_of(anna, "telephony").call("voximplant.statistic.get")
    assert (row["RECORD_FILE_ID"], row["RECORD_DURATION"]) == (kept.pk, str(kept.seconds))
    assert program_of(cara, "telephony").call("voximplant.statistic.get") == []
    link = row["CALL_RECORD_URL"].partition("/rest/")[2]
    program = Client(headers={"X-Forwarded-Proto": "https"})
    answer = program.get(f"/rest/{link}")
    assert answer.status_code == 302
    assert AuditRecord.objects.get(kind="calls.heard").by_id == anna.pk
    LoggedCall.objects.filter(pk=kept.logged_id).update(audience=[f"U{cara.pk}"])
    assert program.get(f"/rest/{link}").json()["error"] == "ERROR_NOT_FOUND"
    assert AuditRecord.objects.filter(kind="calls.heard").count() == 1


def test_recordings_go_after_their_time_unless_they_are_held(kept: Recording, olga: User) -> None:
    started_at = kept.logged.started_at
    assert expire_recordings(before=started_at) == 0
    hold_recordings(kept.logged, is_held=True, by=olga)
    assert expire_recordings(before=started_at + timedelta(days=1)) == 0
    hold_recordings(kept.logged, is_held=False, by=olga)
    assert expire_recordings(before=started_at + timedelta(days=1)) == 1
    kept.refresh_from_db()
    assert (kept.state, kept.blob, kept.waveform) == ("expired", None, [])
    assert Blob.objects.unreferenced().exists()
