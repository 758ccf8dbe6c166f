"""What the page says of notifications: a sentence each, in as many queries for fifty as for one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from markupsafe import Markup

from box.core.registry.capabilities import Card, Ref, cards, notices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.core.accounts.models import User
    from box.core.notify.models import Notification


@dataclass(frozen=True)
class Notice:
    """A notification as its reader sees it."""

    notification: Notification
    card: Card | None
    """None where what it is about is gone, or no longer for this reader to see."""

    @property
    def actor(self) -> User | None:
        """Who did it; nobody where there is no card, for that would tell of what is hidden."""
        return self.notification.actor if self.card else None

    @property
    def sentence(self) -> Markup | str:
        if self.card is None or self.notification.kind not in notices:
            return _("What this was about was deleted, or is no longer for you to see.")
        # Our own text; what it names is escaped.
        sentence = Markup(str(notices[self.notification.kind]))  # noqa: S704
        return sentence % {"actor": self._name, "about": _link(self.card.url, self.card.title)}

    @property
    def _name(self) -> Markup | str:
        actor = self.notification.actor
        return _link(reverse("org:person", args=[actor.pk]), actor.name) if actor else _("The box")


def noticed(notifications: Iterable[Notification], *, reader: User) -> list[Notice]:
    notifications = list(notifications)
    ids = defaultdict(set)
    for one in notifications:
        ids[one.about_kind].add(one.about_id)
    found = {
        card.ref: card
        for kind, of_kind in ids.items()
        if kind in cards
        for card in cards[kind](sorted(of_kind), reader).values()
    }
    return [Notice(one, found.get(Ref(one.about_kind, one.about_id))) for one in notifications]


def _link(url: str, text: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(url, text or "…")
