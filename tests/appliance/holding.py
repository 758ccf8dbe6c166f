"""Holds connections to a box's balancer open, as somebody who wishes it ill would. Loopback only."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from appliance.node import Node

HOLDER, OTHER = "127.0.0.2", "127.0.0.3"
PATIENCE = 8.0

_FORM = "POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
REQUESTS = {
    "headers that never end": "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
    "a body that never comes": _FORM.format(length=50) + "a",
    "a large body that stops": _FORM.format(length=1_000_000) + "a" * 100_000,
    "a static file unread": "GET /static/large.css HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a page unread": "GET /large/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


def connect(node: Node, source: str) -> ssl.SSLSocket:
    plain = socket.socket()
    # What is not read stays with the balancer, and not with this side's kernel.
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(PATIENCE)
    try:
        plain.bind((source, 0))
        plain.connect(("127.0.0.1", node.box.balancer.https_port))
        context = ssl.create_default_context(cafile=str(node.paths.tls / "ca.crt"))
        return context.wrap_socket(plain, server_hostname="localhost")
    except OSError:
        plain.close()
        raise


@contextmanager
def held(node: Node, request: str, count: int, *, source: str = HOLDER) -> Iterator[list[ssl.SSLSocket]]:
    """So many connections with such a request, unread; fewer where they were refused."""
    with ExitStack() as stack:
        connections: list[ssl.SSLSocket] = []
        for _ in range(count):
            # Refused, closed, or not read any more: all of it is an answer too.
            with contextlib.suppress(OSError):
                connection = stack.enter_context(connect(node, source))
                connections.append(connection)
                connection.settimeout(1)
                connection.sendall(request.encode())
        yield connections


def status_for(node: Node, source: str, path: str = "/", *, host: str = "localhost") -> int | None:
    """What this address is answered; None: nothing, within PATIENCE."""
    try:
        with connect(node, source) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                line = answer.readline().split()
    except OSError:
        return None
    return int(line[1]) if len(line) > 1 else None
