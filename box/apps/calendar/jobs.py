"""What is done for calendars in the background."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.apps.calendar import actions
from box.apps.calendar.actions.appointments import forget_old
from box.apps.calendar.actions.guests import forget_sent


@db_periodic_task(crontab(minute="41", hour="3"))
def purge_removed() -> None:
    actions.purge_removed(timezone.now())
    forget_sent(timezone.now())
    forget_old(timezone.now())


@db_periodic_task(crontab(minute="11", hour="4"))
def book_ahead() -> None:
    """What recurs without an end has its room for a year from today."""
    actions.book_ahead(timezone.now())
