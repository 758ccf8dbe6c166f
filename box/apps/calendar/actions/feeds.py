"""Links by which other programs read a calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_write
from box.apps.calendar.events import FeedEnded, FeedMade
from box.apps.calendar.models import Calendar, Feed
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST = 5


@transaction.atomic
def create_feed(calendar: Calendar, *, by: User) -> Feed:
    """Of a calendar that the person may write into: what they only look at is not theirs to show."""
    if not can_write(by, calendar):
        raise PermissionDenied(_("This calendar is not yours to change."))
    if Feed.objects.open().filter(calendar=calendar, by=by).count() >= MOST:
        raise ValidationError(_("There are %(most)s links already: end one first.") % {"most": MOST})
    feed = Feed.objects.create(calendar=calendar, by=by)
    emit(FeedMade(feed_id=feed.pk, calendar_id=calendar.pk, by_id=by.pk))
    return feed


@transaction.atomic
def end_feed(feed: Feed, *, by: User) -> None:
    if Feed.objects.filter(pk=feed.pk, ended_at=None).update(ended_at=timezone.now()):
        emit(FeedEnded(feed_id=feed.pk, calendar_id=feed.calendar_id, by_id=by.pk))
