from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from box.bridges.telephony.fastagi import LONGEST_LINE, MOST_LINES, Inquiry, Route, Server, Way, commands

ASKED = (
    b"agi_network: yes\nagi_callerid: 79161234567\nagi_calleridname: Client\n"
    b"agi_dnid: 4950000\nagi_uniqueid: 1.1\n\n"
)


class Decides:
    def __init__(self, decide: Callable[[Inquiry], Route]) -> None:
        self.route = decide


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(decide: Callable[[Inquiry], Route], **more: float) -> Server:
        running.append(Server("127.0.0.1", 0, Decides(decide), **more))
        return running[-1]

    yield start
    for server in running:
        server.stop()


def ask(server: Server, data: bytes = ASKED) -> list[bytes]:
    """The commands that come back; each is answered as Asterisk does."""
    told = []
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as line,
        line.makefile("rb") as answers,
    ):
        line.sendall(data)
        while command := answers.readline():
            told.append(command)
            line.sendall(b"200 result=1\n")
    return told


def test_the_responsible_employee_is_called_first(serve: Callable[..., Server]) -> None:
    asked: list[Inquiry] = []

    def decide(inquiry: Inquiry) -> Route:
        asked.append(inquiry)
        return Route(Way.FIRST, "101")

    assert ask(serve(decide)) == [
        b'SET VARIABLE KOROBKA_EXTENSION "101"\n',
        b'SET VARIABLE KOROBKA_ROUTE "first"\n',
    ]
    assert asked == [Inquiry("79161234567", "Client", "4950000", "", "1.1")]


def test_a_decision_that_takes_too_long_is_none(serve: Callable[..., Server]) -> None:
    decided = threading.Event()

    def hang(inquiry: Inquiry) -> Route:
        decided.wait(60)
        return Route(Way.REFUSE)

    assert ask(serve(hang, decides_within=0.2)) == []
    decided.set()


def test_a_decision_that_fails_is_none_and_the_next_call_is_decided(serve: Callable[..., Server]) -> None:
    fails = iter([True, False])

    def decide(inquiry: Inquiry) -> Route:
        if next(fails):
            raise ZeroDivisionError
        return Route(Way.CLOSED)

    server = serve(decide)
    assert ask(server) == []
    assert ask(server) == [b'SET VARIABLE KOROBKA_ROUTE "closed"\n']


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"agi_x: " + b"y" * LONGEST_LINE * 2 + b"\n\n",
        b"agi_x: y\n" * (MOST_LINES + 1),
    ],
)
def test_who_is_no_asterisk_is_not_asked_about(serve: Callable[..., Server], garbage: bytes) -> None:
    asked: list[Inquiry] = []

    def decide(inquiry: Inquiry) -> Route:
        asked.append(inquiry)
        return Route(Way.USUAL)

    with suppress(ConnectionError):
        assert ask(serve(decide), garbage) == []
    assert asked == []


def test_no_extension_becomes_a_command() -> None:
    with pytest.raises(ValueError, match="no extension"):
        commands(Route(Way.FIRST, '101"\nEXEC System x'))
