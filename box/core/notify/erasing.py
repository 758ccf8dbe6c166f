"""What the notifications know of a person, for when it is to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.notify.models import LetterQuerySet, Notification, Preferences, Presence, QueuedLetter
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def told(person: User) -> list[str]:
    """See `box.core.registry.capabilities.Eraser`."""
    count = Notification.objects.filter(user=person).count()
    letters = _letters(person).count()
    said = [
        ngettext("%(num)s notification", "%(num)s notifications", count) % {"num": count} if count else "",
        ngettext("%(num)s letter", "%(num)s letters", letters) % {"num": letters} if letters else "",
    ]
    return list(filter(None, said))


def forget(person: User, by: User) -> None:
    for model in (Notification, Preferences, Presence):
        model.objects.filter(user=person).delete()
    _letters(person).delete()


def _letters(person: User) -> LetterQuerySet:
    return QueuedLetter.objects.filter(to=person.email) if person.email else QueuedLetter.objects.none()


ERASER = Eraser(
    _("Notifications"),
    told,
    forget,
    ("notify.Notification.user", "notify.Preferences.user", "notify.Presence.user"),
)
