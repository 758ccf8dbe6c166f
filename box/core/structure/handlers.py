"""What the structure does when something happens."""

from __future__ import annotations

from box.core.accounts.events import ProfileChanged, UserStatusChanged
from box.core.events.outbox import on
from box.core.structure.actions import renew_leader, renew_structure

# What the structure shows of heads and deputies.
SHOWN = frozenset({"last_name", "first_name", "position"})


@on(UserStatusChanged, formerly="box.core.org.handlers.count_anew")
def count_anew(event: UserStatusChanged) -> None:
    """Whoever is dismissed is not counted, leads nothing, and is neither new nor away."""
    renew_structure(event.by_id)


@on(ProfileChanged, formerly="box.core.org.handlers.show_anew")
def show_anew(event: ProfileChanged) -> None:
    if SHOWN.intersection(event.fields):
        renew_leader(event.user_id, event.by_id)
