"""The agent's socket: who may speak, one request each, answers as lines."""

from __future__ import annotations

import json
import logging
import os
import socket
import socketserver
import struct
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from appliance import users
from appliance.agent.codec import Malformed, decode_request, encode
from appliance.agent.handlers import FAILURES, REFUSALS, perform
from appliance.agent.operations_log import Asker
from appliance.agent.proofs import ProofsShut, Unproven
from appliance.agent.protocol import OPERATIONS, Answer, Operation, Problem, Request
from appliance.bounded_server import BoundedThreadingMixIn, cut_off_after
from appliance.files import give
from appliance.paths import Paths

log = logging.getLogger(__name__)

REQUEST_BYTES = 256 << 10
REQUEST_SECONDS = 10
MOST_AT_ONCE = 24
"""Conversations of the portal; as many of root, for whom a portal that was taken over leaves a way in."""


class NotAllowed(Exception):
    """The peer may not ask this; the text tells them why."""


@dataclass(frozen=True)
class Peer:
    """The process at the other end, by the kernel's word (`SO_PEERCRED`, unix(7))."""

    pid: int
    uid: int

    @classmethod
    def of(cls, connection: socket.socket) -> Peer:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, uid, _ = struct.unpack("3i", credentials)
        return cls(pid, uid)

    @property
    def is_root(self) -> bool:
        """Root, or, in a box that does not run as root, the one user who is everything there."""
        return self.uid in (0, os.geteuid())

    @property
    def is_portal(self) -> bool:
        try:
            return self.uid == users.account(users.PORTAL).uid
        except users.UserMissing:
            return False


def understand(line: bytes, peer: Peer, node: str) -> tuple[Operation[Any], Asker, str]:
    """The operation that a request line asks for, for whom, and with which proof; refuses what is not on the
    allow-list."""
    if not (peer.is_root or peer.is_portal):
        raise NotAllowed("Only root and the portal may speak to the agent.")
    request = decode_request(Request, json.loads(line), place="the request")
    if request.acting == "root" and not peer.is_root:
        raise NotAllowed("The portal may not act as root: ask on the machine with boxctl.")
    kind = OPERATIONS.get(request.operation)
    if kind is None:
        known = ", ".join(OPERATIONS)
        raise NotAllowed(f"{request.operation!r} is not an operation of the agent: it knows {known}.")
    if request.scope == "cluster" or request.node not in ("", node):
        raise NotAllowed(f"This box is the single machine {node}: leave node empty and scope at 'node'.")
    operation = decode_request(kind, request.arguments, place=request.operation)
    return operation, Asker(request.by, request.acting, peer.uid, peer.pid), request.proof


class Server(BoundedThreadingMixIn, socketserver.UnixStreamServer):
    """Listens at `run/korobka/agent/agent.sock`, which root and the portal's group may open."""

    request_queue_size = 64

    def __init__(self, paths: Paths, node: str) -> None:
        self.paths = paths
        self.node = node
        self._roots, self._portals = (threading.BoundedSemaphore(MOST_AT_ONCE) for _ in range(2))
        self.path = paths.run / "agent/agent.sock"
        # Under its name only with its rights: nobody can connect in between.
        self._temporary = self.path.with_name(f".{os.getpid()}")
        self._temporary.unlink(missing_ok=True)
        super().__init__(str(self._temporary), Conversation)

    def server_bind(self) -> None:
        super().server_bind()
        give(self._temporary, mode=0o660, group=_portal_group())
        self._temporary.rename(self.path)

    def places(self, request: Any) -> threading.BoundedSemaphore:
        return self._roots if Peer.of(request).is_root else self._portals

    def turn_away(self, request: Any) -> None:
        said = f"The agent speaks with {MOST_AT_ONCE} others already: try again in a moment."
        request.settimeout(0)
        with suppress(OSError):
            request.sendall(_line(Answer(problem=Problem("failed", said))))

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.error("A conversation broke off.", exc_info=sys.exception())


class Conversation(socketserver.StreamRequestHandler):
    """One request of one peer."""

    timeout = REQUEST_SECONDS
    server: Server

    def handle(self) -> None:
        try:
            with cut_off_after(self.connection, REQUEST_SECONDS, how=socket.SHUT_RD):
                line = self.rfile.readline(REQUEST_BYTES)
            # The health check connects and says nothing.
            if line:
                self._say(self._answer(line, Peer.of(self.connection)))
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            # Who does not listen any more can ask again; what was begun goes on.
            log.info("A peer went away before its answer.")

    def _answer(self, line: bytes, peer: Peer) -> Answer:
        operation: Operation[Any] | None = None
        try:
            operation, asker, proof = understand(line, peer, self.server.node)
            result = perform(
                self.server.paths,
                operation,
                asker,
                lambda step: self._say(Answer(progress=step)),
                proof=proof,
            )
            return Answer(result=encode(result))
        except Unproven as error:
            _note("Unproven for", operation, peer, error)
            return Answer(
                problem=Problem("shut" if isinstance(error, ProofsShut) else "unproven", str(error))
            )
        except (NotAllowed, Malformed, ValueError, *REFUSALS) as error:
            _note("Refused to", operation, peer, error)
            return Answer(problem=Problem("refused", str(error)))
        except FAILURES as error:
            _note("Failed for", operation, peer, error)
            return Answer(problem=Problem("failed", str(error)))

    def _say(self, answer: Answer) -> None:
        self.wfile.write(_line(answer))


def _line(answer: Answer) -> bytes:
    return json.dumps(encode(answer), ensure_ascii=False).encode() + b"\n"


def _note(what: str, operation: Operation[Any] | None, peer: Peer, error: Exception) -> None:
    if operation is None or operation.logged:
        log.warning("%s uid %d, process %d: %s", what, peer.uid, peer.pid, error)


def _portal_group() -> int:
    """The group that may connect; nobody but root where the portal's user does not exist (yet)."""
    try:
        return users.group_id(users.PORTAL)
    except users.UserMissing:
        return os.getegid()
