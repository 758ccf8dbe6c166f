"""After a restore: what was to be told since that moment has long been told, and is not told again."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from box.core.notify.mailing import DIGEST_AT, zone_of
from box.core.notify.models import Notification, Preferences, QueuedLetter


def discard_unsent(now: datetime | None = None) -> int:
    """Letters that wait, notices that wait to become letters, and the summaries of this morning."""
    now = now or timezone.now()
    notices = Notification.objects.filter(mail_after__isnull=False).update(mail_after=None)
    letters = QueuedLetter.objects.waiting().update(
        failed_at=now, error="not sent: the box was restored", text="", html=""
    )
    return letters + notices + _skip_digests(now)


def _skip_digests(now: datetime) -> int:
    count = 0
    for one in Preferences.objects.filter(digest=True).select_related("user").iterator(chunk_size=500):
        local = now.astimezone(zone_of(one.user))
        if local.time() >= DIGEST_AT and (one.digested_on is None or one.digested_on < local.date()):
            count += Preferences.objects.filter(pk=one.pk).update(digested_on=local.date())
    return count
