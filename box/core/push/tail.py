"""Follows the messages in the database, and numbers them if this process is the publisher.

All push processes run this; the one that holds the advisory lock is the publisher. It is the only one to
give numbers, after the commit of what it numbers, so numbers appear in their order and without gaps: whoever
has seen number n has seen everything up to n.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import psycopg

from box.core.push.hub import Message

if TYPE_CHECKING:
    from box.core.push.hub import Hub

logger = logging.getLogger(__name__)

LOCK = "box.core.push publisher"
BATCH = 500
# Looked at even without a notification: whether the publisher has died and its place is free.
LOOK_SECONDS = 5
SWEEP_SECONDS = 60
LONGEST_WAIT_SECONDS = 5.0

TAKE_LOCK = "SELECT pg_try_advisory_lock(hashtext(%s))"
NUMBER = """
    UPDATE push_pushmessage AS message SET number = batch.number
    FROM (
        SELECT id, last.number + row_number() OVER (ORDER BY id) AS number
        FROM push_pushmessage, (SELECT coalesce(max(number), 0) AS number FROM push_pushmessage) AS last
        WHERE push_pushmessage.number IS NULL ORDER BY id LIMIT %s
    ) AS batch
    WHERE message.id = batch.id
"""
READ = """
    SELECT number, topic, kind, audience, payload::text FROM push_pushmessage
    WHERE number > %s ORDER BY number LIMIT %s
"""
BOUNDS = "SELECT coalesce(max(number), 0), coalesce(min(number), 1) - 1 FROM push_pushmessage"
# From the front only, so that what is left has no gap; and never the last one, from which counting goes on.
SWEEP = """
    DELETE FROM push_pushmessage WHERE number < (
        SELECT coalesce(min(number) FILTER (WHERE created_at >= now() - interval '1 hour'), max(number))
        FROM push_pushmessage
    )
"""


class Tail:
    """Feeds a hub from the database for as long as it runs, through every loss of the database."""

    def __init__(self, hub: Hub, **database: Any) -> None:
        self._hub = hub
        self._database = database
        self._wait = 0.0
        self._next_sweep = time.monotonic() + SWEEP_SECONDS

    async def run(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(**self._database, autocommit=True)
                async with connection:
                    await self._follow(connection)
            except psycopg.Error as error:
                self._wait = min(LONGEST_WAIT_SECONDS, self._wait * 2 or 0.1)
                logger.warning("No database (%s); trying again in %.1f s.", str(error).strip(), self._wait)
                # The listeners stay connected. What they miss is still there, after the last number.
                await asyncio.sleep(self._wait)

    async def _follow(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute("LISTEN push_sent")
        await connection.execute("LISTEN push_numbered")
        await self._begin(connection)
        is_publisher = False
        while True:
            if not is_publisher and await self._take_lock(connection):
                is_publisher = True
                # What it numbers it delivers at once, too.
                await connection.execute("UNLISTEN push_numbered")
            if is_publisher:
                await self._publish(connection)
            await self._deliver(connection)
            self._hub.is_ready.set()
            self._wait = 0.0
            async for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                pass

    async def _begin(self, connection: psycopg.AsyncConnection) -> None:
        """Where to go on: after the last number delivered, if the database still knows what came next."""
        last, floor = await self._one(connection, BOUNDS)
        if not self._hub.is_ready.is_set():
            # Nobody listens yet: what follows is delivered to nobody, and kept for those who come back.
            self._hub.start(floor, floor=floor)
        elif not floor <= self._hub.last <= last:
            # More than an hour away, or the database was restored to an earlier time.
            self._hub.start(last, floor=last)

    async def _take_lock(self, connection: psycopg.AsyncConnection) -> bool:
        (is_mine,) = await self._one(connection, TAKE_LOCK, LOCK)
        if is_mine:
            logger.info("This process numbers the messages now.")
        return bool(is_mine)

    async def _publish(self, connection: psycopg.AsyncConnection) -> None:
        count = BATCH
        while count == BATCH:
            count = (await connection.execute(NUMBER, [BATCH])).rowcount
            if count:
                # Not in one transaction with it, for the reason that box.lib.channels gives.
                await connection.execute("NOTIFY push_numbered")
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
            await connection.execute(SWEEP)

    async def _deliver(self, connection: psycopg.AsyncConnection) -> None:
        while True:
            cursor = await connection.execute(READ, [self._hub.last, BATCH])
            rows = await cursor.fetchall()
            for row in rows:
                self._hub.deliver(Message.encode(*row))
                # A message for thousands takes a while; connections come and go between two.
                await asyncio.sleep(0)
            if len(rows) < BATCH:
                break

    @staticmethod
    async def _one(connection: psycopg.AsyncConnection, query: str, *parameters: Any) -> tuple[Any, ...]:
        row = await (await connection.execute(query, parameters)).fetchone()
        assert row is not None, "an aggregate has a row"  # noqa: S101
        return row
