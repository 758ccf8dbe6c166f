"""What a person can be told, each an object that is declared once: a room writes its notices into its
`notices.py`, offers that module, and tells by the object, so that no name can be misspelt.

    COMMENTS = Topic("feed.comments", _("Comments on your posts"))
    COMMENTED = Notice("feed.comment", _("%(actor)s commented on your post %(about)s"), COMMENTS)

    offer_notices(notices)
    notify(author, COMMENTED, about=post.ref, key=f"comment:{comment.pk}", actor=comment.author)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from types import ModuleType

    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class Topic:
    """What a person decides about as one: whether to be told, and whether by letter too. The first word of
    the key is the service that it belongs to."""

    key: str
    label: _StrOrPromise
    by_mail: bool = False
    is_always: bool = False
    """Nobody turns it off: who has taken over an account would be the first to do so."""


OTHER = Topic("other", _("Everything else"))


@dataclass(frozen=True)
class Notice:
    """What somebody is told. The kind is `<room>.<event>`, as rows keep it; the sentence names
    `%(actor)s` and the object `%(about)s`."""

    kind: str
    sentence: _StrOrPromise
    topic: Topic = OTHER

    def __str__(self) -> str:
        return self.kind


notices: Offers[Notice] = Offers("notices")


def offer_notices(module: ModuleType) -> None:
    """All that the module declares: one that is told of is never one that nobody knows."""
    for one in vars(module).values():
        if isinstance(one, Notice):
            notices.add(one.kind, one)
