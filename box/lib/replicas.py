"""Which database answers what is read: the leader, or a replica of which it is known that it has enough.

`ReplicaMiddleware` of `box.core.registry` decides it for a request; without it, in jobs and commands,
everything is the leader's. So is what stands in a transaction, and all that a request reads once it has
written.

What is kept beyond the request, in the cache, is read `at_leader()`: a replica may be some seconds behind,
and what was remembered of it would be so for as long as it is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

REPLICA = "replica"
"""Among the databases of the settings, on a node of a cluster that has any."""


@dataclass
class Reading:
    """What a request reads from, and whether it has written."""

    alias: str = DEFAULT_DB_ALIAS
    has_written: bool = False


_reading: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def reading_from(reading: Reading) -> Iterator[None]:
    token = _reading.set(reading)
    try:
        yield
    finally:
        _reading.reset(token)


@contextmanager
def at_leader() -> Iterator[None]:
    """What is read within comes from the leader."""
    outer, inner = _reading.get(), Reading()
    try:
        with reading_from(inner):
            yield
    finally:
        if outer is not None:
            outer.has_written |= inner.has_written


def current() -> Reading | None:
    """The request's; None outside of one."""
    return _reading.get()


def alias_for_reads() -> str:
    reading = _reading.get()
    if reading is None or reading.has_written or reading.alias == DEFAULT_DB_ALIAS:
        return DEFAULT_DB_ALIAS
    # What a transaction reads has to fit what it writes.
    return DEFAULT_DB_ALIAS if connections[DEFAULT_DB_ALIAS].in_atomic_block else reading.alias


def connection_for_reads() -> BaseDatabaseWrapper:
    return connections[alias_for_reads()]


class ReplicaRouter:
    """Django's way to ask: see DATABASE_ROUTERS."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return alias_for_reads()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        if reading := _reading.get():
            reading.has_written = True
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """They are the same rows, whichever of the two they were read from."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return None if db == DEFAULT_DB_ALIAS else False
