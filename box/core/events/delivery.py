"""Delivering events: at least once, in no promised order, those of one event in one transaction."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import Error, close_old_connections, connection, transaction
from django.db.models import BigIntegerField, DateTimeField
from django.utils import timezone

from box.core.events.models import Delivery, Event, Nonce
from box.core.events.outbox import CHANNEL, handlers_of_many, restored, subscription_named
from box.core.registry.origin import importing
from box.core.registry.settings import as_of, read_version
from box.lib.prepared import Asked, Param, PreparedModels

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(hours=1)
_current: ContextVar[Event] = ContextVar("event being delivered")

KEEP_DELIVERED = timedelta(days=30)
KEEP_NONCES = timedelta(days=7)


def wait_after(attempts: int) -> timedelta:
    """How long a handler that failed so many times is left alone: 1 s, 2 s, 4 s ... an hour."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 12)), LONGEST_WAIT)


# Every courier asks the first of them with each word that something happened.
_FIRST = PreparedModels(
    lambda: (
        Delivery.objects.due(Param("now", DateTimeField()))
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("event")
        .order_by("due_at", "id")[:1]
    )
)
_OTHERS = PreparedModels(
    lambda: (
        Delivery.objects.due(Param("now", DateTimeField()))
        .filter(event_id=Param("event", BigIntegerField()))
        .exclude(pk=Param("first", BigIntegerField()))
        .select_for_update(skip_locked=True)
        .order_by("id")
    )
)
_COMPLETE = "UPDATE events_delivery SET completed_at = %s WHERE id = ANY(%s::bigint[]) RETURNING id"


MANY = 100
"""Of what is taken over: so many are handed over at once."""


def deliver_next(now: datetime) -> int:
    """Takes an event that is due with all handlers that have yet to hear of it, and completes those; returns
    how many. 0: nothing is due, or others have taken it all. Of what is taken over from elsewhere it takes
    what else is due for handlers of many.

    Together, because a transaction of its own would cost most handlers more than what they do. Where one of
    them fails, what all have written is undone, the others do it again at once, and it alone is tried later.

    The locks on the rows live as long as the transaction: of a worker killed between taking and completing,
    PostgreSQL undoes both the handlers' writes and the locks, and another worker takes the deliveries again.
    """
    with transaction.atomic():
        first = next(iter(_FIRST.rows(now=now)), None)
        if first is None:
            return 0
        # What is remembered by the settings' version is read once for all of them, as in a request.
        with as_of(read_version()):
            if taken := _taken_over(first, now):
                completed = _handed_over_together(taken, now)
            else:
                taken = [first, *_OTHERS.rows(now=now, event=first.event_id, first=first.pk)]
                for delivery in taken:
                    delivery.event = first.event
                completed = _handed_over(taken, now)
        _complete(completed, now)
    return len(taken)


def _taken_over(first: Delivery, now: datetime) -> list[Delivery]:
    """It and others that are due, where they are taken over and their handlers take many; nothing where it is
    none of these. What has failed goes alone."""
    if first.attempts or not first.event.imported_at:
        return []
    names = handlers_of_many().keys()
    if first.handler not in names:
        return []
    due = Delivery.objects.due(now).filter(
        handler__in=names, attempts=0, event__origin__has_key="imported_at"
    )
    others = due.exclude(pk=first.pk).select_for_update(skip_locked=True, of=("self",))
    return [first, *others.select_related("event").order_by("due_at", "id")[: MANY - 1]]


def _handed_over_together(taken: Sequence[Delivery], now: datetime) -> list[int]:
    """As `_handed_over`, to each handler all that is for it."""
    handlers, by_handler = handlers_of_many(), defaultdict[str, list[Event]](list)
    for delivery in taken:
        by_handler[delivery.handler].append(delivery.event)
    try:
        with transaction.atomic(), importing(at=now):
            for name, rows in by_handler.items():
                subscription, handle = handlers[name]
                told: list[tuple[Any, Event]] = [
                    (restored(subscription.event_type, row.payload), row) for row in rows
                ]
                handle([(event, row) for event, row in told if subscription.concerns(event)])
    except Exception:
        # Whose it was shows where each is handed over by itself.
        log.warning("%d events that are taken over go one by one", len(taken), exc_info=True)
        return [pk for delivery in taken for pk in _handed_over([delivery], now)]
    return [delivery.pk for delivery in taken]


