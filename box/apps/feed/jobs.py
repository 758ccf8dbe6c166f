"""What the feed does by the clock. A job that is lost is found again from the rows."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.apps.feed.actions import forget_post
from box.apps.feed.models import Post
from box.apps.feed.receipts import MORNING, remind_of_due
from box.apps.feed.scheduling import publish_due
from box.apps.feed.settings import TELL_BIRTHDAYS
from box.apps.feed.system_posts import tell_birthdays
from box.core.registry.company import TIME_ZONE

# For so long a deleted post may be brought back.
UNDO = timedelta(minutes=15)


@db_periodic_task(crontab(minute="*/5"))
def forget_deleted() -> None:
    forget_deleted_before(timezone.now() - UNDO)


@db_periodic_task(crontab(minute="*"))
def publish_scheduled() -> None:
    """Every minute: what waits for its moment is found from its rows."""
    publish_due(timezone.now())


@db_periodic_task(crontab(minute="*/10"))
def remind_of_reading() -> None:
    """From nine in the company's morning on, whoever has not read what is to be read by that day."""
    here = timezone.now().astimezone(zoneinfo.ZoneInfo(TIME_ZONE.value))
    if here.hour >= MORNING:
        remind_of_due(here.date())


@db_periodic_task(crontab(minute="*/10"))
def tell_of_birthdays() -> None:
    """From the company's morning on, where it wants that: each day's once."""
    here = timezone.now().astimezone(zoneinfo.ZoneInfo(TIME_ZONE.value))
    if TELL_BIRTHDAYS.value and here.hour >= MORNING:
        tell_birthdays(here.date())


def forget_deleted_before(moment: datetime) -> None:
    """Takes away for good what was deleted before this moment."""
    for post in Post.objects.filter(deleted_at__lt=moment).order_by("deleted_at").iterator(chunk_size=100):
        forget_post(post)
