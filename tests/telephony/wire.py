"""The network between the box and a PBX: a wire that can be cut, as by a firewall that lets nothing pass any
more and says nothing of it."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Wire:
    """Whoever connects to `port` here is connected with the PBX."""

    def __init__(self, host: str, port: int, *, near: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self._goal = (host, port)
        self._listener = socket.create_server(near)
        self.port: int = self._listener.getsockname()[1]
        self._passes = threading.Event()
        self._passes.set()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing passes, either way, and nobody is told."""
        self._passes.clear()

    def mend(self) -> None:
        """What was connected is lost; who connects now gets through."""
        lost, self._open = self._open, []
        self._passes.set()
        for one in lost:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        # Whoever waits in accept() would keep the port.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.mend()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                threading.Thread(target=self._carry, args=[near], daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._open.append(near)
        self._passes.wait()
        with contextlib.suppress(OSError), near, socket.create_connection(self._goal) as far:
            self._open.append(far)
            other = {near: far, far: near}
            with selectors.DefaultSelector() as ready:
                for one in other:
                    ready.register(one, selectors.EVENT_READ)
                while True:
                    for key, _events in ready.select():
                        self._passes.wait()
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        other[key.fileobj].sendall(data)  # type: ignore[index]


@contextmanager
def wired(host: str, port: int, *, near: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[Wire]:
    wire = Wire(host, port, near=near)
    try:
        yield wire
    finally:
        wire.close()
