"""A web worker: waitress on a Unix socket, that starts clean and stops without losing a request."""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from django.db import connection, connections
from psycopg_pool.base import AttemptWithBackoff
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import UnixWSGIServer, create_server

from box.core.registry.offers import Offers

logger = logging.getLogger(__name__)

# Files go from the browser to the store; what comes here are forms, but for `large_bodies`.
MAX_BODY = 2 * 1024 * 1024
# With a ticket of Kerberos among them, of whoever is in many groups: see tune.bufsize of the balancer.
MAX_HEADERS = 72 * 1024
# A request that runs longer than this when the worker is told to stop is cut off.
GRACE_SECONDS = 20.0


def refuse_cut(connection: psycopg.Connection[Any]) -> None:
    """Raises OperationalError for a connection that the server has ended: it says so, and hangs up. What is
    idle hears nothing else, so that looking is enough: asking would cost every request a question."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        connection.close()
        raise psycopg.OperationalError("The server has ended this connection.")


POOL: dict[str, Any] = {
    "min_size": 1,
    "check": refuse_cut,
    # Short, since a thread that waits for a connection answers nobody.
    "timeout": 2,
    # The pool's own retries lengthen their pauses up to this; a new request then starts over.
    "reconnect_timeout": 2,
}
FIRST_PAUSE, LONGER = 0.02, 1.5
"""Seconds after which the pool tries again, and how much longer each pause is than the one before. Its own
are a second and twice as much: where the next leader had cut all connections, nobody got one in time."""


@dataclass(frozen=True)
class LargeBody:
    """Of an address that takes more than a form: so many bytes, from whoever was given it. `is_given` gets
    what stands behind the `?` before any of the body is read, and asks no database."""

    most: Callable[[], int]
    is_given: Callable[[str], bool]


large_bodies: Offers[LargeBody] = Offers("addresses that take large bodies")


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """One request. What it may weigh is known once its address is: chunked bodies stay as small as forms."""

    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.content_length < MAX_BODY or self.path not in large_bodies:
            return
        large = large_bodies[self.path]
        if large.is_given(self.query):
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = large.most()


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """One connection, which must move: a request that comes slower than this, or an answer that is read
    slower, holds one of the balancer's slots, and whoever holds enough of them keeps everybody out."""

    parser_class = Parser
    LEAST = 64 * 1024
    WINDOW_SECONDS = 60.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._moved = 0
        self._marked: tuple[float, int] | None = None
        super().__init__(*args, **kwargs)

    def received(self, data: bytes) -> bool:
        self._moved += len(data)
        return bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self._moved += sent
        return sent

    def is_too_slow(self, now: float) -> bool:
        """Asked often; `now` in seconds. A request that is being answered may take its time."""
        is_moving = self.request is not None or self.total_outbufs_len > 0
        if not is_moving:
            self._marked = None
            return False
        since, moved = self._marked = self._marked or (now, self._moved)
        if now - since < self.WINDOW_SECONDS:
            return False
        self._marked = (now, self._moved)
        return self._moved - moved < self.LEAST


class WebWorker:
    """Serves one WSGI application until it is told to stop."""

    def __init__(self, application: Callable[..., Any], socket: Path, *, threads: int) -> None:
        self.socket = socket
        self._is_stopping = False
        self._looked_at = 0.0
        mask = os.umask(0o117)
        try:
            # A socket that a killed worker left behind is removed by waitress.
            self._server: UnixWSGIServer = create_server(
                application,
                unix_socket=str(socket),
                unix_socket_perms="660",
                threads=threads,
                ident=None,
                max_request_body_size=MAX_BODY,
                max_request_header_size=MAX_HEADERS,
                backlog=1024,
                # What the balancer may open, with the connections that it keeps: see its `Limits`.
                connection_limit=2500,
                channel_timeout=60,
                asyncore_use_poll=True,
                # Only the balancer reaches the socket, and it has set these headers itself.
                trusted_proxy="localhost",
                trusted_proxy_headers={"x-forwarded-for", "x-forwarded-proto"},
                clear_untrusted_proxy_headers=True,
            )
        finally:
            os.umask(mask)
        self._server.channel_class = Channel

    def run(self) -> None:
        """Returns after `stop`, once every request that had arrived is answered."""
        while not self._is_stopping:
            self._turn(timeout=1)
            self.close_slow(time.monotonic())
        self._drain(time.monotonic() + GRACE_SECONDS)

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Safe in a signal handler: it only marks and wakes."""
        self._is_stopping = True
        self._server.pull_trigger()

    def close_slow(self, now: float) -> None:
        """Looks at most once a second."""
        if now - self._looked_at < 1:
            return
        self._looked_at = now
        for channel in self._channels:
            if channel.is_too_slow(now):
                # At once: the loop looks at nothing that cannot be written to, and where the reader takes
                # nothing that is never. A thread that waits to write is told.
                channel.handle_close()

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._server._map, count=1)

    def _drain(self, deadline: float) -> None:
        self.socket.unlink(missing_ok=True)
        # Whoever connected before that is still let in.
        known = -1
        while known != len(self._channels):
            known = len(self._channels)
            self._turn(timeout=0)
        wasyncore.dispatcher.close(self._server)
        while self._channels and time.monotonic() < deadline:
            for channel in self._channels:
                channel.will_close = channel.will_close or not self._is_busy(channel)
            self._turn(timeout=0.05)
        if self._channels:
            logger.warning("Stopping with %d requests unanswered.", len(self._channels))
        # Idle threads leave at once; one that is still busy has had its time.
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._server._map)

    @property
    def _channels(self) -> list[Any]:
        return list(self._server.active_channels.values())

    @staticmethod
    def _is_busy(channel: Any) -> bool:
        """A request half received, waiting, running, or an answer not yet sent."""
        return bool(channel.request or channel.requests or channel.total_outbufs_len)


LONGEST_STATEMENT = 120
"""Seconds: as long as the balancer waits for an answer. What goes on behind it nobody sees, and it would hold
one of few connections."""


def use_pool(*, threads: int) -> None:
    """Let the threads share connections, never more than there are threads, and no statement hold one for
    ever."""
    hasten_pools()
    for database in connections.settings.values():
        given = f"{database['OPTIONS']['options']} -c statement_timeout={LONGEST_STATEMENT}s"
        database["OPTIONS"] = {**database["OPTIONS"], "options": given}
    leader = connections.settings["default"]
    leader["CONN_MAX_AGE"] = 0
    leader["OPTIONS"] = {**leader["OPTIONS"], "pool": {**POOL, "max_size": threads}}


def hasten_pools() -> None:
    AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = FIRST_PAUSE, LONGER


def serve(application: Callable[..., Any], socket: Path, *, threads: int) -> None:
    """Runs a worker until SIGTERM or SIGINT."""
    # Waiting requests are normal under load, and the balancer counts them.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    worker = WebWorker(application, socket, threads=threads)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, worker.stop)
    logger.info("Serving on %s with %d threads.", socket, threads)
    worker.run()
    connection.close_pool()  # type: ignore[attr-defined]
