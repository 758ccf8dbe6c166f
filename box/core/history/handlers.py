"""A handler for every event that a room tells in the history of its objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from box.core.events.delivery import event_being_delivered
from box.core.events.models import Event
from box.core.events.outbox import subscribe
from box.core.history.actions import write_all
from box.core.registry.auditing import About, Audited, Entry, audited


def follow(key: str, declared: Audited) -> None:
    """Delivered at least once, written once: the line is stored with the delivery's completion."""
    if declared.event is None or not declared.timeline:
        return

    def handle(event: Any) -> None:
        handle_many([(event, event_being_delivered())])

    def handle_many(told: Sequence[tuple[Any, Event]]) -> None:
        about = declared.find_all([event for event, _row in told])
        write_all(_line(key, declared, event, row, of) for (event, row), of in zip(told, about, strict=True))

    name = f"{__name__}.follow:{key}"
    subscribe(name, declared.event, handle, concerns=declared.told, handler_of_many=handle_many)


def _line(key: str, declared: Audited, event: Any, row: Event, about: About | None) -> tuple[Entry, datetime]:
    details = {field.name: row.payload.get(field.name) for field in dataclasses.fields(event)}
    by_id = details.pop(declared.by, None)
    return Entry(key, by_id, about=about, details=details), row.imported_at or row.created_at


audited.each(follow)
