"""What the pages of the structure show.

Everybody sees the same tree and it seldom changes, so it is remembered: a page of three hundred departments
costs what one of three does.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from box.core.accounts.models import Face, User
from box.core.registry.capabilities import audience_counts
from box.core.registry.settings import Remembered
from box.core.structure.models import Department, Membership
from box.core.structure.names import named
from box.lib.prepared import Param, Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from box.core.structure.access_changes import AccessChange

SHOWN_NAMES = 6


@dataclass(frozen=True)
class Leader:
    """A head or a deputy of a department."""

    face: Face
    position: str
    role: Membership.Role


@dataclass(frozen=True, eq=False)
class Branch:
    """A department with what is under it: a value, of which many readers see the same one.

    `count` are the people of this very department, `newest` the place of the last of them; `below` the
    departments under it at any depth.
    """

    pk: int
    name: str
    parent_id: int | None
    source: str
    count: int
    newest: int | None
    leaders: tuple[Leader, ...]
    branches: tuple[Branch, ...]
    below: int

    @property
    def head(self) -> Leader | None:
        return next((one for one in self.leaders if one.role == Membership.Role.HEAD), None)


@dataclass(frozen=True, eq=False)
class Structure:
    """All of the tree: its tops, and the same departments by name."""

    tops: tuple[Branch, ...]
    departments: tuple[Branch, ...]
    said: dict[Any, str] = field(default_factory=dict)
    """What templates have made of it, for `memory`: forgotten together with it."""

    @cached_property
    def names(self) -> dict[int, str]:
        return {one.pk: one.name for one in self.departments}

    @cached_property
    def mark(self) -> str:
        """Another one whenever the chart, the list, or who is in a department is another; the same again when
        all is as it was."""
        return hashlib.blake2b(repr(self.tops).encode(), digest_size=12).hexdigest()

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """As the chart takes it: flat, each naming its parent, which comes first."""
        return [_node(branch) for top in self.tops for branch in _walk(top)]


def _read() -> Structure:
    """In three queries, whatever its size."""
    working = ~Q(memberships__user__status=User.Status.DISMISSED)
    rows = list(
        Department.objects.standing()
        .by_name()
        .annotate(people=Count("memberships", filter=working), newest=Max("memberships", filter=working))
        .values_list("pk", "name", "parent_id", "source", "people", "newest")
    )
    leaders = defaultdict(list)
    leading = Membership.objects.leading().exclude(user__status=User.Status.DISMISSED)
    for one in leading.select_related("user"):
        leader = Leader(one.user.face, one.user.position, Membership.Role(one.role))
        leaders[one.department_id].append(leader)
    known = {pk for pk, *_rest in rows}
    below = defaultdict(list)
    for row in rows:
        below[row[2] if row[2] in known else None].append(row)

    def branch(row: tuple[int, str, int | None, str, int, int | None]) -> Branch:
        pk, name, parent_id, source, count, newest = row
        branches = tuple(map(branch, below[pk]))
        all_below = len(branches) + sum(one.below for one in branches)
        return Branch(pk, name, parent_id, source, count, newest, tuple(leaders[pk]), branches, all_below)

    tops = tuple(map(branch, below[None]))
    places = {pk: place for place, (pk, *_rest) in enumerate(rows)}
    found = sorted((one for top in tops for one in _walk(top)), key=lambda one: places[one.pk])
    return Structure(tops, tuple(found))


def _walk(branch: Branch) -> Iterator[Branch]:
    yield branch
    for one in branch.branches:
        yield from _walk(one)


def _node(branch: Branch) -> dict[str, Any]:
    head = branch.head
    return {
        "id": branch.pk,
        "parentId": branch.parent_id,
        "name": branch.name,
        "url": reverse("structure:department", args=[branch.pk]),
        "count": branch.count,
        "below": branch.below,
        "source": branch.source,
        "head": None
        if head is None
        else {
            "id": head.face.pk,
            "name": head.face.name,
            "initials": head.face.initials,
            "about": head.position,
        },
    }


structure = Remembered(_read)

_PLACES = Prepared(
    lambda: (
        Membership.objects.filter(user__id__in_array=Param("people"))
        .order_by("id")
        .values_list("user", "department")
    )
)


def departments_of(people: Iterable[User]) -> dict[int, list[str]]:
    """What the departments of each of these people are called: of a list one query."""
    found: dict[int, list[str]] = {}
    if ids := [one.pk for one in people]:
        names = structure.value.names
        for person, department in _PLACES.rows(people=ids):
            # One that is younger than what is remembered is there with the next request.
            if department in names:
                found.setdefault(person, []).append(names[department])
    return found


@dataclass(frozen=True)
class Told:
    """What a change would do, in words: whose access, to what, and how much there is of it."""

    people: int
    gained: str
    lost: str
    gained_things: str
    lost_things: str


def told(change: AccessChange) -> Told:
    names = named(change.gained | change.lost)
    return Told(
        people=len(change.people),
        gained=_listed(change.gained, names),
        lost=_listed(change.lost, names),
        gained_things=_counted(change.gained),
        lost_things=_counted(change.lost),
    )


def _listed(codes: Iterable[str], names: Any) -> str:
    called = sorted({names[code].name for code in codes if code in names})
    shown = ", ".join(called[:SHOWN_NAMES])
    more = len(called) - SHOWN_NAMES
    return shown if more <= 0 else _("%(names)s and %(more)s more") % {"names": shown, "more": more}


def _counted(codes: frozenset[str]) -> str:
    """How many things of all rooms are addressed to any of these."""
    said = (count(sorted(codes)) for count in audience_counts) if codes else ()
    return ", ".join(filter(None, said))
