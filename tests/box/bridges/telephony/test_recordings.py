from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from box.bridges.telephony.recordings import (
    LARGEST,
    VALID_SECONDS,
    Delivery,
    Folder,
    RecordingRefused,
    accept,
    script,
    signature,
)

THERE = "/var/spool/asterisk/monitor"
WAV = b"RIFF....WAVE"
NOW = 1_800_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "monitor/2026").mkdir(parents=True)
    (tmp_path / "monitor/2026/1.1.wav").write_bytes(WAV)
    (tmp_path / "secret.wav").write_bytes(WAV)
    return Folder(tmp_path / "monitor", THERE)


def test_a_recording_is_opened_by_the_pbxs_name_for_it(folder: Folder) -> None:
    for name in (f"{THERE}/2026/1.1.wav", "2026/1.1.wav"):
        with folder.open(name) as file:
            assert file.read() == WAV


@pytest.mark.parametrize(
    "name",
    [
        "../secret.wav",
        f"{THERE}/../secret.wav",
        "/etc/passwd",
        "/etc/x.wav",
        "a.txt",
        "",
        "2026",
        "x\n.wav",
        f"{THERE}/" + "a/" * 9 + "x.wav",
    ],
)
def test_nothing_else_is_reached(folder: Folder, name: str) -> None:
    with pytest.raises(RecordingRefused):
        folder.open(name)


def test_no_link_is_followed_and_no_pipe_is_waited_for(folder: Folder) -> None:
    (folder.here / "link.wav").symlink_to("../secret.wav")
    (folder.here / "out").symlink_to("..")
    os.mkfifo(folder.here / "pipe.wav")
    for name in ("link.wav", "out/secret.wav", "pipe.wav"):
        with pytest.raises(RecordingRefused):
            folder.open(name)


def test_what_is_not_there_yet_may_come(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.open("2026/2.2.wav")


def test_what_is_not_what_its_name_says_is_refused(folder: Folder) -> None:
    (folder.here / "x.wav").write_bytes(b"<html>")
    with pytest.raises(RecordingRefused, match="not what its name says"):
        folder.open("x.wav")


KEYS = {"office": "k" * 32}


def headers(key: str = KEYS["office"], *, sent_at: int = NOW, **more: object) -> dict[str, str]:
    told = replace(
        Delivery("office", f"{THERE}/2026/1.1.wav", len(WAV), hashlib.sha256(WAV).hexdigest(), sent_at),
        **more,  # type: ignore[arg-type]
    )
    return {
        "X-Korobka-Pbx": told.pbx,
        "X-Korobka-File": told.file,
        "X-Korobka-Size": str(told.size),
        "X-Korobka-Sha256": told.sha256,
        "X-Korobka-Sent": str(told.sent_at),
        "X-Korobka-Signature": signature(told, key),
    }


def take(given: dict[str, str]) -> Delivery:
    return accept(given, keys=KEYS, folder=THERE, now=NOW)


def test_a_signed_delivery_of_a_known_pbx_is_taken() -> None:
    assert take(headers()).file == f"{THERE}/2026/1.1.wav"
    assert take(headers(sent_at=NOW - VALID_SECONDS))


@pytest.mark.parametrize("changed", ["Pbx", "File", "Size", "Sha256", "Sent", "Signature"])
def test_nothing_of_it_can_be_changed(changed: str) -> None:
    given = headers()
    name = f"X-Korobka-{changed}"
    with pytest.raises(RecordingRefused):
        take({**given, name: given[name][:-1] + ("0" if given[name][-1] != "0" else "1")})
    with pytest.raises(RecordingRefused):
        take({key: value for key, value in given.items() if key != name})


@pytest.mark.parametrize(
    "bad",
    [
        headers(""),
        headers("", pbx="stranger"),
        headers(sent_at=NOW - VALID_SECONDS - 1),
        headers(size=LARGEST + 1),
        headers(size=0),
        headers(file="/etc/passwd"),
        headers(file=f"{THERE}/../x.wav"),
    ],
)
def test_who_is_unknown_late_or_too_large_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(RecordingRefused):
        take(bad)


def test_the_script_holds_no_word_that_a_shell_reads() -> None:
    assert "'office'" in script(pbx="office", key="abc", url="https://box.corp.test/telephony/recordings/")
    with pytest.raises(RecordingRefused):
        script(pbx="office'; rm -rf /", key="abc", url="https://box")
