"""What callers of a menu hear, recorded in the portal: taken in, listened to, fetched by the PBX."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from box.apps.calls.prompts import LONGEST_SECONDS, RATE, read, script, token_of
from box.bridges.telephony.configuration import plan_of
from box.bridges.telephony.generator import generate
from box.bridges.telephony.models import CallMenu, CallQueue
from box.bridges.telephony.plan import Release
from box.bridges.telephony.recordings import RecordingRefused
from box.core.files.models import Blob

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from box.bridges.storage.client import S3Store
    from box.bridges.telephony.models import Pbx
    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

HTTPS = {"X-Forwarded-Proto": "https"}


def sound(frames: int = 2 * RATE, *, channels: int = 1, width: int = 2, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(b"\1" * frames * channels * width)
    return out.getvalue()


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("welcome.wav", content)


@pytest.fixture
def olgas(olga: User, as_person: Browser) -> Client:
    return as_person(olga)


@pytest.fixture
def save(pbx: Pbx, olgas: Client) -> Callable[..., int]:
    """The form of the only menu, or of a new one, which nobody has filled in so far; the status."""
    CallQueue.objects.create(pbx=pbx, name="support", number="700", members=["100"])

    def send(content: bytes | None = None, **more: str) -> int:
        menu = CallMenu.objects.first()
        sent: dict[str, Any] = {"name": "welcome", "number": "800", "sound": "", "key-1": "700", **more}
        if content is not None:
            sent["prompt"] = upload(content)
        place = f"/calls/exchanges/{pbx.pk}/menus/{menu.pk if menu else 'new'}/"
        assert olgas.get(place).status_code == 200
        return olgas.post(place, sent).status_code

    return send


def background(pbx: Pbx) -> str:
    text = generate(plan_of(pbx, asterisk=Release(22), boxes=("127.0.0.1/32",), records=False))
    return text["extensions_korobka.conf"].partition("Background(")[2].partition(")")[0]


def test_it_is_kept_played_and_part_of_the_configuration(
    save: Callable[..., int], olgas: Client, pbx: Pbx, store: S3Store
) -> None:
    assert save(sound()) == 302
    menu = CallMenu.objects.get()
    assert (menu.sound, menu.prompt_seconds) == ("korobka/welcome", 2)
    assert background(pbx) == "korobka/welcome"
    place = f"/calls/exchanges/{pbx.pk}/menus/{menu.pk}/"
    assert f'src="{place}sound/"' in olgas.get(place).content.decode()
    assert olgas.get(f"{place}sound/").status_code == 302
    fetched = Client(headers=HTTPS).get(f"/calls/sounds/{token_of(menu)}/")
    assert fetched.status_code == 302
    assert menu.prompt is not None
    assert menu.prompt.key in fetched.headers["Location"]
    for wrong in (f"{token_of(menu)}x", str(menu.pk), f"{menu.pk}:x"):
        assert Client(headers=HTTPS).get(f"/calls/sounds/{wrong}/").status_code == 404


def test_it_follows_the_menus_name_and_gives_way_to_another(
    save: Callable[..., int], pbx: Pbx, store: S3Store
) -> None:
    save(sound())
    first = CallMenu.objects.get().prompt_id or 0
    assert save(name="hello", sound="korobka/welcome") == 302
    assert (CallMenu.objects.get().prompt_id, background(pbx)) == (first, "korobka/hello")
    assert save(sound(RATE), name="hello", sound="korobka/hello") == 302
    assert CallMenu.objects.get().prompt_id != first
    assert Blob.objects.unreferenced().filter(pk=first).exists()
    assert save(sound="custom/welcome") == 302
    assert (CallMenu.objects.get().prompt_id, background(pbx)) == (None, "custom/welcome")
    # A sound of the PBX stays what it is; nothing at all is no menu.
    assert save(sound="") == 422
    assert background(pbx) == "custom/welcome"


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"RIFF and nothing more",
        b"ID3\3 a song",
        sound(channels=2),
        sound(width=1),
        sound(rate=44_100),
        sound(0),
        sound(LONGEST_SECONDS * RATE + 1),
        sound()[:-1000],
    ],
)
def test_what_no_pbx_plays_is_refused_and_nothing_is_changed(
    wrong: bytes, save: Callable[..., int], store: S3Store
) -> None:
    assert save(wrong) == 422
    assert not CallMenu.objects.exists()
    assert not Blob.objects.exists()


def test_the_longest_is_taken_and_what_stands_around_it_is_left_behind() -> None:
    whole = sound(LONGEST_SECONDS * RATE)
    assert read(io.BytesIO(whole)).seconds == LONGEST_SECONDS
    tail = b"LIST\x0c\0\0\0INFOevil"
    assert read(io.BytesIO(whole + tail)).content == whole
    with pytest.raises(ValidationError, match="120 seconds"):
        read(io.BytesIO(b"no sound"))


def test_the_script_fetches_each_of_them(
    save: Callable[..., int], pbx: Pbx, store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(sound())
    menu = CallMenu.objects.get()
    text = script([menu], base="https://box.example.com")
    with pytest.raises(RecordingRefused):
        script([menu], base="https://$(reboot)")
    # In place of curl: it writes down what it was asked for.
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\nfor last; do :; done\nprintf %s "$last" > "${10}"\n')
    curl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    shell = shutil.which("sh") or "/bin/sh"
    subprocess.run([shell, "-s", str(tmp_path / "sounds")], input=text, text=True, check=True, timeout=30)
    asked = (tmp_path / "sounds" / "welcome.wav").read_text()
    assert asked == f"https://box.example.com/calls/sounds/{token_of(menu)}/"


def test_the_archive_holds_it_for_a_pbx_that_does_not_reach_the_box(
    save: Callable[..., int], olgas: Client, pbx: Pbx, store: S3Store
) -> None:
    save(sound())
    pbx.recordings_here = "/srv/recordings"
    pbx.save()
    asked = {"asterisk": "22", "boxes": "10.0.0.5", "do": "download"}
    answer = olgas.post(f"/calls/exchanges/{pbx.pk}/configuration/", asked)
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("sounds/korobka/welcome.wav") == sound()
        assert "/calls/sounds/" in archive.read("korobka_sounds.sh").decode()
        assert archive.getinfo("korobka_sounds.sh").external_attr >> 16 == 0o700
