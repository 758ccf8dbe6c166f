"""What health checks make of listeners that answer as they like."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance.services import probe

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Iterator[Path]:
    # A name of pytest's is too long for a socket.
    with (
        tempfile.TemporaryDirectory(prefix="korobka-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
    ):
        path = Path(folder) / "1.sock"
        listener.bind(str(path))
        listener.listen()

        def converse() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(4096)
                answer(connection)

        talk = threading.Thread(target=converse)
        talk.start()
        yield path
        talk.join()


@pytest.mark.parametrize(("expected", "told"), [(200, None), (204, "/ answers 200")])
def test_an_answer_is_compared_by_its_status(expected: int, told: str | None) -> None:
    with listening(lambda connection: connection.sendall(ANSWER)) as path:
        assert probe.http_status(path, "/", expected=(expected,)) == told


def test_who_answers_without_an_end_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte in time, and all of them later than anybody waits."""
    monkeypatch.setattr(probe, "_SECONDS", 0.5)

    def drip(connection: socket.socket) -> None:
        deadline = time.monotonic() + 20
        connection.sendall(b"HTTP/1.1 ")
        while time.monotonic() < deadline:
            connection.sendall(b" ")
            time.sleep(0.05)
        connection.sendall(b"200 OK\r\n\r\n")

    with listening(drip) as path:
        told = probe.http_status(path, "/")
    assert told and told.startswith("it does not answer")
