"""A thread for each visitor of a server of root's, for so many at once and each for so long."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class BoundedThreadingMixIn(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Who comes when all places are taken is sent away: waiting would cost a thread each."""

    daemon_threads = True

    def places(self, request: Any) -> threading.BoundedSemaphore:
        """Those of which this visitor takes one."""
        raise NotImplementedError

    def turn_away(self, request: Any) -> None:
        """A word to whom no place is left, who is hung up on."""

    def converse(self, request: Any, client_address: Any) -> None:
        """In a thread of its own."""
        super().process_request_thread(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        places = self.places(request)
        if not places.acquire(blocking=False):
            self.turn_away(request)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        places = self.places(request)
        try:
            self.converse(request, client_address)
        finally:
            places.release()


@contextmanager
def cut_off_after(
    connection: socket.socket, seconds: float, *, how: int = socket.SHUT_RDWR
) -> Iterator[None]:
    """Ends a connection that lasts longer: a time-out is for each word, and all may come just in time."""
    kept = connection.dup()  # by which it is found when somebody has wrapped it
    end = threading.Timer(seconds, _shut, [kept, how])
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()
        end.join()
        kept.close()


def _shut(connection: socket.socket, how: int) -> None:
    with suppress(OSError):
        connection.shutdown(how)
