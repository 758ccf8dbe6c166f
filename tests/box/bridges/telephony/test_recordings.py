from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from tests.ports import hold

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
    good = {
        "pbx": "office",
        "key": "abc",
        "url": "https://box.corp.test/telephony/recordings/",
        "folder": THERE,
    }
    assert "'office'" in script(**good)
    for name, value in good.items():
        with pytest.raises(RecordingRefused):
            script(**{**good, name: f"{value}'; rm -rf /"})


@dataclass
class Box:
    """Takes recordings as the portal does, and answers with `status`."""

    folder: str
    status: int = 200
    unknown: str = ""
    taken: list[str] = field(default_factory=list)

    def take(self, request: BaseHTTPRequestHandler) -> None:
        sent = request.rfile.read(int(request.headers["Content-Length"]))
        given = accept(dict(request.headers), keys=KEYS, folder=self.folder, now=round(time.time()))
        assert hashlib.sha256(sent).hexdigest() == given.sha256
        name = Path(given.file).name
        status = 503 if name == self.unknown else self.status
        if status == 200:
            self.taken.append(name)
        request.send_response(status)
        request.end_headers()


@dataclass
class Sender:
    """The script on a PBX, and a box that it may reach: it asks this curl, which tries once."""

    folder: Path
    box: Box
    server: ThreadingHTTPServer

    def run(self, *files: str, box_is_there: bool = True) -> int:
        port = self.server.server_port if box_is_there else hold()
        name = self.folder / "korobka_recording.sh"
        url = f"http://127.0.0.1:{port}/calls/recordings/?from=office"
        name.write_text(script(pbx="office", key=KEYS["office"], url=url, folder=str(self.folder)))
        paths = [str(self.folder / "2026" / one) for one in files]
        for path in paths:
            Path(path).write_bytes(WAV)
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        return subprocess.run(["/bin/sh", name, *paths], env=environment, check=False, timeout=60).returncode

    @property
    def noted(self) -> list[str]:
        return sorted(note.name for note in (self.folder / "korobka-unsent").iterdir())


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    for name in ("2026", "bin"):
        (tmp_path / name).mkdir()
    curl = tmp_path / "bin" / "curl"
    curl.write_text(f'#!/bin/sh\nexec {shutil.which("curl")} "$@" --retry 0\n')
    curl.chmod(0o755)
    box = Box(str(tmp_path))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            box.take(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Sender(tmp_path, box, server)
    server.shutdown()
    server.server_close()


def test_what_the_box_takes_is_sent_once(sender: Sender) -> None:
    assert sender.run("1.1.wav") == 0
    assert sender.run("2.2.wav") == 0
    assert sender.run() == 0
    assert (sender.box.taken, sender.noted) == (["1.1.wav", "2.2.wav"], [])


def test_what_a_box_that_was_away_did_not_take_is_sent_with_the_next_and_by_cron(sender: Sender) -> None:
    for name in ("1.1.wav", "2.2.wav"):
        assert sender.run(name, box_is_there=False) != 0
    assert sender.noted == ["1.1.wav", "2.2.wav"]
    # And what it did not know of yet.
    sender.box.status = 503
    assert sender.run("3.3.wav") != 0
    sender.box.status = 200
    assert sender.run("4.4.wav") == 0
    assert sender.box.taken == ["4.4.wav", "1.1.wav", "2.2.wav", "3.3.wav"]
    sender.run("5.5.wav", box_is_there=False)
    assert sender.run() == 0
    assert (sender.box.taken[4:], sender.noted) == (["5.5.wav"], [])


def test_one_that_is_not_taken_keeps_no_other_back(sender: Sender) -> None:
    for name in ("1.1.wav", "2.2.wav"):
        sender.run(name, box_is_there=False)
    sender.box.unknown = "1.1.wav"
    assert sender.run() == 0
    assert (sender.box.taken, sender.noted) == (["2.2.wav"], ["1.1.wav"])


def test_what_is_gone_or_a_week_old_is_sent_no_more(sender: Sender) -> None:
    for name in ("1.1.wav", "2.2.wav", "3.3.wav"):
        sender.run(name, box_is_there=False)
    (sender.folder / "2026" / "1.1.wav").unlink()
    old, young = (time.time() - days * 86_400 for days in (7.1, 6.9))
    os.utime(sender.folder / "korobka-unsent" / "2.2.wav", (old, old))
    os.utime(sender.folder / "korobka-unsent" / "3.3.wav", (young, young))
    assert sender.run() == 0
    assert (sender.box.taken, sender.noted) == (["3.3.wav"], [])
