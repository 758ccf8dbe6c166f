"""What is done for groups in the background."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.core.groups.actions import end_expired


@db_periodic_task(crontab())
def end_expired_memberships() -> None:
    """Every minute."""
    end_expired(now=timezone.now())
