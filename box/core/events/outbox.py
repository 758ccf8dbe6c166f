"""Emitting events and declaring who reacts to them.

An event is a frozen dataclass of an app's `events.py`; its fields are JSON's own types, dates, moments, and
tuples of these. Fields are only ever added, with defaults: events of the version before are still to be
delivered after an upgrade.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, get_args, get_origin, get_type_hints

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from box.core.events.models import Delivery, Event
from box.core.registry.origin import origin

log = logging.getLogger(__name__)

# The workers LISTEN on it. It carries nothing: what is due stands in the table.
CHANNEL = "korobka_events"

type Handler = Callable[[Any], None]


@dataclasses.dataclass(frozen=True)
class Subscription:
    """A handler and the type of event it takes."""

    name: str
    event_type: type
    handler: Handler


_by_type: dict[type, list[Subscription]] = {}
_by_name: dict[str, Subscription] = {}


def kind_of(event_type: type) -> str:
    """`box.apps.feed.events.PostPublished` is stored as `feed.PostPublished`."""
    room = event_type.__module__.removesuffix(".events").rpartition(".")[2]
    return f"{room}.{event_type.__name__}"


def on[E](event_type: type[E], *, formerly: str = "") -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Declares a handler. It may be called more than once for an event, and in any order: it reads the
    object again, and doing its work twice does no more than doing it once.

    `formerly` is the name under which a version before knew one that did the same: what it had yet to deliver
    reaches this one.
    """

    def declare(handler: Callable[[E], None]) -> Callable[[E], None]:
        name = f"{handler.__module__}.{handler.__qualname__}"
        subscribe(name, event_type, handler)
        if formerly:
            _by_name[formerly] = _by_name[name]
        return handler

    return declare


def subscribe[E](name: str, event_type: type[E], handler: Callable[[E], None]) -> None:
    """The same for a handler that is made and not written: deliveries know it by this name."""
    if name in _by_name:
        raise ValueError(f"{name} is declared twice, and would react twice.")
    subscription = Subscription(name, event_type, handler)
    _by_type.setdefault(event_type, []).append(subscription)
    _by_name[name] = subscription


def subscription_named(name: str) -> Subscription | None:
    """None for a handler that a later version no longer has."""
    return _by_name.get(name)


def emit(event: Any) -> None:
    """Stores the event and a delivery for each handler in the transaction of the write that it tells of."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{type(event).__name__} was emitted outside a transaction: emit where you write.")
    kind, payload = kind_of(type(event)), _serialised(event)
    row = Event.objects.create(kind=kind, payload=payload, origin=origin().as_json())
    deliveries = [
        Delivery(event=row, handler=subscription.name, due_at=row.created_at)
        for subscription in _by_type.get(type(event), [])
    ]
    if deliveries:
        Delivery.objects.bulk_create(deliveries)
        # Sent by PostgreSQL at commit, once however often it was asked for, and not at all on a rollback.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def emit_all(events: Sequence[Any]) -> None:
    """The same for many events at once, in three statements however many they are."""
    if not events:
        return
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Events were emitted outside a transaction: emit where you write.")
    told_from = origin().as_json()
    rows = Event.objects.bulk_create(
        [Event(kind=kind_of(type(event)), payload=_serialised(event), origin=told_from) for event in events],
        batch_size=2000,
    )
    deliveries = [
        Delivery(event=row, handler=subscription.name, due_at=row.created_at)
        for event, row in zip(events, rows, strict=True)
        for subscription in _by_type.get(type(event), [])
    ]
    if deliveries:
        Delivery.objects.bulk_create(deliveries, batch_size=2000)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def _serialised(event: Any) -> dict[str, Any]:
    encoder = DjangoJSONEncoder()
    return {
        name: encoder.default(value) if isinstance(value, date) else value
        for name, value in dataclasses.asdict(event).items()
    }


def restored[E](event_type: type[E], payload: dict[str, Any]) -> E:
    """The event as it was emitted. Fields that this version doesn't know are left out."""
    hints = get_type_hints(event_type)
    fields = {field.name for field in dataclasses.fields(event_type)}  # type: ignore[arg-type]
    return event_type(
        **{name: _typed(hints[name], value) for name, value in payload.items() if name in fields}
    )


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    alternatives = get_args(hint)
    if datetime in (hint, *alternatives):
        return datetime.fromisoformat(value)
    if date in (hint, *alternatives):
        return date.fromisoformat(value)
    if get_origin(hint) is tuple:
        return tuple(value)
    return value
