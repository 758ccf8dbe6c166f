"""Records as other rooms meet them: named, found, linked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.crm.catalog import catalog
from box.apps.crm.models import Record
from box.core.registry.capabilities import Card, CardMaker, Finder, Ref

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_FOUND = 8
_TONES = {"won": "good", "lost": "bad", "open": ""}


def cards_of_kind(kind: str) -> CardMaker:
    def cards(ids: list[int], reader: User) -> dict[int, Card]:
        seen = Record.objects.visible_to(reader).there().filter(pk__in=ids).select_related("responsible")
        return {one.pk: card_of(one, kind) for one in catalog().dress(list(seen))}

    return cards


def finder_of(slug: str) -> Finder:
    def found(text: str, reader: User) -> list[Card]:
        kind = catalog().by_slug.get(slug)
        if kind is None:
            return []
        seen = Record.objects.visible_to(reader).there().of_type(kind.pk).select_related("responsible")
        rows = seen.matching(text).newest_first()[:MOST_FOUND]
        return [card_of(one, kind.kind) for one in catalog().dress(list(rows))]

    return found


def card_of(record: Record, kind: str) -> Card:
    stage = record.stage
    return Card(
        Ref(kind, record.pk),
        record.title,
        record.get_absolute_url(),
        icon=record.type.icon,
        state=str(stage) if stage else "",
        tone=_TONES[stage.kind] if stage else "",
        people=(record.responsible.face,),
    )