def _complete(ids: list[int], now: datetime) -> None:
    Asked(_COMPLETE, (now, ids), is_repeated=True).rows()


def _handed_over(taken: Sequence[Delivery], now: datetime) -> list[int]:
    """The ids of those whose handlers did not fail; the others are tried again later."""
    try:
        # One savepoint for all: hardly ever one fails.
        with transaction.atomic():
            for delivery in taken:
                _hand_over(delivery)
    except Exception as error:
        if len(taken) > 1:
            # Nothing of it is left, and each does its work by itself.
            return [pk for delivery in taken for pk in _handed_over([delivery], now)]
        _postpone(taken[0], now, error)
        return []
    return [delivery.pk for delivery in taken]


def _hand_over(delivery: Delivery) -> None:
    subscription = subscription_named(delivery.handler)
    if subscription is None:
        # A version before had this handler; nobody is left to react.
        log.warning("%s is gone: event %s is not delivered to it", delivery.handler, delivery.event_id)
        return
    imported_at = delivery.event.imported_at
    event: object = restored(subscription.event_type, delivery.event.payload)
    if (imported_at and not subscription.hears_imports) or not subscription.concerns(event):
        # Stored by a version that did not know it.
        return
    token = _current.set(delivery.event)
    try:
        with importing(at=imported_at) if imported_at else nullcontext():
            subscription.handler(event)
    finally:
        _current.reset(token)


def event_being_delivered() -> Event:
    """For a handler: the event as it is stored, with its moment and its origin."""
    return _current.get()


def _postpone(delivery: Delivery, now: datetime, error: Exception) -> None:
    log.error("%s failed on event %s", delivery.handler, delivery.event_id, exc_info=error)
    delivery.attempts += 1
    delivery.error = "".join(traceback.format_exception(error, limit=-5))
    delivery.due_at = now + wait_after(delivery.attempts)
    delivery.save(update_fields=["attempts", "error", "due_at"])


def deliver_all(now: datetime | None = None) -> int:
    """Delivers until nothing is due; returns how many."""
    count = 0
    while delivered := deliver_next(now or timezone.now()):
        count += delivered
    return count


class Courier:
    """One thread's loop: deliver what is due, then sleep until NOTIFY or the next second that matters."""

    # A delivery that failed becomes due without a NOTIFY.
    LOOK_EVERY = 2.0

    def __init__(self, stop: threading.Event, paused: threading.Event | None = None) -> None:
        self.stop = stop
        self.paused = paused or threading.Event()

    def run(self) -> None:
        """Returns once `stop` is set. An unreachable database is tried again each second."""
        while not self.stop.is_set():
            try:
                self._listen_and_deliver()
            except (Error, psycopg.Error, OSError) as error:
                log.warning("events wait: %s", str(error).strip() or type(error).__name__)
                self.stop.wait(1)
            finally:
                connection.close()

    def _listen_and_deliver(self) -> None:
        close_old_connections()
        parameters = connection.get_connection_params()
        for name in ("cursor_factory", "prepare_threshold", "context", "pool"):
            parameters.pop(name, None)
        with psycopg.connect(**parameters, autocommit=True) as listener:
            listener.execute(f"LISTEN {CHANNEL}")
            while not self.stop.is_set():
                if not self.paused.is_set():
                    while not self.stop.is_set() and deliver_next(timezone.now()):
                        pass
                for _ in listener.notifies(
                    timeout=1.0 if self.paused.is_set() else self.LOOK_EVERY, stop_after=1
                ):
                    pass


def forget_old(now: datetime, *, batch: int = 10_000) -> int:
    """Removes events that everybody has heard of for 30 days, and nonces nobody will post again."""
    undelivered = Delivery.objects.filter(completed_at=None).values("event_id")
    ids = list(
        Event.objects.filter(created_at__lt=now - KEEP_DELIVERED)
        .exclude(pk__in=undelivered)
        .order_by("id")
        .values_list("id", flat=True)[:batch]
    )
    Event.objects.filter(pk__in=ids).delete()
    Nonce.objects.filter(created_at__lt=now - KEEP_NONCES).delete()
    return len(ids)
