"""Letters leave in the background, by one sender for the whole cluster, which keeps its connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.core.notify import actions, mailing, reminders

LOCK = "box.core.notify letters"


@db_task()
def send_letters() -> None:
    """One at a time: a slow server would get every thread that other jobs are waiting for."""
    with _alone() as is_alone:
        if is_alone:
            actions.send_letters(timezone.now())


@db_periodic_task(crontab())
def send_postponed_letters() -> None:
    """Every minute: who went away is told by letter, what failed is tried again, what a killed sender left
    is found."""
    mailing.mail_notices(timezone.now())
    send_letters.call_local()


@db_periodic_task(crontab())
def tell_reminders() -> None:
    reminders.tell_due(timezone.now())


@db_periodic_task(crontab(minute="*/15"))
def send_digests() -> None:
    """It is nine in the morning somewhere."""
    mailing.send_digests(timezone.now())


@db_periodic_task(crontab(minute="17", hour="3"))
def forget_letters() -> None:
    actions.forget_letters(timezone.now())


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [LOCK])
        (is_alone,) = cursor.fetchone()
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [LOCK])
