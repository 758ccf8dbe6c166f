"""Word to those who LISTEN on a channel of PostgreSQL, once what was written can be read."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from django.db import transaction

if TYPE_CHECKING:
    from collections.abc import Callable


def notify_after_commit(channel: str) -> None:
    """Sends the channel an empty NOTIFY after the transaction, once however often it was asked for, and not
    at all after a rollback.

    After it and not within: whoever notifies holds a lock of the whole server until the commit is on disk,
    so that only one of all who write could wait for the disk at a time. A process that is killed between the
    two has told nobody, so listeners look by themselves every few seconds, too.
    """
    tell = _tell(channel)
    waiting = transaction.get_connection().run_on_commit
    if all(function is not tell for _savepoints, function, _is_robust in waiting):
        transaction.on_commit(tell, robust=True)


@cache
def _tell(channel: str) -> Callable[[], None]:
    """One a channel, by which it is known that it waits already."""
    return partial(_notify, channel)


def _notify(channel: str) -> None:
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [channel])
