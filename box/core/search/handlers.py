"""The index follows the events that each searchable names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from box.core.events.models import Event
from box.core.events.outbox import kind_of, subscribe
from box.core.registry.capabilities import Searchable, Touched, searchables
from box.core.search.indexing import refresh


def follow(kind: str, searchable: Searchable) -> None:
    """Makes a handler for each type of event that touches objects of this kind."""
    for event_type, touched in searchable.touched_by.items():
        name = f"{__name__}.follow:{kind}:{kind_of(event_type)}"
        subscribe(
            name,
            event_type,
            partial(_handle, kind, touched),
            concerns=searchable.concerns,
            handler_of_many=partial(_handle_many, kind, touched),
        )


def _handle(kind: str, touched: Callable[[Any], Touched], event: Any) -> None:
    refresh(kind, touched(event))


def _handle_many(kind: str, touched: Callable[[Any], Touched], told: Sequence[tuple[Any, Event]]) -> None:
    refresh(kind, *(touched(event) for event, _row in told))


searchables.each(follow)
