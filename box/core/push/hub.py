"""Everyone who listens, found by what they may know. No database here, no HTTP."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from box.core.accounts.digests import digest

ACCESS_CHANGED = "access-changed"
SIGNED_OUT = "signed-out"

HEARTBEAT_SECONDS = 20
# A stream ends after an hour, and the browser opens another: what a session may know is then asked anew,
# even if the message that should have said so was never sent.
BEATS_OF_A_STREAM = 3600 // HEARTBEAT_SECONDS
HEARTBEAT = b":\n\n"
# Of one person: all tabs of a browser share one.
MOST_STREAMS = 30
# Messages kept for those who reconnect.
BACKLOG_BYTES = 8 * 1024 * 1024
# In place of a number: whoever has seen everything up to there has to look anew.
UNKNOWN = -1

RESPONSE_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-store\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    # The body ends with the connection, so an event is written as it is, to all receivers the same bytes.
    b"Connection: close\r\n"
    b"\r\n"
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A person in one of their sessions, and what they may know."""

    user_id: int
    session_key: str
    address: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Message:
    """A numbered message, encoded once for all its receivers."""

    number: int
    kind: str
    audience: frozenset[str]
    data: bytes
    # Of `signed-out`: the digest of the one session that goes on, or nothing.
    kept: str = ""
    # When this process heard of it, by its monotonic clock.
    at: float = field(default_factory=time.monotonic, compare=False)

    @classmethod
    def encode(cls, number: int, topic: str, kind: str, audience: Iterable[str], payload: str) -> Message:
        """`payload` is JSON on one line, as PostgreSQL prints a jsonb."""
        head = json.dumps({"topic": topic, "kind": kind}, ensure_ascii=False)
        data = f'id: {number}\ndata: {head[:-1]}, "payload": {payload}}}\n\n'.encode()
        kept = json.loads(payload).get("kept", "") if kind == SIGNED_OUT else ""
        return cls(number, kind, frozenset(audience), data, kept)


def event(name: str, number: int, **data: Any) -> bytes:
    """One of the service's own events; it also moves the client's last event id."""
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


