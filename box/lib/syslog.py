"""Messages of RFC 5424, sent over UDP (RFC 5426), TCP (octets counted, RFC 6587) or a local socket.

The standard library's handler speaks the older form, without structured data and with a local time. Texts
are UTF-8 behind a byte order mark, as the RFC asks for.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

# Facility 13, "log audit" (RFC 5424, 6.2.1); severity 6, informational.
PRIORITY = 13 * 8 + 6
SECONDS = 5.0
# A datagram must fit into what every receiver takes (RFC 5426, 3.2 asks for 2048).
LONGEST_DATAGRAM = 2048
# The number that documentation uses in place of a company's own (RFC 5612).
ENTERPRISE = "korobka@32473"

_ADDRESS = re.compile(r"(udp|tcp)://[^/\s]+(:\d+)?/?|unix:/\S+", re.IGNORECASE)
_NOT_PRINTABLE = re.compile(r"[^!-~]")


@dataclass(frozen=True)
class Message:
    """`kind` is the message id; `data` becomes one structured element."""

    at: datetime
    host: str
    app: str
    kind: str
    text: str
    data: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        head = " ".join(
            (_plain(self.host, 255), _plain(self.app, 48), "-", _plain(self.kind, 32), self._element())
        )
        return f"<{PRIORITY}>1 {at} {head} \ufeff{self.text.replace('\n', ' ')}".encode()

    def _element(self) -> str:
        if not self.data:
            return "-"
        parameters = (f'{_plain(name, 32)}="{_escaped(value)}"' for name, value in self.data.items())
        return f"[{ENTERPRISE} {' '.join(parameters)}]"


def _plain(text: str, longest: int) -> str:
    return _NOT_PRINTABLE.sub("", text)[:longest] or "-"


def _escaped(text: str) -> str:
    return re.sub(r'(["\\\]])', r"\\\1", text)


class Sender(Protocol):
    def __call__(self, message: Message) -> None:
        """Raises OSError where nobody takes it."""


def is_address(text: str) -> bool:
    """`udp://host:514`, `tcp://host:601` or `unix:/dev/log`."""
    if not _ADDRESS.fullmatch(text):
        return False
    try:
        return bool(text.startswith("unix:") or (urlsplit(text).hostname and urlsplit(text).port != 0))
    except ValueError:
        return False


@contextmanager
def sending_to(address: str) -> Iterator[Sender]:
    """A connection for a batch of messages. Raises OSError where nobody listens."""
    with _connected(address) as connection:
        if connection.type == socket.SOCK_STREAM:

            def send(message: Message) -> None:
                data = message.encode()
                connection.sendall(b"%d %s" % (len(data), data))

        else:

            def send(message: Message) -> None:
                # Cut at a whole character: a torn one would make the text no UTF-8.
                data = message.encode()[:LONGEST_DATAGRAM]
                connection.send(data.decode(errors="ignore").encode())

        yield send


def _connected(address: str) -> socket.socket:
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        connection.settimeout(SECONDS)
        connection.connect(path)
        return connection
    parts = urlsplit(address)
    is_stream = parts.scheme.lower() == "tcp"
    port = parts.port or (601 if is_stream else 514)
    if is_stream:
        return socket.create_connection((parts.hostname or "", port), timeout=SECONDS)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _name, target = found[0]
    connection = socket.socket(family, kind, protocol)
    connection.settimeout(SECONDS)
    connection.connect(target)
    return connection
