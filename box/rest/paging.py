"""Pages of fifty, as `start` asks for them.

The dialect counts rows from the beginning, and a database that passes over a hundred thousand rows for each
page reads them all each time. So where a page ends is remembered for whoever goes on from there: the next
page begins behind its last key, and what was counted once is not counted again. Who comes late, or begins
in the middle, gets the same page the slow way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import models

from box.core.registry.rest import Listing

PAGE = 50
REMEMBERED_SECONDS = 600
UNCOUNTED = -1
_BY_KEY = (("id",), ("-id",))


@dataclass(frozen=True)
class Page:
    items: list[Any]
    total: int | None
    next: int | None


def page_of[M: models.Model](listing: Listing[M], start: int, *, walk: str) -> Page:
    """`walk` names the webhook, the method and the parameters: with the same ones it goes on."""
    rows = listing.rows.order_by(*listing.order)
    if start == UNCOUNTED:
        return Page(listing.show(list(rows[:PAGE])), None, None)
    start = max(start, 0)
    is_by_key = listing.order in _BY_KEY
    place = cache.get(_name(walk, start)) if is_by_key and start else None
    if place is not None:
        last, total = place
        behind = {"pk__lt": last} if listing.order == ("-id",) else {"pk__gt": last}
        found = list(rows.filter(**behind)[: PAGE + 1])
    else:
        found, total = list(rows[start : start + PAGE + 1]), listing.rows.count()
    shown, is_more = found[:PAGE], len(found) > PAGE
    further = start + PAGE if is_more else None
    if further is not None and is_by_key:
        cache.set(_name(walk, further), [shown[-1].pk, total], REMEMBERED_SECONDS)
    return Page(listing.show(shown), total, further)


def _name(walk: str, start: int) -> str:
    return f"rest:walk:{walk}:{start}"
