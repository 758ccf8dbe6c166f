"""What the page says of notifications: a sentence each, in as many queries for fifty as for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from markupsafe import Markup

from box.core.registry.capabilities import Card, Ref, cards_of
from box.core.registry.environment import url
from box.core.registry.notices import notices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.core.accounts.models import User
    from box.core.notify.models import Notification


@dataclass(frozen=True)
class ShownNotice:
    """A notification as its reader sees it."""

    notification: Notification
    card: Card | None
    """None where what it is about is gone, or no longer for this reader to see."""
    at: str = ""
    """Before the addresses in it: where the portal is, for whoever reads it in a letter."""

    @property
    def actor(self) -> User | None:
        """Who did it; nobody where there is no card, for that would tell of what is hidden."""
        return self.notification.actor if self.card else None

    @property
    def address(self) -> str:
        """On a page of the portal who follows it has read it, with that."""
        is_news = self.notification.read_at is None and not self.at
        if is_news or self.card is None:
            return url("notify:thing", self.notification.pk)
        return self.card.url

    @property
    def sentence(self) -> Markup | str:
        if self.card is None or self.notification.kind not in notices:
            return _("What this was about was deleted, or is no longer for you to see.")
        # Our own text; what it names is escaped.
        sentence = Markup(str(notices[self.notification.kind].sentence))  # noqa: S704
        return sentence % {"actor": self._name, "about": self._link(self.address, self.card.title)}

    @property
    def _name(self) -> Markup | str:
        actor = self.notification.actor
        return self._link(url("people:person", actor.pk), actor.name) if actor else _("The box")

    def _link(self, url: str, text: str) -> Markup:
        return Markup('<a href="{}{}">{}</a>').format(self.at, url, text or "…")


@dataclass(frozen=True)
class Line:
    """Notices of the same kind about the same thing: the newest speaks, the others are counted."""

    newest: ShownNotice
    others: tuple[ShownNotice, ...]

    @property
    def is_unread(self) -> bool:
        return any(one.notification.read_at is None for one in (self.newest, *self.others))


def noticed(notifications: Iterable[Notification], *, reader: User, at: str = "") -> list[ShownNotice]:
    notifications = list(notifications)
    found = cards_of((Ref(one.about_kind, one.about_id) for one in notifications), reader)
    return [ShownNotice(one, found.get(Ref(one.about_kind, one.about_id)), at) for one in notifications]


def lines_of(shown: Iterable[ShownNotice]) -> list[Line]:
    """In the order of the newest of each line."""
    gathered: dict[tuple[str, str, int], list[ShownNotice]] = {}
    for notice in shown:
        one = notice.notification
        gathered.setdefault((one.kind, one.about_kind, one.about_id), []).append(notice)
    return [Line(newest, tuple(others)) for newest, *others in gathered.values()]
