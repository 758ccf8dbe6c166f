"""Principals: whoever can be granted something, each with a short code.

`U17` a user, `D3` a department's members, `DR3` a department with all below it, `H3` those who lead it, `G5`
a group's members, `GM5` its moderators, `UA` all employees. Apps add their own with their name in front:
`deal:7:D5`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone

from box.core.registry.offers import Offers
from box.lib.prepared import Asked, Rows, at_once
from box.lib.replicas import at_leader

if TYPE_CHECKING:
    from box.core.accounts.models import User

EVERYONE = "UA"
CODES_LIVE = 24 * 3600

_KNOWN = "_codes"
_EXPANDED = "_expanded_codes"
_PERSON = re.compile(r"U\d+")


class Held(NamedTuple):
    """A code that a person answers to; `until` is when that ends by itself."""

    code: str
    until: datetime | None = None


@dataclass(frozen=True)
class Provider:
    """Which principals of a room a person is: the query that tells, and what its rows mean. All rooms are
    asked in one query."""

    asked: Callable[[User], Asked]
    held: Callable[[Rows], Iterable[Held]]


# Of each room that knows principals.
providers: Offers[Provider] = Offers("principal providers")


type Members = Callable[[Collection[str]], Q]

# And who is behind the codes that a room knows: the other way round, as a condition on people.
members: Offers[Members] = Offers("members of principals")


type Expander = Callable[[User], Collection[str]]

# Codes that follow from what a person is, such as those of the roles that they hold in a room. They are no
# memberships: a room makes them anew from what it remembers, and nothing keeps them with the person.
expanders: Offers[Expander] = Offers("expanders of principals")


def people_behind(codes: Collection[str]) -> Q:
    """The condition that a person answers to one of these codes, for a filter of people.

    It may find a person twice: ask for `distinct()`.
    """
    ids = [int(code[1:]) for code in codes if is_person(code)]
    found = Q(pk__in=ids)
    if EVERYONE in codes:
        found |= Q(is_extranet=False)
    for condition in members:
        found |= condition(codes)
    return found


def code_of(user: User) -> str:
    """The person's own code."""
    return f"U{user.pk}"


def is_person(code: str) -> bool:
    return _PERSON.fullmatch(code) is not None


def codes_of(user: User) -> frozenset[str]:
    """Every code this person answers to, also what follows from their roles; none at all for whoever may not
    sign in."""
    # Rooms name their principals before Django has its models, and settings are rows.
    from box.core.registry.settings import version_of_request

    if not user.is_active:
        return frozenset()
    # What follows from roles and rules is the same for all of a request, and is asked for ten times in it.
    # Outside of requests it is not remembered: neither are the rules.
    version = version_of_request()
    under = version, user.access_version, user.is_administrator
    known: tuple[Hashable, frozenset[str]] | None = vars(user).get(_EXPANDED)
    if version is None or known is None or known[0] != under:
        codes = memberships_of(user).union(*(expand(user) for expand in expanders))
        known = vars(user)[_EXPANDED] = (under, codes)
    return known[1]


def memberships_of(user: User) -> frozenset[str]:
    """Who and where the person is, whether or not they may sign in.

    Cached under the person's access version, which came with the row of this very request: whoever changes
    a membership raises it in the same transaction, so that a stale entry is never asked for again.
    """
    # A request asks several times, and has the person's row for as long as it lasts.
    known: tuple[int, frozenset[str]] | None = vars(user).get(_KNOWN)
    if known is None or known[0] != user.access_version:
        known = vars(user)[_KNOWN] = (user.access_version, _cached(user))
    return known[1]


@dataclass(frozen=True)
class _Known:
    codes: frozenset[str]
    until: float


class Recent:
    """The codes of whoever visited this process last: asking the cache for them is a connection a page.

    By the version of a person's codes, as there, so that what is out of date grants nothing; and no longer
    than any of them lasts.
    """

    MOST = 500

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[tuple[int, int], _Known] = OrderedDict()

    def get(self, key: tuple[int, int], now: float) -> frozenset[str] | None:
        known = self._known.get(key)
        return known.codes if known is not None and known.until > now else None

    def put(self, key: tuple[int, int], codes: frozenset[str], until: float) -> None:
        with self._lock:
            self._known[key] = _Known(codes, until)
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)

    def forget(self) -> None:
        """For tests, in which the same version comes again with other codes."""
        with self._lock:
            self._known.clear()


recent = Recent()


def _cached(user: User) -> frozenset[str]:
    version, now = (user.pk, user.access_version), timezone.now().timestamp()
    codes = recent.get(version, now)
    if codes is not None:
        return codes
    key = f"held:{user.pk}:{user.access_version}"
    cached = cache.get(key)
    if cached is None:
        with at_leader():  # it is kept, and a replica's would be kept as well
            held = list(_computed(user))
        seconds = _seconds_to_live(held)
        cached = {"codes": sorted({one.code for one in held}), "until": now + seconds}
        if seconds:
            cache.set(key, cached, seconds)
    # Those of colleagues are mostly the same, and are kept once.
    codes = frozenset(map(intern, cached["codes"]))
    recent.put(version, codes, cached["until"])
    return codes


def _computed(user: User) -> Iterator[Held]:
    yield Held(code_of(user))
    if not user.is_extranet:
        yield Held(EVERYONE)
    answers = at_once(*(provider.asked(user) for provider in providers))
    for provider, rows in zip(providers, answers, strict=True):
        yield from provider.held(rows)


def _seconds_to_live(held: Iterable[Held]) -> int:
    moments = [one.until for one in held if one.until]
    if not moments:
        return CODES_LIVE
    return max(0, min(CODES_LIVE, int((min(moments) - timezone.now()).total_seconds())))


def audience_for(author: User, chosen: Iterable[str]) -> list[str]:
    """The audience of what `author` makes for `chosen`: sorted, each once, the author's own code in it."""
    return sorted({code_of(author), *chosen})


def is_private(audience: Iterable[str]) -> bool:
    """True for what is addressed to named people only: private correspondence, also from administrators."""
    return all(is_person(code) for code in audience)
