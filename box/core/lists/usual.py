"""The page that a list begins with, where nothing is chosen: most ask for this one, so it is composed once.

USUAL = Usual(Keyset(is_descending=True), lambda: Idea.objects.filter(author=Param("user")))

List(..., usual=lambda: USUAL.page(user=user.pk))
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from box.core.lists.definition import PAGE
from box.lib.prepared import PreparedModels

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import Model, QuerySet

    from box.core.lists.keyset import Keyset, Page


class Usual[M: Model]:
    """`make` gives the rows as the list reads them, with a `Param` for each value of a reader's. The order is
    that of the list.

    PostgreSQL plans each anew (`plans_anew`) where some readers see nearly all rows, others hardly any.
    """

    def __init__(
        self,
        keyset: Keyset,
        make: Callable[[], QuerySet[M, M]],
        *,
        size: int = PAGE,
        plans_anew: bool = True,
    ) -> None:
        self._keyset, self._make, self._size, self._plans_anew = keyset, make, size, plans_anew

    def page(self, **given: Any) -> Page[M]:
        found: list[M] = []
        for query in self._queries:
            found += query.rows(**given)
            if len(found) > self._size:
                break
        return self._keyset.cut(found, self._size)

    @cached_property
    def _queries(self) -> tuple[PreparedModels[M], ...]:
        # At first use, for models are not ready where modules declare what they ask.
        parts = self._keyset.first(self._make(), self._size)
        return tuple(self._prepared(part) for part in parts)

    def _prepared(self, part: QuerySet[M, M]) -> PreparedModels[M]:
        return PreparedModels(lambda: part, plans_anew=self._plans_anew)
