"""Announcements: who has confirmed to have read them, and who is still to."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from box.apps.feed.events import ReadingConfirmed
from box.apps.feed.models import Announcement, Post, Receipt
from box.apps.feed.notices import TO_READ
from box.core.access.principals import people_behind
from box.core.accounts.models import User, UserQuerySet
from box.core.events.outbox import emit
from box.core.notify.actions import notify
from box.core.registry.company import TIME_ZONE

# In the company's morning nobody is woken by it.
MORNING = 9


@transaction.atomic
def confirm_reading(post: Post, *, by: User) -> None:
    """Of the version that is there now. Confirming again changes nothing."""
    announcement = Announcement.objects.get(pk=post.pk)
    _receipt, is_new = Receipt.objects.get_or_create(post=post, user=by, version=post.version)
    if is_new and post.version >= announcement.required_version:
        emit(ReadingConfirmed(post_id=post.pk, version=post.version, by_id=by.pk))


def receipts_of(announcement: Announcement) -> QuerySet[Receipt]:
    """Who has read it as it must be read, in the order of the reading."""
    valid = Receipt.objects.filter(post=announcement.pk, version__gte=announcement.required_version)
    return valid.select_related("user").order_by("id")


def still_to_read(post: Post, announcement: Announcement) -> UserQuerySet:
    """Everybody it was addressed to who has not, computed from the audience as it is today. Whoever came
    later need not."""
    read = Receipt.objects.filter(post=post, user=OuterRef("pk"), version__gte=announcement.required_version)
    people: UserQuerySet = User.objects.active().filter(
        people_behind(post.audience), joined_at__lte=post.created_at
    )
    return people.filter(~Exists(read)).exclude(pk=post.author_id).distinct().by_name()


def rows_of(post: Post, announcement: Announcement) -> Iterator[tuple[str, str, int | None, datetime | None]]:
    """For a table: who, by which login, which version, and when; those who have not at the end."""
    for receipt in receipts_of(announcement).iterator(chunk_size=1000):
        yield receipt.user.full_name, receipt.user.login, receipt.version, receipt.read_at
    for person in still_to_read(post, announcement).iterator(chunk_size=1000):
        yield person.full_name, person.login, None, None


def remind_of_due(today: date) -> int:
    """Reminds whoever has not read what is to be read by today, of each version once; returns how many.

    Each person is told under a key, so that a run that was killed goes on where it was.
    """
    due = Announcement.objects.filter(
        read_by_on__lte=today, reminded_version__lt=F("required_version"), post__deleted_at=None
    )
    return sum(_remind(announcement) for announcement in due.select_related("post__author").order_by("pk"))


def skip_due_reminders(now: datetime | None = None) -> int:
    """After a restore: what was due by now was told before it, also where the tables know nothing of that."""
    here = (now or timezone.now()).astimezone(zoneinfo.ZoneInfo(TIME_ZONE.value))
    last = here.date() if here.hour >= MORNING else here.date() - timedelta(days=1)
    due = Announcement.objects.filter(read_by_on__lte=last, reminded_version__lt=F("required_version"))
    return due.update(reminded_version=F("required_version"))


def _remind(announcement: Announcement) -> int:
    post, version = announcement.post, announcement.required_version
    count = 0
    for person in still_to_read(post, announcement).iterator(chunk_size=500):
        notify(person, TO_READ, about=post.ref, key=f"reading:{post.pk}:{version}", actor=post.author)
        count += 1
    Announcement.objects.filter(pk=post.pk).update(reminded_version=version)
    return count
