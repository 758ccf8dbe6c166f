"""Emitting events and declaring who reacts to them.

An event is a frozen dataclass of an app's `events.py`; its fields are JSON's own types, dates, moments, and
tuples of these. Fields are only ever added, with defaults: events of the version before are still to be
delivered after an upgrade.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, get_args, get_origin, get_type_hints

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from box.core.events.models import Delivery, Event
from box.core.registry.origin import is_importing, origin
from box.lib.bulk import copy_rows, reserve_ids
from box.lib.channels import notify_after_commit
from box.lib.prepared import Asked

log = logging.getLogger(__name__)

# The workers LISTEN on it. It carries nothing: what is due stands in the table.
CHANNEL = "korobka_events"

type Handler = Callable[[Any], None]
type HandlerOfMany = Callable[[Sequence[tuple[Any, Event]]], None]
"""Takes events of one type, each with its row, which knows when it happened."""


@dataclasses.dataclass(frozen=True)
class Subscription:
    """A handler and the type of event it takes."""

    name: str
    event_type: type
    handler: Handler
    is_wanted: Callable[[], bool] = lambda: True
    """Asked with each event: what nobody waits for is not even delivered."""
    concerns: Callable[[Any], bool] = lambda event: True
    """Asked of each event, which is all that it looks at."""
    hears_imports: bool = True
    """False for what does nothing but tell: nobody is told of what is taken over from elsewhere."""
    handler_of_many: HandlerOfMany | None = None
    """Does the same for many that are taken over, in as many statements as for one."""


_by_type: dict[type, list[Subscription]] = {}
_by_name: dict[str, Subscription] = {}


def kind_of(event_type: type) -> str:
    """`box.apps.feed.events.PostPublished` is stored as `feed.PostPublished`. A room that
    was moved goes on under the name that its `events.py` gives as `STORED_AS`."""
    module = event_type.__module__
    room = getattr(sys.modules[module], "STORED_AS", module.removesuffix(".events").rpartition(".")[2])
    return f"{room}.{event_type.__name__}"


def on[E](
    event_type: type[E],
    *,
    formerly: str = "",
    hears_imports: bool = True,
    handler_of_many: HandlerOfMany | None = None,
) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Declares a handler. It may be called more than once for an event, and in any order: it reads the
    object again, and doing its work twice does no more than doing it once.

    `formerly` is the name under which a version before knew one that did the same: what it had yet to deliver
    reaches this one. `hears_imports` is False for what does nothing but tell people, pages or programs: a
    migration of a hundred thousand things stores nothing for it. `handler_of_many` is what it is in
    `subscribe`.
    """

    def declare(handler: Callable[[E], None]) -> Callable[[E], None]:
        name = f"{handler.__module__}.{handler.__qualname__}"
        subscribe(name, event_type, handler, hears_imports=hears_imports, handler_of_many=handler_of_many)
        if formerly:
            _by_name[formerly] = _by_name[name]
        return handler

    return declare


def subscribe[E](
    name: str,
    event_type: type[E],
    handler: Callable[[E], None],
    *,
    is_wanted: Callable[[], bool] = lambda: True,
    concerns: Callable[[E], bool] = lambda event: True,
    hears_imports: bool = True,
    handler_of_many: HandlerOfMany | None = None,
) -> None:
    """The same for a handler that is made and not written: deliveries know it by this name. Where events
    are many and those who want to hear of them are few, `is_wanted` says whether there is anybody; it asks
    the database only where something has changed. Which of the events are for it `concerns` says, and
    `hears_imports` what it is in `on`. With `handler_of_many` what a migration brings is handed over by the
    hundred."""
    if name in _by_name:
        raise ValueError(f"{name} is declared twice, and would react twice.")
    subscription = Subscription(
        name, event_type, handler, is_wanted, concerns, hears_imports, handler_of_many
    )
    _by_type.setdefault(event_type, []).append(subscription)
    _by_name[name] = subscription


def handlers_of_many() -> dict[str, tuple[Subscription, HandlerOfMany]]:
    """By their names those who take many at once."""
    return {name: (one, one.handler_of_many) for name, one in _by_name.items() if one.handler_of_many}


def subscription_named(name: str) -> Subscription | None:
    """None for a handler that a later version no longer has."""
    return _by_name.get(name)


# The event and a delivery for each handler. One statement, for every write pays for it.
_STORE = """
WITH event AS (
    INSERT INTO events_event (kind, payload, origin, created_at)
    VALUES (%s, %s::jsonb, %s::jsonb, %s) RETURNING id, created_at
), handlers AS (
    SELECT unnest(%s::text[]) AS name
)
INSERT INTO events_delivery (event_id, handler, due_at, attempts, error)
SELECT event.id, handlers.name, event.created_at, 0, '' FROM event, handlers RETURNING 1
"""


def emit(event: Any) -> None:
    """Stores the event and a delivery for each handler in the transaction of the write that it tells of."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{type(event).__name__} was emitted outside a transaction: emit where you write.")
    payload, told_from = json.dumps(_serialised(event)), json.dumps(origin().as_json())
    row = kind_of(type(event)), payload, told_from, timezone.now()
    if Asked(_STORE, (*row, _names(_wanted(type(event)), event)), is_repeated=True).rows():
        notify_after_commit(CHANNEL)


def _wanted(event_type: type) -> list[Subscription]:
    is_told = not is_importing()
    return [one for one in _by_type.get(event_type, []) if (one.hears_imports or is_told) and one.is_wanted()]


def _names(subscriptions: Iterable[Subscription], event: Any) -> list[str]:
    return [one.name for one in subscriptions if one.concerns(event)]


def emit_all(events: Sequence[Any], *, taken_over: Sequence[datetime] = ()) -> None:
    """The same for many events at once, in four statements however many they are. `taken_over` is when each
    of them happened elsewhere; without it they are what is being done now."""
    if not events:
        return
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Events were emitted outside a transaction: emit where you write.")
    now, ids = timezone.now(), reserve_ids(Event, len(events))
    told = [
        (kind_of(type(one)), json.dumps(_serialised(one)), told_from, now)
        for one, told_from in zip(events, _origins(len(events), taken_over), strict=True)
    ]
    copy_rows(
        Event,
        ("id", "kind", "payload", "origin", "created_at"),
        ((pk, *row) for pk, row in zip(ids, told, strict=True)),
    )
    wanted = {event_type: _wanted(event_type) for event_type in {type(event) for event in events}}
    deliveries = [
        (pk, name, now, 0, "")
        for event, pk in zip(events, ids, strict=True)
        for name in _names(wanted[type(event)], event)
    ]
    if deliveries:
        copy_rows(Delivery, ("event", "handler", "due_at", "attempts", "error"), deliveries)
        notify_after_commit(CHANNEL)


def _origins(count: int, taken_over: Sequence[datetime]) -> list[str]:
    source = origin()
    if not taken_over:
        return [json.dumps(source.as_json())] * count
    origins = (dataclasses.replace(source, imported_at=at.isoformat()) for at in taken_over)
    return [json.dumps(one.as_json()) for one in origins]


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
