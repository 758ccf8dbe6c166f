"""What follows when a group is no more."""

from __future__ import annotations

from box.core.access.actions import withdraw_codes
from box.core.events.outbox import on
from box.core.groups.events import GroupDeleted


@on(GroupDeleted)
def forget_its_principals(event: GroupDeleted) -> None:
    withdraw_codes([f"G{event.group_id}", f"GM{event.group_id}"])
