"""What the workers do, at once."""

from __future__ import annotations

from box.core.events.models import Delivery
from box.core.events.outbox import restored, subscription_named


def deliver() -> None:
    """Has every event that waits taken by the handlers of the index and of audiences, in its order."""
    waiting = Delivery.objects.select_related("event").order_by("event_id", "id")
    for one in waiting.filter(handler__regex=r"^box\.core\.(search|groups)\."):
        subscription = subscription_named(one.handler)
        assert subscription is not None
        subscription.handler(restored(subscription.event_type, one.event.payload))
        one.delete()
