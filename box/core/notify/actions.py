"""Telling people, and people having read it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.notify.models import Notification
from box.core.push.actions import send
from box.core.registry.capabilities import Ref

COUNT_CAP = 99


def unread_count(user: User) -> int:
    """Capped at 99, and so never the count of a long table."""
    return Notification.objects.filter(user=user).unread()[:COUNT_CAP].count()


@transaction.atomic
def notify(user: User, kind: str, *, about: Ref, key: str, actor: User | None = None) -> None:
    """Tells the person once, however often it is called with this key."""
    _, is_new = Notification.objects.get_or_create(
        user=user,
        key=key,
        defaults={"kind": kind, "about_kind": about.kind, "about_id": about.id, "actor": actor},
    )
    if is_new:
        _send_count(user)


@transaction.atomic
def mark_all_read(user: User, *, up_to: int | None = None) -> None:
    """`up_to` is the newest that the person was shown: what came after it stays unread."""
    unread = Notification.objects.filter(user=user).unread()
    if up_to is not None:
        unread = unread.filter(pk__lte=up_to)
    if unread.update(read_at=timezone.now()):
        _send_count(user)


def _send_count(user: User) -> None:
    send("notify", "count", audience=[code_of(user)], payload={"unread": unread_count(user)})
