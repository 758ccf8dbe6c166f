"""What is done for devices in the background."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.bridges.dav import actions


@db_periodic_task(crontab(minute="17", hour="4"))
def forget_states() -> None:
    """A program that comes back after so long fetches everything anew."""
    actions.forget_states(timezone.now())
