"""One request to another node, bounded in time and size."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

SECONDS = 5.0
MOST_BYTES = 4 << 20


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
    connection = http.client.HTTPSConnection(address, port, timeout=seconds, context=context)
    try:
        headers = {"Content-Type": "application/json", "Connection": "close"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        response = connection.getresponse()
        found = response.read(most + 1)
        status = response.status
    except (OSError, http.client.HTTPException) as error:
        raise NodeAway(f"{address}:{port} does not answer ({error or type(error).__name__}).") from None
    finally:
        connection.close()
    if len(found) > most:
        raise NodeAway(f"{address}:{port} answers with more than {most >> 20} MiB.")
    if status not in expected:
        raise NodeRefused(status, _words(found) or f"{address}:{port} answers {path} with {status}.")
    return found


def _words(text: bytes) -> str:
    """The sentence in an error, as etcd, Patroni and our own members write it."""
    try:
        said = json.loads(text)
    except ValueError:
        return text.decode(errors="replace").strip()[:500]
    return str(said.get("message") or said.get("error") or "")[:500] if isinstance(said, dict) else ""
