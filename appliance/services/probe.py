"""Small questions to a listener, for health checks. Each answers None, or what is wrong."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

from appliance.bounded_server import cut_off_after

_SECONDS = 5.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, host: str) -> None:
        super().__init__(host, timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._path))


def http_status(
    place: Path | tuple[str, int], path: str, *, host: str = "localhost", expected: tuple[int, ...] = (200,)
) -> str | None:
    """Ask for a page on a Unix socket, or on an address and port, and compare the status.

    Root asks, and whoever has taken the listener's user over answers as slowly as it likes.
    """
    connection = (
        _UnixConnection(place, host)
        if isinstance(place, Path)
        else http.client.HTTPConnection(*place, timeout=_SECONDS)
    )
    try:
        connection.connect()
        with cut_off_after(connection.sock, _SECONDS):
            connection.request("GET", path, headers={"Host": host})
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"it does not answer ({_words(error)})"
    finally:
        connection.close()
    return None if status in expected else f"{path} answers {status}"


def exchange(path: Path, question: bytes, *, begins: bytes, wait: bool = True) -> str | None:
    """Send a line to a Unix socket and compare how the answer begins (with `wait` off: only connect)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(path))
            connection.sendall(question)
            answer = connection.recv(4096) if wait else b""
    except OSError as error:
        return f"it does not answer ({_words(error)})"
    return None if answer.startswith(begins) else "it answers something unexpected"


def listens(host: str, port: int) -> str | None:
    """Whether somebody listens on an address and port."""
    try:
        socket.create_connection((host, port), _SECONDS).close()
    except OSError as error:
        return f"it does not answer ({_words(error)})"
    return None


def connects(path: Path) -> str | None:
    """Whether somebody listens on a Unix socket."""
    return exchange(path, b"", begins=b"", wait=False)


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
