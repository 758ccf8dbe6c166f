"""Which rank puts a card between two others of its column.

    others = Deal.objects.filter(stage=stage).exclude(pk=deal.pk)
    deal.rank = rank_between(others, above.rank, below.rank)

Two things `box.lib.ranks` cannot see to, for it knows no column. Cards may have one rank, after two people
have moved at once or two columns have become one: nothing fits between them, and what is put there comes
behind them, before whatever follows. And in a gap that is filled again and again, as the one below a card
that stays on top, each rank is a little longer than the last: at some length the cards around it get short
ones anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, transaction
from django.db.models.functions import Length
from psycopg.errors import LockNotAvailable

from box.core.boards.paging import ordered
from box.lib.ranks import between

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

# Half of what a column of ranks holds; and of this half, as far as is written anew.
LONGEST = 100
SHORT = 50


def rank_between[M: Model](others: QuerySet[M, M], upper: str | None, lower: str | None) -> str:
    """Below the card of the one rank and above that of the other, of which one is known at least."""
    if upper is None:
        upper = _first(others.filter(rank__lt=lower).order_by("-rank"))
    if lower is None or (upper is not None and lower <= upper):
        lower = _first(others.filter(rank__gt=upper).order_by("rank"))
    rank = between(upper, lower)
    if len(rank) > LONGEST:
        try:
            with transaction.atomic():
                return _with_room(others, upper, lower)
        except OperationalError as error:
            # Somebody holds one of these cards, and may wait for ours. The next move makes room: until then
            # there is the other half.
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
    return rank


def _with_room[M: Model](others: QuerySet[M, M], upper: str | None, lower: str | None) -> str:
    """Spreads the cards from the last short rank above to the first short one below."""
    short = others.annotate(length=Length("rank")).filter(length__lte=SHORT)
    low = _first(short.filter(rank__lte=upper).order_by("-rank")) if upper else None
    high = _first(short.filter(rank__gte=lower).order_by("rank")) if lower else None
    within = others.filter(rank__gt=low) if low else others
    within = within.filter(rank__lt=high) if high else within
    cards: list[Any] = list(ordered(within).select_for_update(nowait=True, of=("self",)))
    place = sum(upper is not None and card.rank <= upper for card in cards)
    ranks = list(_spread(low, high, len(cards) + 1))
    room = ranks.pop(place)
    for card, rank in zip(cards, ranks, strict=True):
        card.rank = rank
    others.model._default_manager.bulk_update(cards, ["rank"])
    return room


def _spread(low: str | None, high: str | None, count: int) -> Iterator[str]:
    """So many in order between these two, as short as they go."""
    if count:
        middle, before = between(low, high), count // 2
        yield from _spread(low, middle, before)
        yield middle
        yield from _spread(middle, high, count - before - 1)


def _first[M: Model](cards: QuerySet[M, M]) -> str | None:
    return cards.values_list("rank", flat=True).first()
