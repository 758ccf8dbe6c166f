"""What belongs to an object, as far as its reader sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from box.core.registry.capabilities import Ref, cards_of
from box.core.relations.models import Relation
from box.core.relations.relatable import parts, relatables

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.capabilities import Card

MOST_SHOWN = 100


@dataclass(frozen=True)
class Related:
    """`can_change`: the reader relates others to it, and takes away what is related."""

    ref: Ref
    cards: list[Card]
    can_change: bool


def related_to(ref: Ref, *, reader: User) -> Related:
    """The newest first, with what is related to its parts: in a query, and one or two a kind."""
    ends = Q(kind=ref.kind, object_id=ref.id) | Q(other_kind=ref.kind, other_id=ref.id)
    within = [found for find in parts if (found := find(ref)) is not None]
    for kind, ids in within:
        ends |= Q(kind=kind, object_id__in=ids) | Q(other_kind=kind, other_id__in=ids)
    rows = Relation.objects.filter(ends).order_by("-id")[:MOST_SHOWN]
    own_kinds = {kind for kind, _ids in within}
    refs = list(dict.fromkeys(_other_end(row, ref, own_kinds) for row in rows))
    cards = cards_of(refs, reader)
    can_change = ref.kind in relatables and relatables[ref.kind].can_relate(reader, ref.id)
    return Related(ref, [cards[one] for one in refs if one in cards], can_change)


def _other_end(row: Relation, ref: Ref, own_kinds: set[str]) -> Ref:
    one, other = Ref(row.kind, row.object_id), Ref(row.other_kind, row.other_id)
    return other if one == ref or one.kind in own_kinds else one
