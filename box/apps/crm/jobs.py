"""What the CRM does by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.apps.crm.actions.merging import forget_expired
from box.apps.crm.models import Activity, Paper
from box.apps.crm.paper_pdf import make_pdf_of
from box.apps.crm.reminders import notify_overdue, recount_due
from box.core.accounts.models import User
from box.core.registry.company import company_zone

# A box that was down for so long still tells of what has become overdue meanwhile.
LOOKS_BACK = timedelta(hours=12)
MIDNIGHT_HOURS = 1


@db_periodic_task(crontab(minute="*/5"))
def tell_overdue() -> None:
    tell_overdue_at(timezone.now())


@db_periodic_task(crontab(minute="*/20"))
def count_the_new_day() -> None:
    """What is due on a day counts from its beginning."""
    now = timezone.now()
    if now.astimezone(company_zone()).hour < MIDNIGHT_HOURS:
        count_all(now)


@db_task()
def make_pdf(record_id: int) -> None:
    make_pdf_of(record_id)


@db_periodic_task(crontab())
def make_forgotten_pdfs() -> None:
    """What a job that was killed has left, and what could not be made the first time."""
    for pk in Paper.objects.waiting_for_pdf().order_by("pdf_wanted_at").values_list("pk", flat=True)[:20]:
        make_pdf_of(pk)


@db_periodic_task(crontab(minute="53", hour="3"))
def forget_expired_mergers() -> None:
    """Every night: of a merger that can be taken back no more it is forgotten what went over."""
    forget_expired(timezone.now())


def tell_overdue_at(now: datetime) -> None:
    """Whose step has just become overdue hears of it once, and sees it in the menu."""
    late = Activity.objects.open().filter(deadline__lt=now, deadline__gte=now - LOOKS_BACK)
    for activity in late.select_related("responsible").by_deadline().iterator(chunk_size=200):
        bindings = activity.bindings.filter(record__deleted_at=None).order_by("pk")
        binding = bindings.select_related("record__type").first()
        if binding is not None:
            notify_overdue(activity, binding.record)


def count_all(now: datetime) -> None:
    soon = Activity.objects.open().filter(deadline__lt=now + timedelta(days=2))
    for person in User.objects.active().filter(pk__in=soon.values("responsible").distinct()):
        recount_due(person)
