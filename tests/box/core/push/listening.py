"""A browser's end of the stream."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.box.processes import PATIENCE


@dataclass(frozen=True)
class Event:
    name: str
    number: int
    data: Any

    @property
    def kind(self) -> str:
        return str(self.data["kind"])


class EventSource:
    """Reads events as the specification says, from a connection whose head was `200`."""

    def __init__(self, path: Path, session_key: str, target: str = "/push/stream", **headers: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        lines = [
            f"GET {target} HTTP/1.1",
            "Host: portal.test",
            f"Cookie: {settings.SESSION_COOKIE_NAME}={session_key}",
        ]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass
        self.retry: int | None = None

    def next(self) -> Event | None:
        """The next event; None when the stream has ended."""
        fields: dict[str, str] = {}
        while line := self._file.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                return Event(fields.get("event", "message"), int(fields["id"]), json.loads(fields["data"]))
            elif "retry" in fields:
                self.retry = int(fields["retry"])
                fields = {}
        return None

    def next_message(self) -> Event:
        event = self.next()
        assert event is not None, "the stream has ended"
        assert event.name == "message", event
        return event

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@contextmanager
def listening(
    path: Path, session_key: str, target: str = "/push/stream", **headers: str
) -> Iterator[EventSource]:
    """A stream that is up to date: its `hello` is read, and it expects no missed messages."""
    source = EventSource(path, session_key, target, **headers)
    try:
        assert source.status == 200
        hello = source.next()
        assert hello is not None
        assert hello.name == "hello"
        yield source
    finally:
        source.close()
