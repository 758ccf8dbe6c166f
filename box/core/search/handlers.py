"""The index follows the events that each searchable names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from box.core.events.outbox import kind_of, subscribe
from box.core.registry.capabilities import Searchable, Touched, searchables
from box.core.search.indexing import refresh


def follow(kind: str, searchable: Searchable) -> None:
    """Makes a handler for each type of event that touches objects of this kind."""
    for event_type, touched in searchable.touched_by.items():
        name = f"{__name__}.follow:{kind}:{kind_of(event_type)}"
        subscribe(name, event_type, _handler(kind, touched), concerns=searchable.concerns)


def _handler(kind: str, touched: Callable[[Any], Touched]) -> Callable[[Any], None]:
    def handle(event: Any) -> None:
        refresh(kind, touched(event))

    return handle


searchables.each(follow)
