"""Who is behind a number: the company's clients, asked of the rooms that have them, and its own people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from box.core.registry.capabilities import callers
from box.core.registry.services import is_on

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.capabilities import Card

MOST_NUMBERS = 500


def clients_behind(numbers: Iterable[str], reader: User) -> Mapping[str, tuple[Card, ...]]:
    """By number, those that this person may see."""
    asked = [one for one in dict.fromkeys(numbers) if one.startswith("+")][:MOST_NUMBERS]
    found: dict[str, tuple[Card, ...]] = {}
    if not asked:
        return found
    for key, lookup in callers.items():
        if is_on(key):
            for number, cards in lookup.cards(asked, reader).items():
                found[number] = (*found.get(number, ()), *cards)
    return found


def responsible_for(number: str) -> User | None:
    """The employee who looks after the client behind the number."""
    if not number.startswith("+"):
        return None
    asked = (lookup.responsible(number) for key, lookup in callers.items() if is_on(key))
    return next((person for person in asked if person is not None), None)


def beginnings(number: str, reader: User) -> str:
    """Where this person begins a card of a number that nobody knows; nothing where they may not."""
    if not number.startswith("+"):
        return ""
    return next(
        (url for key, lookup in callers.items() if is_on(key) and (url := lookup.new(number, reader))), ""
    )
