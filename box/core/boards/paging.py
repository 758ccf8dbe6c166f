"""The cards of columns: the first of all of them in one query, and further ones of a column by key.

An index `(column, rank, id DESC)` answers both without walking over what lies before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest
from django.db.models import Q

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

_CURSOR = re.compile(r"([0-9a-z]{1,200})\.([1-9]\d{0,17})")


@dataclass(frozen=True)
class CardPage[M: Model]:
    """`next` is where the next page of the column begins; nothing where this is the last."""

    cards: Sequence[M]
    next: str = ""


def first_rows[M: Model](
    rows: QuerySet[M, M], columns: Iterable[QuerySet[M, M]], *, size: int
) -> QuerySet[M, M]:
    """What each of these columns begins with, and one more of each: they find ids, and `rows` read what is
    shown of them."""
    first, *others = (ordered(one).values("pk")[: size + 1] for one in columns)
    return rows.filter(pk__in=first.union(*others, all=True) if others else first)


def first_pages[M: Model](
    rows: Iterable[M], keys: Iterable[str], column_of: Callable[[M], str], *, size: int
) -> dict[str, CardPage[M]]:
    """Of what `first_rows` has found, by the keys of their columns."""
    found: dict[str, list[M]] = {key: [] for key in keys}
    for row in rows:
        found[column_of(row)].append(row)
    return {key: _page(sorted(some, key=_place), size) for key, some in found.items()}


def page_after[M: Model](rows: QuerySet[M, M], cursor: str, *, size: int) -> CardPage[M]:
    """Raises BadRequest for what no page gave."""
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadRequest("This link into a column is broken: open the board anew.")
    rank, pk = match[1], int(match[2])
    # Said twice, so that the index begins at the rank.
    behind = rows.filter(rank__gte=rank).filter(Q(rank__gt=rank) | Q(pk__lt=pk))
    return _page(list(ordered(behind)[: size + 1]), size)


def ordered[M: Model](rows: QuerySet[M, M]) -> QuerySet[M, M]:
    return rows.order_by("rank", "-pk")


def _place(row: Any) -> tuple[str, int]:
    return row.rank, -row.pk


def _page[M: Model](rows: Sequence[M], size: int) -> CardPage[M]:
    shown = rows[:size]
    last: Any = shown[-1] if len(rows) > size else None
    return CardPage(shown, f"{last.rank}.{last.pk}" if last else "")
