"""What two accounts were told, when they become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.notify.models import Notification
from box.core.registry.merging import Merger, OneEach, mergers, settlings

if TYPE_CHECKING:
    from box.core.accounts.models import User


def declare() -> None:
    read = "read_at = COALESCE(kept.read_at, gone.read_at)"
    settlings.add("notify.Notification.user", OneEach("key", takes=read))
    settlings.add("notify.Preferences.user", OneEach())
    settlings.add("notify.Presence.user", OneEach(takes="seen_at = greatest(kept.seen_at, gone.seen_at)"))
    mergers.add("notify", Merger(_("Notifications"), moves=_notifications))


def _notifications(gone: User, kept: User) -> list[str]:
    count = Notification.objects.filter(user=gone).count()
    if not count:
        return []
    return [ngettext("%(num)s notification", "%(num)s notifications", count) % {"num": count}]
