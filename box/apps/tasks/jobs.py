"""What tasks do by themselves."""

from __future__ import annotations

import logging

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.apps.tasks.actions.deadlines import tell_of_day, tell_overdue
from box.apps.tasks.actions.tasks import purge_old
from box.apps.tasks.actions.templates import give_next
from box.apps.tasks.actions.time import end_forgotten

log = logging.getLogger(__name__)


@db_periodic_task(crontab(minute="*/5"))
def notice_overdue() -> None:
    """In batches, each in its own transaction: much of a company's work is due at the same hour."""
    while tell_overdue(timezone.now()):
        pass


@db_periodic_task(crontab(minute="*"))
def give_recurring_tasks() -> None:
    """Each in its own transaction: what is left when this dies, the next one gives."""
    now = timezone.now()
    while give_next(now):
        pass


@db_periodic_task(crontab(minute="*/20"))
def say_what_is_due() -> None:
    """Once a morning, which is another moment for whoever lives elsewhere."""
    tell_of_day(timezone.now())


@db_periodic_task(crontab(minute="*/10"))
def end_forgotten_clocks() -> None:
    if count := end_forgotten(timezone.now()):
        log.info("%s clocks ran longer than anybody works, and were stopped", count)


@db_periodic_task(crontab(minute="23", hour="3"))
def empty_trash() -> None:
    """Every night."""
    count = 0
    while gone := purge_old(timezone.now()):
        count += gone
    if count:
        log.info("%s tasks have left the trash for good", count)
