"""What the outbox does in the background."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.core.events.delivery import forget_old


@db_periodic_task(crontab(minute="41"))
def forget() -> None:
    """Every hour, in batches: memory stays flat however much happened."""
    while forget_old(timezone.now()):
        pass
