"""What people were told, when they are erased or two accounts become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from box.core.notify.models import LetterQuerySet, QueuedLetter
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, OneEach, Stays

if TYPE_CHECKING:
    from box.core.accounts.models import User


def _letters(person: User) -> LetterQuerySet:
    return QueuedLetter.objects.filter(to=person.email) if person.email else QueuedLetter.objects.none()


def _waiting(person: User) -> list[str]:
    count = _letters(person).count()
    return [ngettext("%(num)s letter", "%(num)s letters", count) % {"num": count}] if count else []


def _forget_letters(person: User, by: User) -> None:
    _letters(person).delete()


BELONGINGS = Belongings(
    _("Notifications"),
    {
        "notify.Notification.user": Belongs(
            Deleted(),
            OneEach("key", takes="read_at = COALESCE(kept.read_at, gone.read_at)"),
            said=ngettext_lazy("%(num)s notification", "%(num)s notifications", "num"),
        ),
        "notify.Notification.actor": Belongs(Stays(DECIDED)),
        "notify.Reminder.user": Belongs(Deleted(), OneEach("about_kind", "about_id", "kind")),
        # What the other account still had to do is counted when the next thing happens to it.
        "notify.Counter.user": Belongs(Deleted(), OneEach("key")),
        "notify.Preferences.user": Belongs(Deleted(), OneEach()),
        "notify.Presence.user": Belongs(
            Deleted(), OneEach(takes="seen_at = greatest(kept.seen_at, gone.seen_at)")
        ),
    },
    found=_waiting,
    erase=_forget_letters,
)
