"""The log is sealed, sent on and shortened in the background."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from itertools import takewhile

from django.conf import settings as django_settings
from django.utils import timezone, translation
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.core.audit.actions import cursor_of, take_over
from box.core.audit.models import AuditRecord
from box.core.audit.presenters import Shown
from box.core.audit.sealing import current_head, forget_until, seal_batch
from box.core.audit.settings import KEEP_DAYS, SYSLOG
from box.lib.syslog import Message, sending_to

log = logging.getLogger(__name__)

SENT_AT_ONCE = 500
MOST_REMOVED = 10_000
CURSOR = "syslog"


@db_periodic_task(crontab(minute="*"))
def seal_and_send() -> None:
    """Every minute."""
    while seal_batch():
        pass
    send_on()


@db_periodic_task(crontab(minute="7"))
def log_head() -> None:
    """Every hour the end of the chain goes to the journal, where the database's owner cannot reach it."""
    head = current_head()
    log.warning("The head of the audit chain is %s: `boxctl audit verify --head` checks against it.", head)


@db_periodic_task(crontab(hour="3", minute="37"))
def forget_old() -> None:
    """Every night."""
    while forget(timezone.now() - timedelta(days=KEEP_DAYS.value)):
        pass


def send_on() -> int:
    """Sends what was sealed since the last time to the syslog server of the settings; returns how much.

    At least once: what was sent when the connection broke is sent again.
    """
    if not SYSLOG.value:
        return 0
    sent, position = 0, int(cursor_of(CURSOR) or current_head().position)
    try:
        with sending_to(SYSLOG.value) as send, translation.override(django_settings.LANGUAGE_CODE):
            while rows := list(
                AuditRecord.objects.filter(position__gt=position).order_by("position")[:SENT_AT_ONCE]
            ):
                for row in rows:
                    send(_message(row))
                position = rows[-1].position or position
                sent += len(rows)
                take_over(CURSOR, [], cursor=str(position))
    except OSError as error:
        log.warning("The audit log cannot be sent to %s: %s", SYSLOG.value, error)
    take_over(CURSOR, [], cursor=str(position))
    return sent


def _message(row: AuditRecord) -> Message:
    shown = Shown(row)
    facts = {
        "number": row.position,
        "who": row.actor,
        "who-id": row.by_id,
        "address": row.address,
        "about": f"{row.about_kind}:{row.about_id}" if row.about_kind else "",
    }
    host = django_settings.KOROBKA.get("hostname", "")
    data = {name: str(value) for name, value in facts.items() if value}
    return Message(row.at, host, "korobka", row.kind, f"{shown.who}: {shown.sentence}", data)


def forget(until: datetime) -> int:
    """Removes records from the beginning of the chain that are older; returns how many places it moved."""
    first = AuditRecord.objects.sealed().order_by("position").only("at", "seal", "position")
    old = list(takewhile(lambda row: row.at < until, first[:MOST_REMOVED]))
    if old:
        forget_until(old[-1].position or 0, old[-1].seal)
    return len(old)
