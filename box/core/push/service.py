"""The push service: one endpoint, a stream of server-sent events.

Events of the stream, each with the id that `Last-Event-ID` resumes from:

- without a name: a message, `{"topic": "feed", "kind": "post", "payload": {...}}`
- `hello` when the connection is up to date: `{"listeners": 120}`
- `reset` when messages were missed: whatever is shown may be out of date

It begins `?after=` the message of that id, or with those of the `?last=` seconds.
"""

from __future__ import annotations

import asyncio
import logging
import re
import resource
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection as database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from box.core.push import authentication
from box.core.push.handover import EXTENSION
from box.core.push.hub import SIGNED_OUT, Hub, Listener, Message, Stream
from box.core.push.models import has_given
from box.core.push.tail import LONGEST_WAIT_SECONDS, LOOK_SECONDS, Tail
from box.lib.addresses import parts_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)

# Few, for a crowd that comes back after a restart must not take the database from the web workers.
THREADS = 3
READY_SECONDS = 2
# By then the tail has looked by itself, also after its longest pause.
CATCH_UP_SECONDS = LOOK_SECONDS + LONGEST_WAIT_SECONDS
_NUMBER = re.compile(r"[0-9]{1,18}")


class PushService:
    """The hub, with what feeds it and the threads that ask the database who somebody is."""

    def __init__(self) -> None:
        self.hub = Hub(on_access_changed=self._renew_codes, on_signed_out=self._sign_out)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="push")
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._spawn(Tail(self.hub, **connection_parameters()).run())
        self._spawn(self._beat())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask[**P, T](self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer of a blocking function, from a thread: the loop goes on meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: question(*args, **kwargs))

    async def identify(self, session_key: str, address: str, *, after: int) -> Listener | None:
        """Who is signed in with this session, as of now and not of a moment ago; all that they have heard is
        known here by then. Raises KeptOut, and TimeoutError where it is not."""
        while True:
            last = self.hub.last
            listener = await self.ask(authentication.identify, session_key, address)
            if listener is not None:
                await self._catch_up(after)
            if listener is None or not self.hub.is_outdated(listener, since=last):
                return listener

    async def _catch_up(self, number: int) -> None:
        """With whom this message comes from: another node's service may be ahead.

        A number that the database has not given is of before a restore: they look at everything anew.
        """
        if number <= self.hub.last or not await self.ask(has_given, number):
            return
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while self.hub.last < number:
                await asyncio.sleep(0.1)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.hub.beat()

    def _renew_codes(self, streams: set[Stream]) -> None:
        by_person: dict[int, set[Stream]] = {}
        for stream in streams:
            by_person.setdefault(stream.listener.user_id, set()).add(stream)
        for user_id, theirs in by_person.items():
            self._spawn(self._renew_codes_of(user_id, theirs))

    async def _renew_codes_of(self, user_id: int, streams: set[Stream]) -> None:
        try:
            codes = await self.ask(authentication.codes, user_id)
        except DatabaseError:
            # Coming back, they are asked who they are.
            for stream in streams:
                stream.close()
            return
        for stream in streams:
            if codes:
                self.hub.change_codes(stream, codes)
            else:
                self._say_goodbye(stream)

    def _sign_out(self, streams: set[Stream]) -> None:
        for stream in streams:
            self._spawn(self._sign_out_if_ended(stream))

    async def _sign_out_if_ended(self, stream: Stream) -> None:
        try:
            # The message may be older than the session: somebody was signed out and signed in again at once.
            listener = stream.listener
            if await self.ask(authentication.identify, listener.session_key, listener.address) is None:
                self._say_goodbye(stream)
        except (DatabaseError, authentication.KeptOut):
            stream.close()

    def _say_goodbye(self, stream: Stream) -> None:
        stream.send(Message.encode(self.hub.last, "session", SIGNED_OUT, [], "{}").data)
        stream.close()


class EventStream(Response):
    """The response that takes its connection over."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hand_over = scope.get("extensions", {}).get(EXTENSION)
        if hand_over is None:
            raise RuntimeError("Start uvicorn with --http box.core.push.handover:HandoverProtocol.")
        hand_over(self._stream)


async def stream(request: Request) -> Response:  # noqa: PLR0911 - a sentence a case
    """GET /push/stream."""
    service: PushService = request.state.service
    if is_from_elsewhere(request):
        return PlainTextResponse("Events go to this portal's own pages only.", 403)
    now = time.monotonic()
    after = request.headers.get("last-event-id") or request.query_params.get("after")
    seconds = request.query_params.get("last")
    if not all(_NUMBER.fullmatch(given) for given in (after, seconds) if given):
        return PlainTextResponse("The last event's id and the seconds are numbers.", 400)
    session_key = request.cookies.get(settings.SESSION_COOKIE_NAME)
    try:
        await asyncio.wait_for(service.hub.is_ready.wait(), READY_SECONDS)
        # By the balancer's word, which uvicorn has taken over: nobody else reaches the socket.
        address = request.client.host if request.client else ""
        heard = int(after or 0)
        listener = await service.identify(session_key, address, after=heard) if session_key else None
    except authentication.KeptOut:
        # Not 401: the page would lead to the door, and the door, where they are signed in, back to the page.
        return PlainTextResponse("Open the portal: it says why you may not go on.", 403)
    except (DatabaseError, TimeoutError):
        return PlainTextResponse("The database doesn't answer.", 503, {"Retry-After": "5"})
    if listener is None:
        return PlainTextResponse("Sign in first.", 401)
    if service.hub.has_enough(listener):
        return PlainTextResponse("Close some of your other browsers.", 429, {"Retry-After": "60"})
    begins = int(after) if after else None
    if seconds and begins is None:
        begins = service.hub.last_before(now - int(seconds))
    return EventStream(Stream(service.hub, listener, after=begins))


def is_from_elsewhere(request: Request) -> bool:
    """True for a request that another site's page makes with this person's cookies."""
    origin = request.headers.get("origin")
    if origin is not None and parts_of(origin).netloc != request.headers.get("host"):
        return True
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def healthz(request: Request) -> Response:
    """Whether this process can answer; the database is not its own health."""
    return PlainTextResponse("ok\n")


def connection_parameters() -> dict[str, Any]:
    """How Django connects, for a connection that psycopg alone uses."""
    parameters = database.get_connection_params()
    own_to_django = ("context", "cursor_factory", "pool", "prepare_threshold", "server_side_binding")
    return {
        **{name: value for name, value in parameters.items() if name not in own_to_django},
        "connect_timeout": 5,
        # Across a network, a peer that vanished is noticed within seconds instead of minutes.
        "keepalives_idle": 5,
        "tcp_user_timeout": 10_000,
    }


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, PushService]]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    service = PushService()
    service.start()
    try:
        yield {"service": service}
    finally:
        await service.stop()


application = Starlette(
    routes=[Route("/push/stream", stream, methods=["GET"]), Route("/healthz", healthz)],
    lifespan=lifespan,
)
