"""Records as other rooms meet them: named, found, linked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.crm import notices
from box.apps.crm.access import can_delete
from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Record
from box.apps.crm.models.types import ANY_RECORD, BUILT_IN
from box.core.discussion.threads import Discussed, Told
from box.core.registry.capabilities import Card, CardMaker, Finder, Ref

if TYPE_CHECKING:
    from box.apps.crm.models.records import RecordQuerySet
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
        rows = seen.matching(text, fields_for(reader, kind.pk).sees).newest_first()[:MOST_FOUND]
        return [card_of(one, kind.kind) for one in catalog().dress(list(rows))]

    return found


def discussed_as(kind: str) -> Discussed:
    """Whoever sees a record writes below it; who looks after it and who observes it hear of that."""

    def find() -> RecordQuerySet:
        there = Record.objects.there().select_related("type")
        if kind == ANY_RECORD:
            return there.exclude(type__slug__in=BUILT_IN)
        return there.filter(type__slug=kind.removeprefix("crm."))

    return Discussed(
        find,
        can_write=lambda user, record: record.deleted_at is None,
        can_moderate=can_delete,
        listeners=lambda record: [
            record.responsible_id,
            *record.observers.values_list("user_id", flat=True),
        ],
        told=Told(notices.MENTIONED, own=notices.COMMENTED, followed=notices.COMMENTED),
    )


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
