"""The hub over real sockets, where what happens takes an hour otherwise."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from box.core.push.hub import (
    BACKLOG_BYTES,
    BEATS_OF_A_STREAM,
    HEARTBEAT_SECONDS,
    MOST_STREAMS,
    UNKNOWN,
    Hub,
    Listener,
    Message,
    Stream,
)

ANNA = Listener(1, "key-of-anna", "", frozenset({"U1", "UA"}))


def hub_at(number: int) -> Hub:
    hub = Hub(on_access_changed=lambda streams: None, on_signed_out=lambda streams: None)
    hub.start(number, floor=number)
    return hub


async def joined(
    hub: Hub, listener: Listener = ANNA, *, after: int | None = None
) -> tuple[Stream, socket.socket]:
    """A stream in the hub, and the browser's end of it."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    stream = Stream(hub, listener, after=after)
    transport, _ = await asyncio.get_running_loop().connect_accepted_socket(lambda: stream, ours)
    stream.take_over(transport, set())
    return stream, theirs


async def received(theirs: socket.socket) -> bytes:
    await asyncio.sleep(0)
    return await asyncio.get_running_loop().sock_recv(theirs, 2**20)


def run(test: Callable[[], Awaitable[Any]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def message(number: int, kind: str = "posted", payload: str = "{}") -> Message:
    return Message.encode(number, "feed", kind, ["UA"], payload)


def test_everybody_hears_a_heartbeat_in_each_round() -> None:
    async def test() -> None:
        hub = hub_at(0)
        ends = []
        for _ in range(3):
            _, theirs = await joined(hub)
            await received(theirs)
            ends.append(theirs)
            hub.beat()
        for _ in range(HEARTBEAT_SECONDS):
            hub.beat()
        assert [await received(theirs) for theirs in ends] == [b":\n\n"] * 3

    run(test)


def test_a_stream_ends_after_an_hour() -> None:
    async def test() -> None:
        hub = hub_at(0)
        stream, theirs = await joined(hub)
        for _ in range(BEATS_OF_A_STREAM * HEARTBEAT_SECONDS):
            hub.beat()
        assert stream.transport.is_closing()
        text = await received(theirs)
        assert text.endswith(b"\n\n")
        assert b"\nretry: " in text
        await asyncio.sleep(0)
        assert hub.listeners == 0

    run(test)


def test_a_reader_who_never_reads_is_dropped() -> None:
    async def test() -> None:
        hub = hub_at(0)
        stream, theirs = await joined(hub)
        for number in range(1, 20):
            hub.deliver(message(number, payload=f'{{"text": "{"x" * 100_000}"}}'))
        for _ in range(2 * HEARTBEAT_SECONDS):
            assert hub.listeners == 1
            hub.beat()
            await asyncio.sleep(0)
        assert stream.transport.is_closing()
        theirs.close()

    run(test)


def test_what_is_kept_is_bounded() -> None:
    async def test() -> None:
        hub = hub_at(0)
        begun = time.monotonic()
        payload = f'{{"text": "{"x" * 100_000}"}}'
        count = BACKLOG_BYTES // 100_000 + 10
        for number in range(1, count + 1):
            hub.deliver(message(number, payload=payload))
        _, of_old = await joined(hub, after=1)
        assert b"event: reset\n" in await received(of_old)
        _, of_new = await joined(hub, after=count - 1)
        text = await received(of_new)
        assert b"event: reset\n" not in text
        assert text.count(b'"posted"') == 1
        assert hub.last_before(begun) == UNKNOWN

    run(test)


def test_what_came_before_a_moment_is_known_since_the_hub_began() -> None:
    hub = hub_at(3)
    begun = time.monotonic()
    for number in (4, 5):
        hub.deliver(replace(message(number), at=begun + number))
    assert [hub.last_before(begun + seconds) for seconds in (3, 4, 4.5, 5.5)] == [3, 3, 4, 5]
    assert hub.last_before(begun - 3600) == UNKNOWN


def test_codes_that_changed_while_somebody_was_asked_for_are_noticed() -> None:
    hub = hub_at(4)
    hub.deliver(message(5))
    assert not hub.is_outdated(ANNA, since=4)
    hub.deliver(Message.encode(6, "session", "access-changed", ["U2"], "{}"))
    assert not hub.is_outdated(ANNA, since=4)
    hub.deliver(Message.encode(7, "session", "access-changed", ["U1"], "{}"))
    assert hub.is_outdated(ANNA, since=4)
    assert not hub.is_outdated(ANNA, since=7)


def test_nothing_is_left_of_who_left() -> None:
    async def test() -> None:
        hub = hub_at(0)
        stream, theirs = await joined(hub)
        hub.change_codes(stream, frozenset({"U1", "D3"}))
        theirs.close()
        while hub.listeners:
            await asyncio.sleep(0)
        assert not hub.receivers(frozenset({"U1", "UA", "D3"}))
        hub.deliver(message(1))

    run(test)


def test_a_person_has_so_many_streams_and_others_have_theirs() -> None:
    boris = Listener(2, "key-of-boris", "", frozenset({"U2", "UA"}))

    async def test() -> None:
        hub = hub_at(0)
        ends = [await joined(hub) for _ in range(MOST_STREAMS - 1)]
        assert not hub.has_enough(ANNA)
        ends.append(await joined(hub))
        assert hub.has_enough(ANNA)
        assert not hub.has_enough(boris)
        ends[0][0].transport.abort()
        await asyncio.sleep(0)
        assert not hub.has_enough(ANNA)

    run(test)
