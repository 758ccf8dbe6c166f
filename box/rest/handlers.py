"""What follows for webhooks: whoever leaves has none any more, and listeners are told what happened."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from box.core.accounts.events import UserStatusChanged
from box.core.accounts.models import User
from box.core.events.delivery import event_being_delivered
from box.core.events.outbox import on, subscribe
from box.core.registry.rest import HookEvent, hook_events
from box.core.registry.services import is_on
from box.rest import jobs
from box.rest.actions import revoke_all_of
from box.rest.outgoing import listened_to, queue


@on(UserStatusChanged)
def revoke_of_who_left(event: UserStatusChanged) -> None:
    """Nothing waits for this: a webhook whose person is not active answers nobody, see `box.rest.tokens`."""
    person = User.objects.filter(pk=event.user_id).first()
    if person is not None and event.status != User.Status.ACTIVE:
        # Late, and they may be back with new ones.
        revoke_all_of(person, until=event_being_delivered().created_at, by_id=event.by_id)


def tell_listeners(name: str, offer: HookEvent) -> None:
    """A handler for every event that a room offers."""

    def handle(event: Any) -> None:
        if not is_on(offer.room):
            return
        data = offer.data(event)
        if data is not None and queue(name, data, key=event_being_delivered().pk):
            transaction.on_commit(jobs.send_waiting)

    subscribe(f"{__name__}.tell:{name}", offer.event, handle, is_wanted=lambda: name in listened_to.value)


hook_events.each(tell_listeners)
