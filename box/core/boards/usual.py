"""What a board begins with where nothing is chosen: counts and first cards, in two queries composed once.

USUAL = UsualColumns(
    lambda: Task.objects.filter(responsible=Param("user", BigIntegerField())),
    lambda: {state: Q(state=state) for state in State},
    read=as_row,
)

USUAL.counts(user=user.pk), USUAL.cards(user=user.pk)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import Count, Value

from box.core.boards.definition import PAGE
from box.core.boards.paging import first_rows
from box.lib.prepared import Prepared, PreparedModels

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import Model, Q, QuerySet


class UsualColumns[M: Model]:
    """`rows` are all that the board may show, `conditions` its columns by their keys; both have a `Param` for
    each value of a reader's or of the moment. `read` is that of the board's list."""

    def __init__(
        self,
        rows: Callable[[], QuerySet[M, M]],
        conditions: Callable[[], Mapping[str, Q]],
        *,
        read: Callable[[QuerySet[M, M]], QuerySet[M, M]],
        size: int = PAGE,
    ) -> None:
        self._rows, self._make_conditions, self._read, self._size = rows, conditions, read, size

    def counts(self, **given: Any) -> dict[str, int]:
        """By the keys of the columns."""
        found = self._counts.rows(**given)
        _group, *counts = found[0] if found else (0, *(0 for _key in self._conditions))
        return dict(zip(self._conditions, counts, strict=True))

    def cards(self, **given: Any) -> list[M]:
        return self._cards.rows(**given)

    @cached_property
    def _conditions(self) -> Mapping[str, Q]:
        return self._make_conditions()

    @cached_property
    def _counts(self) -> Prepared:
        counts = {f"n{place}": Count("pk", filter=one) for place, one in enumerate(self._conditions.values())}
        # All of them are one group.
        return Prepared(lambda: self._rows().order_by().values_list(Value(0)).annotate(**counts))

    @cached_property
    def _cards(self) -> PreparedModels[M]:
        def make() -> QuerySet[M, M]:
            rows = self._rows()
            columns = [rows.filter(one) for one in self._conditions.values()]
            return first_rows(self._read(rows.model._default_manager.all()), columns, size=self._size)

        # Of some there is hardly anything, of others there is a lot.
        return PreparedModels(make, plans_anew=True)
