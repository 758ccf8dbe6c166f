"""The capabilities there are. A new kind of question between rooms is one more line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.registry.demo import Company


@dataclass(frozen=True)
class Ref:
    """Names an object of any room: what links across rooms are made of."""

    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True)
class Card:
    """An object in short, as somebody else's page shows it."""

    ref: Ref
    title: str
    url: str


@dataclass(frozen=True)
class MenuEntry:
    """An item of the main menu. `order` is its place in a working day."""

    key: str
    label: _StrOrPromise
    icon: str
    url_name: str
    order: int
    is_for: Callable[[User], bool] = lambda user: True


class CardMaker(Protocol):
    def __call__(self, ids: list[int], reader: User) -> dict[int, Card]:
        """Cards of those objects that the reader may see, in one query."""


class DemoShare(Protocol):
    def __call__(self, company: Company) -> None:
        """Writes this room's share of a demonstration company, in bulk, and leaves in it what others need."""


menu: Offers[MenuEntry] = Offers("menu")
cards: Offers[CardMaker] = Offers("cards")
notices: Offers[_StrOrPromise] = Offers("notices")
"""By the kind of a notification its sentence, which names `%(actor)s` and the object `%(about)s`."""
demo_shares: Offers[DemoShare] = Offers("demo shares")


def menu_of(user: User) -> list[MenuEntry]:
    """The entries this person has, in order."""
    return sorted((entry for entry in menu if entry.is_for(user)), key=lambda entry: entry.order)
