"""What follows for devices: whoever leaves has none any more."""

from __future__ import annotations

from box.bridges.dav.actions import remove_all_of
from box.core.accounts.events import UserStatusChanged
from box.core.accounts.models import User
from box.core.events.delivery import event_being_delivered
from box.core.events.outbox import on


@on(UserStatusChanged)
def remove_of_who_left(event: UserStatusChanged) -> None:
    """Nothing waits for this: a device whose person is not active opens nothing, see `passwords`."""
    person = User.objects.filter(pk=event.user_id).first()
    if person is not None and event.status != User.Status.ACTIVE:
        # Late, and they may be back with new ones.
        remove_all_of(person, until=event_being_delivered().created_at, by_id=event.by_id)
