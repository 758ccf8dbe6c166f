"""What Asterisk asks while a call comes in, over FastAGI: the responsible employee first, closed, or not at
all.

Whatever happens here, the call goes on: a question that is not answered within its time, or not at all, gets
no answer, and the dialplan goes on as if there were no box. `generator` puts a limit of its own around it as
well.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from box.bridges.telephony.facts import clean
from box.core.registry.offers import Offers

log = logging.getLogger(__name__)

PORT = 4573
DECIDES_WITHIN = 0.8
READS_WITHIN = 1.0
MOST_AT_A_TIME = 64
MOST_LINES = 100
LONGEST_LINE = 2048
_EXTENSION = re.compile(r"[0-9]{1,15}")


class Way(StrEnum):
    """Where the call goes; the dialplan knows these words."""

    USUAL = "usual"
    FIRST = "first"
    """To the responsible employee's extension, and if nobody answers there, the usual way."""
    CLOSED = "closed"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Inquiry:
    """A call that comes in."""

    caller: str
    caller_name: str
    called: str
    channel: str
    uniqueid: str


@dataclass(frozen=True)
class Route:
    way: Way
    extension: str = ""


class Router(Protocol):
    """Whoever decides: an app. Called in a thread of its own, and given up on after DECIDES_WITHIN."""

    def route(self, inquiry: Inquiry) -> Route: ...


routers: Offers[Router] = Offers("routers of calls")
"""The first that has a word for a call other than the usual way has decided."""


class OfferedRouter:
    """Asks the apps that are there."""

    def route(self, inquiry: Inquiry) -> Route:
        routes = (router.route(inquiry) for router in routers)
        return next((one for one in routes if one.way is not Way.USUAL), Route(Way.USUAL))


class Server:
    """Answers in a thread of its own until `stop`."""

    def __init__(
        self, host: str, port: int, router: Router, *, decides_within: float = DECIDES_WITHIN
    ) -> None:
        self._host, self._port, self._router, self._decides_within = host, port, router, decides_within
        self._loop = asyncio.new_event_loop()
        self._busy = 0
        # Decisions that hang hold a thread each; then there is no decision, and calls go the usual way.
        self._pool = ThreadPoolExecutor(MOST_AT_A_TIME, thread_name_prefix="fastagi")
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, host, port, limit=LONGEST_LINE, backlog=MOST_AT_A_TIME)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="fastagi", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Calls that are being decided about go the usual way."""
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _close(self) -> None:
        self._server.close()
        # Asterisk keeps a channel for as long as its connection is open, whatever became of the caller.
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for one in serving:
            one.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._busy >= MOST_AT_A_TIME:
            writer.close()
            return
        self._busy += 1
        try:
            async with asyncio.timeout(READS_WITHIN + self._decides_within + READS_WITHIN):
                async with asyncio.timeout(READS_WITHIN):
                    headers = await _headers(reader)
                if not headers:
                    # Whoever only looks whether somebody is there.
                    return
                inquiry = read_inquiry(headers)
                decision = self._loop.run_in_executor(self._pool, self._router.route, inquiry)
                route = await asyncio.wait_for(decision, self._decides_within)
                for command in commands(route):
                    writer.write(command)
                    await writer.drain()
                    await reader.readline()
        except TimeoutError:
            log.warning("A call was not decided about in time, and goes the usual way.")
        except (ValueError, OSError, asyncio.IncompleteReadError):
            log.warning("A FastAGI connection asked nothing that can be understood.", exc_info=True)
        except Exception:
            log.exception("Deciding about a call failed; it goes the usual way.")
        finally:
            self._busy -= 1
            with suppress(OSError):
                writer.close()


async def _headers(reader: asyncio.StreamReader) -> Mapping[str, str]:
    """Raises ValueError for more than Asterisk sends."""
    headers: dict[str, str] = {}
    for _ in range(MOST_LINES):
        line = (await reader.readline()).decode("utf-8", "replace")
        if not line.strip():
            return headers
        key, colon, value = line.partition(":")
        if not colon or not line.endswith("\n"):
            raise ValueError("This is no header of AGI.")
        headers[key.strip()] = value.strip()
    raise ValueError(f"More than {MOST_LINES} headers.")


def read_inquiry(headers: Mapping[str, str]) -> Inquiry:
    """Raises ValueError where it is not Asterisk that asks."""
    if "agi_uniqueid" not in headers:
        raise ValueError("agi_uniqueid is missing.")

    def said(name: str) -> str:
        text = clean(headers.get(f"agi_{name}", ""))
        return "" if text.lower() in ("unknown", "") else text

    return Inquiry(
        said("callerid"),
        said("calleridname"),
        said("dnid") or said("extension"),
        said("channel"),
        said("uniqueid"),
    )


def commands(route: Route) -> list[bytes]:
    """What sets the dialplan's variables. Nothing but a word and digits is ever in them."""
    told = [f'SET VARIABLE KOROBKA_ROUTE "{route.way.value}"\n']
    if route.way is Way.FIRST:
        if not _EXTENSION.fullmatch(route.extension):
            raise ValueError(f"{route.extension!r} is no extension.")
        told.insert(0, f'SET VARIABLE KOROBKA_EXTENSION "{route.extension}"\n')
    return [line.encode("ascii") for line in told]
