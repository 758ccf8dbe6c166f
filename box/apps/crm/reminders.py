"""What is due: a number in the menu, and a word when it has become too late."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import TYPE_CHECKING

from django.utils import timezone

from box.apps.crm import notices
from box.apps.crm.agenda import due_count
from box.apps.crm.models import Record
from box.core.notify.actions import notify
from box.core.notify.counters import recount
from box.core.notify.reminders import set_reminders
from box.core.registry.company import company_zone

if TYPE_CHECKING:
    from box.apps.crm.models import Activity
    from box.core.accounts.models import User

COUNTER = "crm"
# On the company's clock.
REMINDS_AT = time(9)


def recount_due(person: User) -> None:
    recount(person, COUNTER, lambda: due_count(person, timezone.now()))


def renew_paper_reminders(ids: Iterable[int]) -> None:
    """On the last day of a paper that is still open whoever looks after it is reminded of it."""
    papers = Record.objects.filter(pk__in=list(ids), paper__isnull=False).select_related("type", "stage")
    for record in papers:
        moments: dict[int, datetime] = {}
        if record.deleted_at is None and record.is_open and record.expected_on is not None:
            at = datetime.combine(record.expected_on, REMINDS_AT, tzinfo=company_zone())
            if at > timezone.now():
                moments[record.responsible_id] = at
        set_reminders(record.ref, notices.PAPER_DUE, moments)


def notify_overdue(activity: Activity, record: Record) -> None:
    """Once for each deadline that has passed."""
    key = f"crm-overdue:{activity.pk}:{activity.deadline:%Y%m%d%H%M}"
    notify(activity.responsible, notices.OVERDUE, about=record.ref, key=key)