class Stream(asyncio.Protocol):
    """One open connection. Thousands of them idle, so it holds next to nothing.

    The transport's write buffer is its queue, bounded by the transport's high-water mark: a reader who is
    slower than that misses messages, and is told to look at everything anew when it has caught up.
    """

    __slots__ = (
        *("_beats", "_connections", "_hub", "_is_behind", "_is_paused", "_was_paused"),
        *("after", "listener", "slot", "transport"),
    )

    transport: asyncio.Transport

    def __init__(self, hub: Hub, listener: Listener, *, after: int | None) -> None:
        self._hub = hub
        self.listener = listener
        self.after = after
        self.slot = 0
        self._beats = 0
        self._is_paused = self._was_paused = self._is_behind = False

    def take_over(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        """Begin: the response's head, what was missed, and from now on everything as it comes."""
        self.transport = transport
        self._connections = connections
        connections.add(self)
        transport.write(RESPONSE_HEAD)
        self._hub.join(self)

    def send(self, data: bytes) -> None:
        if self._is_paused:
            self._is_behind = True
        else:
            self.transport.write(data)

    def beat(self) -> None:
        """Keep the connection alive through proxies, and end it when it is dead or old."""
        self._beats += 1
        if self._is_paused and self._was_paused:
            self.transport.abort()
        elif self._beats >= BEATS_OF_A_STREAM:
            self.close()
        elif not self._is_paused:
            self.transport.write(HEARTBEAT)
        self._was_paused = self._is_paused

    def close(self) -> None:
        """End it after what was already sent; the browser comes back after the time that it is told here."""
        if not self.transport.is_closing():
            self.transport.write(f"retry: {self._hub.retry_milliseconds()}\n\n".encode())
            self.transport.close()

    # What asyncio and uvicorn call.

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        if self._is_behind:
            self._is_behind = False
            self.transport.write(event("reset", self._hub.last))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._hub.leave(self)

    def shutdown(self) -> None:
        self.close()


class Hub:
    """Fans messages out, at a cost that grows with the receivers and not with the listeners."""

    def __init__(
        self,
        *,
        on_access_changed: Callable[[set[Stream]], None],
        on_signed_out: Callable[[set[Stream]], None],
    ) -> None:
        # Set when the first messages have been loaded: before that nobody can be told what they missed.
        self.is_ready = asyncio.Event()
        self.last = 0
        self.listeners = 0
        self._on_access_changed = on_access_changed
        self._on_signed_out = on_signed_out
        self._by_code: dict[str, set[Stream]] = {}
        self._wheel: list[set[Stream]] = [set() for _ in range(HEARTBEAT_SECONDS)]
        self._now = 0
        self._backlog: deque[Message] = deque()
        self._backlog_bytes = 0
        # Whoever has seen everything up to this number can be told the rest; and when it was the newest.
        self._floor, self._floor_at = 0, 0.0

    def start(self, last: int, *, floor: int) -> None:
        """Begin at `last`, as at the first start, or after the numbers have jumped: then all look anew."""
        self.last, self._floor, self._floor_at = last, floor, time.monotonic()
        self._backlog.clear()
        self._backlog_bytes = 0
        for slot in self._wheel:
            for stream in slot:
                stream.send(event("reset", last))

    def receivers(self, audience: frozenset[str]) -> set[Stream]:
        found = [self._by_code[code] for code in audience if code in self._by_code]
        # A set of their own: streams leave while messages go out.
        return set().union(*found)

    def join(self, stream: Stream) -> None:
        """Tell `stream` what it missed since its last message, then count it in."""
        self._index(stream, stream.listener.codes)
        stream.slot = self._now
        self._wheel[stream.slot].add(stream)
        self.listeners += 1
        stream.send(b"".join(self._missed(stream)) + event("hello", self.last, listeners=self.listeners))

    def has_enough(self, listener: Listener) -> bool:
        """Whether this person has so many streams that another one is no browser's: each costs the balancer
        descriptors, of which all have a share."""
        return len(self._by_code.get(f"U{listener.user_id}", ())) >= MOST_STREAMS

    def leave(self, stream: Stream) -> None:
        self._unindex(stream, stream.listener.codes)
        self._wheel[stream.slot].discard(stream)
        self.listeners -= 1

    def change_codes(self, stream: Stream, codes: frozenset[str]) -> None:
        """The person of `stream` may now know other things."""
        if stream.transport.is_closing():
            return
        old = stream.listener
        stream.listener = replace(old, codes=codes)
        self._unindex(stream, old.codes - codes)
        self._index(stream, codes - old.codes)

    def deliver(self, message: Message) -> None:
        """Send it to everyone whom it is for, and keep it for those who reconnect."""
        self.last = message.number
        receivers = self.receivers(message.audience)
        if message.kind == SIGNED_OUT:
            ended = {stream for stream in receivers if digest(stream.listener.session_key) != message.kept}
            self._on_signed_out(ended)
        else:
            for stream in receivers:
                stream.send(message.data)
        if message.kind == ACCESS_CHANGED:
            self._on_access_changed(receivers)
        self._keep(message)

    def last_before(self, moment: float) -> int:
        """The number of the newest message of before that moment; `UNKNOWN` where nobody knows any more."""
        newest_first = reversed(self._backlog)
        before = next((message.number for message in newest_first if message.at < moment), self._floor)
        return before if self._floor_at < moment else UNKNOWN

    def is_outdated(self, listener: Listener, *, since: int) -> bool:
        """True if after message `since` one came that may have changed who `listener` is."""
        return any(message.kind in (ACCESS_CHANGED, SIGNED_OUT) for message in self._kept(listener, since))

    def beat(self) -> None:
        """Once a second: the heartbeat of those whose turn it is, so that they are spread evenly."""
        self._now = (self._now + 1) % HEARTBEAT_SECONDS
        for stream in list(self._wheel[self._now]):
            stream.beat()

    def retry_milliseconds(self) -> int:
        """When to come back: at random, within a time that grows with how many will."""
        return random.randint(500, 1500 + 2 * self.listeners)  # noqa: S311 - nobody gains from guessing it

    def _keep(self, message: Message) -> None:
        self._backlog.append(message)
        self._backlog_bytes += len(message.data)
        while self._backlog_bytes > BACKLOG_BYTES:
            oldest = self._backlog.popleft()
            self._backlog_bytes -= len(oldest.data)
            self._floor, self._floor_at = oldest.number, oldest.at

    def _missed(self, stream: Stream) -> list[bytes]:
        if stream.after is None:
            return []
        if not self._floor <= stream.after <= self.last:
            return [event("reset", self.last)]
        # Whoever connects now has signed in again since a `signed-out`.
        return [m.data for m in self._kept(stream.listener, stream.after) if m.kind != SIGNED_OUT]

    def _kept(self, listener: Listener, since: int) -> list[Message]:
        found = []
        for message in reversed(self._backlog):
            if message.number <= since:
                break
            if message.audience & listener.codes:
                found.append(message)
        return found[::-1]

    def _index(self, stream: Stream, codes: frozenset[str]) -> None:
        for code in codes:
            self._by_code.setdefault(code, set()).add(stream)

    def _unindex(self, stream: Stream, codes: frozenset[str]) -> None:
        for code in codes:
            streams = self._by_code[code]
            streams.discard(stream)
            if not streams:
                del self._by_code[code]
