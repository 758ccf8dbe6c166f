"""One request to another node, bounded in time and size.

What is asked all the time goes over connections that are kept: a handshake costs both ends more than the
question does. That a kept one was closed meanwhile says nothing about the node, and it is asked anew.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from http.client import HTTPException, HTTPSConnection
from typing import Any

SECONDS = 5.0
MOST_BYTES = 4 << 20
MOST_KEPT = 16
"""Connections that this process keeps and does not use at the moment."""

type _Way = tuple[str, int, ssl.SSLContext]
_kept: deque[tuple[_Way, HTTPSConnection]] = deque()
_lock = threading.Lock()


class NodeAway(Exception):
    """A node does not answer."""


class NodeRefused(Exception):
    """A node answered that it will not; the text is its own."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def ask(
    address: str,
    port: int,
    path: str,
    body: object = None,
    *,
    context: ssl.SSLContext,
    seconds: float = SECONDS,
    expected: tuple[int, ...] = (200,),
) -> Any:
    """What a node answers in JSON: to a GET, or to a POST where there is a body."""
    sent = None if body is None else json.dumps(body)
    text = _answer(address, port, path, sent, context=context, seconds=seconds, expected=expected)
    try:
        return json.loads(text) if text.strip() else None
    except ValueError:
        return text.decode(errors="replace")


def fetch(
    address: str, port: int, path: str, *, context: ssl.SSLContext, seconds: float = SECONDS, most: int
) -> bytes:
    """What a node answers to a GET, as it is; `most` in bytes."""
    return _answer(address, port, path, None, context=context, seconds=seconds, expected=(200,), most=most)


def _answer(
    address: str,
    port: int,
    path: str,
    body: str | None,
    *,
    context: ssl.SSLContext,
    seconds: float,
    expected: tuple[int, ...],
    most: int = MOST_BYTES,
) -> bytes:
    way = address, port, context
    while True:
        kept = _take(way)
        connection = kept or HTTPSConnection(address, port, timeout=seconds, context=context)
        try:
            status, found = _exchange(connection, path, body, seconds=seconds, most=most)
        except (OSError, HTTPException) as error:
            connection.close()
            if kept is None or isinstance(error, TimeoutError):
                words = error or type(error).__name__
                raise NodeAway(f"{address}:{port} does not answer ({words}).") from None
        else:
            _keep(way, connection)
            break
    if len(found) > most:
        raise NodeAway(f"{address}:{port} answers with more than {most >> 20} MiB.")
    if status not in expected:
        raise NodeRefused(status, _words(found) or f"{address}:{port} answers {path} with {status}.")
    return found


def _exchange(
    connection: HTTPSConnection, path: str, body: str | None, *, seconds: float, most: int
) -> tuple[int, bytes]:
    if connection.sock:
        connection.sock.settimeout(seconds)
    headers = {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    response = connection.getresponse()
    found = response.read(most + 1)
    if not response.isclosed():  # there is more of it
        connection.close()
    return response.status, found


def _take(way: _Way) -> HTTPSConnection | None:
    with _lock:
        for at, (known, connection) in enumerate(_kept):
            if known == way:
                del _kept[at]
                return connection
    return None


def _keep(way: _Way, connection: HTTPSConnection) -> None:
    if connection.sock is None:  # the other end wants it closed
        return
    with _lock:
        _kept.append((way, connection))
        oldest = _kept.popleft()[1] if len(_kept) > MOST_KEPT else None
    if oldest:
        oldest.close()


def _words(text: bytes) -> str:
    """The sentence in an error, as etcd, Patroni and our own members write it."""
    try:
        said = json.loads(text)
    except ValueError:
        return text.decode(errors="replace").strip()[:500]
    return str(said.get("message") or said.get("error") or "")[:500] if isinstance(said, dict) else ""
