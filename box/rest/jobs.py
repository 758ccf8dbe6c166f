"""What is done for webhooks in the background."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.rest import actions, frames, outgoing

LOCK = "box.rest sendings"


@db_task()
def send_waiting() -> None:
    """One sender for the whole cluster, so that everybody hears of things in their order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [LOCK])
        (is_alone,) = cursor.fetchone()
        try:
            if is_alone:
                outgoing.send_waiting(timezone.now())
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [LOCK])


@db_periodic_task(crontab())
def send_again() -> None:
    """Every minute: what failed is tried again, what a killed sender left is found."""
    send_waiting.call_local()


@db_periodic_task(crontab(minute="41", hour="3"))
def forget_webhooks() -> None:
    """Every night: of what was revoked or sent a month ago only the audit log tells."""
    actions.forget_revoked(timezone.now())
    frames.forget_frames(timezone.now())
    outgoing.forget_sendings(timezone.now())
