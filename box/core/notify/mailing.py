"""Notices as letters: to whoever is away, outside of their quiet hours; and the daily summary.

Everything stands in rows: a notice that is to be mailed says from when on, and is queued in the transaction
that takes this mark away. A process killed at any point loses none and doubles none.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from datetime import datetime, time, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation

from box.core.accounts.models import User
from box.core.notify.actions import DIGEST, queue_letters
from box.core.notify.models import Notification, Preferences, Presence
from box.core.notify.presence import AWAY_AFTER
from box.core.notify.presenters import noticed
from box.core.notify.topics import quiet_until, topic_of
from box.core.registry.capabilities import Letter, can_send_letters
from box.core.registry.company import LANGUAGE, TIME_ZONE

BATCH = 100
DIGEST_AT = time(9)
DIGEST_LINES = 30
SALT = "box.core.notify.unsubscribe"


def unsubscribe_address(user: User, topic: str) -> str:
    """What ends letters of this topic by one POST, without signing in."""
    token = signing.dumps([user.pk, topic], salt=SALT)
    return f"{settings.PORTAL_URL}{reverse('notify:unsubscribe', args=[token])}"


def mail_notices(now: datetime) -> int:
    """Queues a letter for each notice that is due; returns how many."""
    count = 0
    while (queued := _mail_some(now)) is not None:
        count += queued
    return count


@transaction.atomic
def _mail_some(now: datetime) -> int | None:
    due = list(
        Notification.objects.filter(mail_after__lte=now)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("user", "actor")
        .order_by("mail_after", "id")[:BATCH]
    )
    if not due:
        return None
    ids = {one.user_id for one in due}
    seen = dict(Presence.objects.filter(pk__in=ids).values_list("user_id", "seen_at"))
    preferences = Preferences.objects.in_bulk(ids)
    letters: list[Letter] = []
    for one in due:
        one.mail_after = _later(one.user, now, seen.get(one.user_id), preferences.get(one.user_id))
        if one.mail_after is None and one.read_at is None and one.user.is_active and one.user.email:
            letters += _letter_of(one)
    Notification.objects.bulk_update(due, ["mail_after"])
    queue_letters(letters)
    return len(letters)


def _later(
    user: User, now: datetime, seen_at: datetime | None, preferences: Preferences | None
) -> datetime | None:
    """When to look again; None: now is the time."""
    if seen_at is not None and now < seen_at + AWAY_AFTER:
        return seen_at + AWAY_AFTER
    if preferences is None:
        return None
    return quiet_until(now.astimezone(zone_of(user)), preferences.quiet_from, preferences.quiet_until)


def _letter_of(one: Notification) -> Iterable[Letter]:
    """Nothing, where what it is about is gone or no longer for this reader."""
    with translation.override(one.user.language or LANGUAGE.value):
        (notice,) = noticed([one], reader=one.user, at=settings.PORTAL_URL)
        if notice.card is None:
            return
        yield Letter(
            key=f"notice:{one.pk}",
            to=one.user.email,
            language=one.user.language,
            template="notify/notice_letter.html",
            context={
                "sentence": notice.sentence,
                "url": f"{settings.PORTAL_URL}{notice.card.url}",
            },
            unsubscribe=unsubscribe_address(one.user, topic_of(one.kind).key),
        )


def send_digests(now: datetime) -> int:
    """Queues the summary of whoever wants one, once in each of their mornings; returns how many."""
    if not can_send_letters():
        return 0
    wanting = Preferences.objects.filter(digest=True).values_list("pk", flat=True)
    return sum(_send_digest(user_id, now) for user_id in wanting.iterator())


@transaction.atomic
def _send_digest(user_id: int, now: datetime) -> bool:
    preferences = (
        Preferences.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("user")
        .filter(pk=user_id, digest=True)
        .first()
    )
    if preferences is None:
        return False
    user = preferences.user
    local = now.astimezone(zone_of(user))
    is_done = preferences.digested_on is not None and preferences.digested_on >= local.date()
    if is_done or local.time() < DIGEST_AT:
        return False
    preferences.digested_on = local.date()
    preferences.save(update_fields=["digested_on"])
    unread = (
        Notification.objects.filter(user=user, created_at__gte=now - timedelta(days=1))
        .unread()
        .newest_first()
        .select_related("actor")[:DIGEST_LINES]
    )
    with translation.override(user.language or LANGUAGE.value), timezone.override(zone_of(user)):
        told = [one for one in noticed(unread, reader=user, at=settings.PORTAL_URL) if one.card]
        if not told or not user.is_active or not user.email:
            return False
        queue_letters(
            [
                Letter(
                    key=f"digest:{user.pk}:{local.date()}",
                    to=user.email,
                    language=user.language,
                    template="notify/digest_letter.html",
                    context={"sentences": [one.sentence for one in told]},
                    unsubscribe=unsubscribe_address(user, DIGEST),
                )
            ]
        )
    return True


def zone_of(user: User) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(user.time_zone or TIME_ZONE.value)
