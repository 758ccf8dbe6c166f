"""Pulse counts by itself."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.apps.pulse.aggregation import count_recent


@db_periodic_task(crontab(minute="7,22,37,52"))
def count() -> None:
    """Run twice, or late, it comes to the same."""
    count_recent(timezone.now())
