"""What follows for webhooks: whoever leaves has none any more, and listeners are told what happened."""

from __future__ import annotations

from collections.abc import Mapping
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

# Messages that one event may be.
MOST = 1000


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
        if data is None:
            return
        pk = event_being_delivered().pk
        # Several messages of one event have keys of their own, which no event's number is.
        told = (
            {pk: data} if isinstance(data, Mapping) else {-(pk * MOST + n): one for n, one in enumerate(data)}
        )
        if sum(queue(name, one, key=key) for key, one in told.items()):
            transaction.on_commit(jobs.send_waiting)

    subscribe(
        f"{__name__}.tell:{name}",
        offer.event,
        handle,
        is_wanted=lambda: name in listened_to.value,
        hears_imports=False,
    )


hook_events.each(tell_listeners)
