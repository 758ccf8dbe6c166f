"""A handler for every event that a room has declared as audited."""

from __future__ import annotations

import dataclasses
from typing import Any

from box.core.audit.actions import write_event
from box.core.events.delivery import event_being_delivered
from box.core.events.outbox import subscribe
from box.core.registry.auditing import Audited, audited


def write_to_log(key: str, declared: Audited) -> None:
    """Delivered at least once, written once: the record is stored with the delivery's completion."""
    if declared.event is None or not declared.is_logged:
        return

    def handle(event: Any) -> None:
        row = event_being_delivered()
        details = {field.name: row.payload.get(field.name) for field in dataclasses.fields(event)}
        write_event(key, declared, event, row, details)

    # What is taken over was not done here: what the log has of it is who has taken it over, and when.
    subscribe(f"{__name__}.log:{key}", declared.event, handle, concerns=declared.told, hears_imports=False)


audited.each(write_to_log)
