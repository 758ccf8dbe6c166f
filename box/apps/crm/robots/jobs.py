"""Robots at work: what is due each minute, and each hour what only the time has brought."""

from __future__ import annotations

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.apps.crm.robots.actions import call_by_time, run_due
from box.apps.crm.robots.webhooks import send_due
from box.core.registry.services import is_on


@db_task()
def run_robots() -> None:
    """After something has called them."""
    if is_on("crm"):
        _work()


@db_periodic_task(crontab())
def run_waiting_robots() -> None:
    """Every minute: also what a killed process has left."""
    if is_on("crm"):
        _work()


def _work() -> None:
    """What robots tell outside is sent once all that is due was done: nothing waits for somebody's answer."""
    run_due(timezone.now())
    send_due(timezone.now())


@db_periodic_task(crontab(minute="7"))
def call_robots_by_time() -> None:
    """Every hour."""
    if is_on("crm"):
        call_by_time(timezone.now())
