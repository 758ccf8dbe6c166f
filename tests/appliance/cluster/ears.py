"""Open pages that listen: each comes back where its stream ends, at whichever node answers, and asks for what
came meanwhile."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.appliance.boxes import wait_until

from .people import Door

SILENT = 45.0
"""Seconds without a word, of which one comes every twenty, after which a stream is dead."""
PAUSE = 0.5


@dataclass
class Ear:
    """One page's stream; in a thread of its own while its `with` lasts."""

    doors: Sequence[Door]
    cookies: Mapping[str, str]
    first: int = 0
    heard: list[int] = field(default_factory=list)
    """Numbers of messages, as they came."""
    last: int = 0
    """Up to which it knows what there is."""
    ended: int = 0
    """Streams that ended, and another was opened."""
    resets: int = 0
    """How often it was told that something was missed."""
    since: int = 0
    """From which on it counts."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._socket: ssl.SSLSocket | None = None
        self._at = self.first % len(self.doors)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(2)
        self._thread.join(SILENT + 20)
        assert not self._thread.is_alive(), "a stream hangs"

    def begin_counting(self) -> None:
        self.heard, self.ended, self.resets, self.since = [], 0, 0, self.last

    def catch_up(self, number: int) -> None:
        """Wait until it knows of that message."""
        wait_until(lambda: self.last >= number, seconds=90)

    def _work(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, http.client.HTTPException, ValueError):
                self._listen(self.doors[self._at])
            self._at = (self._at + 1) % len(self.doors)
            self.ended += 1
            self._stop.wait(PAUSE)

    def _listen(self, door: Door) -> None:
        context = ssl.create_default_context(cafile=door.ca_file)
        with context.wrap_socket(door.connect(), server_hostname=door.hostname) as stream:
            self._socket = stream
            stream.settimeout(SILENT)
            known = f"Last-Event-ID: {self.last}\r\n" if self.last else ""
            cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            host = door.origin.removeprefix("https://")
            head = f"GET /push/stream HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{known}\r\n"
            stream.sendall(head.encode())
            with stream.makefile("rb") as lines:
                if b" 200 " not in lines.readline():
                    return
                self._hear(line.decode().rstrip("\r\n") for line in lines)

    def _hear(self, lines: Iterator[str]) -> None:
        number, name = 0, ""
        for line in lines:
            key, _, value = line.partition(": ")
            if key == "id":
                number = int(value)
            elif key == "event":
                name = value
            elif not line and number:
                self.last = number
                if name == "reset":
                    self.resets += 1
                elif not name:
                    self.heard.append(number)
                number, name = 0, ""
