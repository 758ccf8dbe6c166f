"""A handler for every event that a room tells in the history of its objects."""

from __future__ import annotations

import dataclasses
from typing import Any

from box.core.events.delivery import event_being_delivered
from box.core.events.outbox import subscribe
from box.core.history.actions import write
from box.core.registry.auditing import Audited, Entry, audited


def follow(key: str, declared: Audited) -> None:
    """Delivered at least once, written once: the line is stored with the delivery's completion."""
    if declared.event is None or not declared.timeline:
        return

    def handle(event: Any) -> None:
        row = event_being_delivered()
        details = {field.name: row.payload.get(field.name) for field in dataclasses.fields(event)}
        by_id = details.pop(declared.by, None)
        write(
            Entry(key, by_id, about=declared.about(event), details=details),
            at=row.imported_at or row.created_at,
        )

    subscribe(f"{__name__}.follow:{key}", declared.event, handle, concerns=declared.told)


audited.each(follow)
