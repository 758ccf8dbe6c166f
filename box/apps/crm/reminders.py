"""What is due: a number in the menu, and a word when it has become too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from box.apps.crm import notices
from box.apps.crm.agenda import due_count
from box.core.notify.actions import notify
from box.core.notify.counters import recount

if TYPE_CHECKING:
    from box.apps.crm.models import Activity, Record
    from box.core.accounts.models import User

COUNTER = "crm"


def recount_due(person: User) -> None:
    recount(person, COUNTER, lambda: due_count(person, timezone.now()))


def notify_overdue(activity: Activity, record: Record) -> None:
    """Once for each deadline that has passed."""
    key = f"crm-overdue:{activity.pk}:{activity.deadline:%Y%m%d%H%M}"
    notify(activity.responsible, notices.OVERDUE, about=record.ref, key=key)
