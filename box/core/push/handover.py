"""A connection that changes hands: from uvicorn's HTTP to an event stream.

An ASGI response keeps for as long as it lasts a task, a parser, the request's headers and a chain of
coroutines: 23 KiB that an idle listener has no use for, and its task must be woken for every message.
So once a listener is known, its connection gets another protocol, as uvicorn's own WebSocket
implementations do it, and everything that only the request needed is freed; 4 KiB are left
(docs/dev/decisions/0006-streams-leave-http.md).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

EXTENSION = "box.handover"


class Successor(Protocol):
    """What may take a connection over: an asyncio protocol that uvicorn can also ask to finish."""

    def take_over(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        """The connection is yours; be in `connections`, uvicorn's own list, until it is lost."""

    def shutdown(self) -> None:
        """The server is stopping: say goodbye and close."""


class HandoverProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, whose requests offer the extension `box.handover`. Started with `--http`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application = self.app
        self.app = self._call_with_extension

    async def _call_with_extension(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {EXTENSION: self.hand_over}
        await self._application(scope, receive, send)

    def hand_over(self, successor: Successor) -> None:
        """Give the connection away in the middle of its request; the application then just returns."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        # To uvicorn the request now looks like one whose client has left: it neither answers nor complains.
        self.cycle.disconnected = True
        self.transport.set_protocol(successor)  # type: ignore[arg-type]
        # Whatever paused reading, the end of the connection must be noticed.
        self.flow.resume_reading()
        successor.take_over(self.transport, self.connections)
