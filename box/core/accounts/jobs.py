"""What is done for people in the background."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.core.accounts import throttle
from box.core.accounts.models import Session


@db_periodic_task(crontab(minute="23"))
def forget_expired_sessions() -> None:
    """Every hour."""
    forget_sessions(timezone.now())
    throttle.forget(timezone.now())


def forget_sessions(now: datetime) -> int:
    """Removes sessions that have expired; returns how many."""
    return Session.objects.filter(expire_date__lt=now).delete()[0]
