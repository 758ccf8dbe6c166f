from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from box.core.events.metrics import event_metrics
from box.core.events.models import Delivery, Event


def figures() -> dict[str, float]:
    return {metric.name: metric.samples[0][1] for metric in event_metrics()}


@pytest.mark.django_db
def test_what_waits_is_counted_and_what_is_done_is_not() -> None:
    assert figures()["korobka_deliveries_due"] == 0
    event = Event.objects.create(kind="test.Tested", payload={})
    now = timezone.now()
    for due_at, attempts, completed_at in (
        (now - timedelta(minutes=2), 3, None),
        (now - timedelta(minutes=1), 0, None),
        (now - timedelta(hours=1), 0, now),
        (now + timedelta(hours=1), 1, None),
    ):
        Delivery.objects.create(
            event=event, handler="test", due_at=due_at, attempts=attempts, completed_at=completed_at
        )
    found = figures()
    assert found["korobka_deliveries_due"] == 2
    assert found["korobka_deliveries_failing"] == 1
    assert 115 < found["korobka_deliveries_oldest_seconds"] < 3600
    assert found["korobka_database_size_bytes"] > 1 << 20
    assert found["korobka_replication_delay_seconds"] == 0
