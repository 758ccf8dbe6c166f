"""Principals: whoever can be granted something, each with a short code.

`U17` a user, `D3` a department's members, `DR3` a department with all below it, `G5` a group's members,
`GM5` its moderators, `UA` all employees. Apps add their own with their name in front: `deal:7:D5`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from django.core.cache import cache

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from box.core.accounts.models import User

EVERYONE = "UA"
CODES_LIVE = 24 * 3600

_PERSON = re.compile(r"U\d+")

type Provider = Callable[[User], Iterable[str]]

# Each room that knows principals tells which of them a person is.
providers: Offers[Provider] = Offers("principal providers")


def code_of(user: User) -> str:
    """The person's own code."""
    return f"U{user.pk}"


def is_person(code: str) -> bool:
    return _PERSON.fullmatch(code) is not None


def codes_of(user: User) -> frozenset[str]:
    """Every code this person answers to; none at all for whoever may not sign in.

    Cached under the person's access version, which came with the row of this very request: whoever changes
    a membership raises it in the same transaction, so that a stale entry is never asked for again.
    """
    if not user.is_active:
        return frozenset()
    key = f"codes:{user.pk}:{user.access_version}"
    codes = cache.get(key)
    if codes is None:
        codes = sorted(_computed(user))
        cache.set(key, codes, CODES_LIVE)
    return frozenset(codes)


def _computed(user: User) -> set[str]:
    codes = {code_of(user)}
    if not user.is_extranet:
        codes.add(EVERYONE)
    for provider in providers:
        codes.update(provider(user))
    return codes


def audience_for(author: User, chosen: Iterable[str]) -> list[str]:
    """The audience of what `author` makes for `chosen`: sorted, each once, the author's own code in it."""
    return sorted({code_of(author), *chosen})


def is_private(audience: Iterable[str]) -> bool:
    """True for what is addressed to named people only: private correspondence, also from administrators."""
    return all(is_person(code) for code in audience)
