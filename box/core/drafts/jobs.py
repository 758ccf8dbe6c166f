"""Old drafts go by the clock."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.core.drafts.actions import AGE, forget_drafts


@db_periodic_task(crontab(hour="4", minute="20"))
def forget_old_drafts() -> None:
    """Every night, those that nobody has come back to for three months."""
    forget_drafts(before=timezone.now() - AGE)
