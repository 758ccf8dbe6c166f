"""RFC 5424, to sockets that really listen."""

from __future__ import annotations

import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from box.lib.syslog import LONGEST_DATAGRAM, Message, is_address, sending_to

MESSAGE = Message(
    at=datetime(2026, 11, 24, 12, 30, 5, 123456, tzinfo=UTC),
    host="portal.example",
    app="korobka",
    kind="accounts.signed_in",
    text='Анна signed in\nfrom "home"',
    data={"who": 'Анна "]\\', "number": "7"},
)
# The grammar of RFC 5424, section 6.
SYSLOG = re.compile(
    r"<\d{1,3}>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [!-~]{1,255} [!-~]{1,48} [!-~]{1,128} [!-~]{1,32} "
    r'\[[!-~]{1,32}( [!-~]{1,32}="(\\["\\\]]|[^"\\\]])*")*\] \ufeff.*'
)


def test_a_message_follows_the_grammar() -> None:
    text = MESSAGE.encode().decode()
    assert SYSLOG.fullmatch(text)
    assert text.startswith("<110>1 2026-11-24T12:30:05.123456Z portal.example korobka - accounts.signed_in [")
    assert r'who="Анна \"\]\\"' in text
    assert text.endswith('\ufeffАнна signed in from "home"')


def test_over_udp_a_message_is_a_datagram_cut_at_a_whole_character() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        with sending_to(f"udp://127.0.0.1:{listener.getsockname()[1]}") as send:
            send(MESSAGE)
            send(Message(MESSAGE.at, "h", "a", "k", "ё" * 2000))
        assert listener.recv(9000) == MESSAGE.encode()
        long = listener.recv(9000)
    assert len(long) <= LONGEST_DATAGRAM
    assert long.decode().endswith("ё")


def test_over_tcp_octets_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        with sending_to(f"tcp://127.0.0.1:{listener.getsockname()[1]}") as send:
            connection, _address = listener.accept()
            send(MESSAGE)
            send(MESSAGE)
        with connection, connection.makefile("rb") as stream:
            data = stream.read()
    frame = b"%d %s" % (len(MESSAGE.encode()), MESSAGE.encode())
    assert data == frame * 2


def test_to_a_local_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "log"))
        listener.settimeout(10)
        with sending_to(f"unix:{tmp_path / 'log'}") as send:
            send(MESSAGE)
        assert listener.recv(9000) == MESSAGE.encode()


def test_where_nobody_listens_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), sending_to(f"unix:{tmp_path / 'log'}") as send:
        send(MESSAGE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("udp://log.example:514", True),
        ("tcp://192.0.2.1:601", True),
        ("udp://log.example", True),
        ("unix:/dev/log", True),
        ("http://log.example", False),
        ("udp://", False),
        ("udp://log:99999", False),
        ("log.example:514", False),
        ("unix:log", False),
    ],
)
def test_addresses(text: str, expected: bool) -> None:
    assert is_address(text) is expected
