"""Of which kinds of objects people say what belongs to them, and what else the page of an object tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

from box.core.registry.capabilities import Ref, card_routes
from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User


_NAMED = re.compile(r"([a-z]+\.[a-z-]+):([1-9]\d{0,17})")


@dataclass(frozen=True)
class Relatable:
    """A kind of objects to which people relate others. Both are called within the transaction that writes:
    `check` raises for whoever may not, and holds the object; `told(id, others, is_made, by)` says so in its
    history."""

    can_relate: Callable[[User, int], bool]
    check: Callable[[User, int], object]
    told: Callable[[int, Sequence[Ref], bool, User], object]


@dataclass(frozen=True)
class Codes:
    """What programs call the objects of a room, `D_5` as Bitrix24 does; of all of them `kind` is said where
    they are related. Both ways in a query, and without what the reader does not see."""

    kind: str
    ids: Callable[[Collection[str], User], Mapping[str, int]]
    codes: Callable[[Collection[int], User], Mapping[int, str]]


relatables: Offers[Relatable] = Offers("what others are related to")
parts: Offers[Callable[[Ref], tuple[str, QuerySet[Any, int]] | None]] = Offers("parts of objects")
"""By the room that keeps them, the kind and the numbers of what is within an object: what is related to a
comment is told on the page of its post, too."""
codes_of_programs: Offers[Codes] = Offers("codes of programs")
"""By the room of the objects."""


def ref_named(said: str) -> Ref | None:
    """`feed.post:12`, as addresses and forms name an object."""
    match = _NAMED.fullmatch(said)
    return Ref(match[1], int(match[2])) if match else None


def ref_at(address: str) -> Ref | None:
    """The object whose page has this address, whichever host it names."""
    with suppress(Resolver404, ValueError):
        found = resolve(urlsplit(address.strip()).path)
        if found.view_name in card_routes and "pk" in found.kwargs:
            return Ref(card_routes[found.view_name], found.kwargs["pk"])
    return None
