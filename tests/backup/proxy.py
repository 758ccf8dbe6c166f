"""A proxy in front of an S3 store with TLS: the way there, as it is on a bad day."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

type Weather = Literal["fair", "503", "cut", "silent"]
type Way = Literal["there", "back"]

_BUSY = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 81\r\n"
    b"Connection: close\r\n\r\n"
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>later</Message></Error>"
)


class Proxy:
    """Passes everything on (`fair`), answers 503 to all (`503`), lets nobody through and breaks what is open
    (`cut`), or takes everything and answers nothing (`silent`)."""

    def __init__(self, upstream: int, certificate: Path) -> None:
        self.weather: Weather = "fair"
        self.refused = 0
        self._left: dict[Way, int] = {}
        self._fate: Weather = "fair"
        self._clearing = threading.Condition()
        self._upstream = upstream
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(certificate)
        # It stands on the same machine: who is at the other end is not in question.
        self._client = ssl.create_default_context()
        self._client.check_hostname = False
        self._client.verify_mode = ssl.CERT_NONE
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """As when a cable is pulled: what is open breaks, and nothing new comes through."""
        self.weather = "cut"
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def turn(self, fate: Weather, *, after: int, way: Way) -> None:
        """The weather changes in the middle of what is carried: once so many bytes went this way."""
        self._fate, self._left = fate, {way: after}

    @property
    def has_turned(self) -> bool:
        return self.weather == self._fate

    def clear_up(self) -> None:
        """Fair again, for what is begun from now on."""
        with self._clearing:
            self.weather, self._left = "fair", {}
            self._clearing.notify_all()

    def close(self) -> None:
        self.clear_up()
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self.weather == "cut":
                self.refused += 1
                raw.close()
                return
            if self.weather == "silent":
                self._swallow(raw)
                return
            asker = stack.enter_context(self._server.wrap_socket(raw, server_side=True))
            if self.weather == "503":
                self.refused += 1
                asker.recv(65536)
                asker.sendall(_BUSY)
                return
            way = socket.create_connection(("localhost", self._upstream))
            store = stack.enter_context(self._client.wrap_socket(way, server_hostname="localhost"))
            self._open |= {asker, store}
            stack.callback(self._open.difference_update, {asker, store})
            self._pass_on(asker, store)

    def _swallow(self, *ends: socket.socket) -> None:
        """Hold on to it, without a word, for as long as the weather is so."""
        self.refused += 1
        with self._clearing:
            self._clearing.wait_for(lambda: self.weather != "silent")
        for end in ends:
            end.close()

    def _carried(self, way: Way, count: int) -> None:
        with self._clearing:
            if way not in self._left:
                return
            self._left[way] -= count
            is_over = self._left[way] <= 0
            if is_over:
                self.weather, self._left = self._fate, {}
        if is_over and self._fate == "cut":
            self.cut()

    def _pass_on(self, one: ssl.SSLSocket, other: ssl.SSLSocket) -> None:
        pairs = {one: other, other: one}
        while True:
            ready = [end for end in pairs if end.pending()] or select.select(list(pairs), [], [], 1)[0]
            for end in ready:
                # What can be read may be TLS's own business, with no word for us behind it.
                end.setblocking(False)
                try:
                    data = end.recv(65536)
                except ssl.SSLWantReadError:
                    continue
                finally:
                    end.setblocking(True)
                if not data:
                    return
                if self.weather == "503":
                    self.refused += 1
                    one.sendall(_BUSY)
                    return
                if self.weather == "silent":
                    self._swallow(one, other)
                    return
                pairs[end].sendall(data)
                self._carried("there" if end is one else "back", len(data))


@contextmanager
def running_proxy(upstream: int, certificate: Path) -> Iterator[Proxy]:
    proxy = Proxy(upstream, certificate)
    try:
        yield proxy
    finally:
        proxy.close()
