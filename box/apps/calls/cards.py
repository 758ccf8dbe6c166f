"""A call in short, as other rooms' pages show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.calls.models import LoggedCall
from box.apps.calls.words import number_shown, outcome
from box.core.registry.capabilities import Card

if TYPE_CHECKING:
    from box.core.accounts.models import User


def call_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    found = LoggedCall.objects.visible_to(reader).filter(pk__in=ids)
    cards = {}
    for call in found:
        said = outcome(call)
        cards[call.pk] = Card(
            call.ref,
            number_shown(call),
            call.get_absolute_url(),
            icon="phone",
            state=said.label,
            tone=said.tone,
        )
    return cards
