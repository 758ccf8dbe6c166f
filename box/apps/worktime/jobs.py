"""What working days do by themselves."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.apps.worktime.actions import forget_days
from box.apps.worktime.models import WorkDay


@db_periodic_task(crontab(minute="*/10"))
def notice_forgotten_days() -> None:
    """In batches, each in its own transaction: the whole company may forget on one evening."""
    while forget_days(WorkDay.objects.all(), now=timezone.now()):
        pass
