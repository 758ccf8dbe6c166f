"""Whose access a change of the structure alters: decided before it is done, said before it is confirmed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from box.core.structure.models import Department, Membership

type Places = Mapping[int, frozenset[int]]
"""The departments that each of some people belongs to."""


@dataclass(frozen=True)
class Shape:
    """The tree, as far as codes depend on it: every department's way from the root, and what was merged."""

    paths: Mapping[int, tuple[int, ...]]
    merged: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def now(cls) -> Shape:
        merged = defaultdict(list)
        paths = {}
        for pk, path, into in Department.objects.order_by("id").values_list("id", "path", "merged_into"):
            paths[pk] = tuple(path)
            if into is not None:
                merged[into].append(pk)
        return cls(paths, {into: tuple(ids) for into, ids in merged.items()})

    def codes(self, departments: Iterable[int]) -> set[str]:
        """What whoever belongs to these departments answers to."""
        found = set()
        for department in departments:
            found |= {f"D{pk}" for pk in (department, *self.merged.get(department, ()))}
            for above in self.paths[department]:
                found |= {f"DR{pk}" for pk in (above, *self.merged.get(above, ()))}
        return found

    def moved(self, department: int, under: int) -> Shape:
        """With this department, and all below it, under another."""
        depth = len(self.paths[department]) - 1
        head = self.paths[under]
        return replace(
            self,
            paths={
                pk: head + path[depth:] if department in path else path for pk, path in self.paths.items()
            },
        )

    def with_merged(self, department: int, into: int) -> Shape:
        """With this department gone into another, and what stood below it below that."""
        shape = self
        for pk, path in self.paths.items():
            if len(path) > 1 and path[-2] == department:
                shape = shape.moved(pk, into)
        gone = (department, *self.merged.get(department, ()))
        merged = {**shape.merged, into: (*shape.merged.get(into, ()), *gone)}
        merged.pop(department, None)
        return replace(shape, merged=merged)


@dataclass(frozen=True)
class AccessChange:
    """The people whose codes change, and which codes any of them gains and loses."""

    people: frozenset[int] = frozenset()
    gained: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def between(before: Shape, after: Shape, was: Places, will: Places | None = None) -> AccessChange:
    """What changes for these people when the tree, or where they belong in it, becomes another."""
    will = was if will is None else will
    people, gained, lost = set(), set(), set()
    for person in was.keys() | will.keys():
        had, has = before.codes(was.get(person, ())), after.codes(will.get(person, ()))
        if had != has:
            people.add(person)
            gained |= has - had
            lost |= had - has
    return AccessChange(frozenset(people), frozenset(gained), frozenset(lost))


def places_within(department: Department) -> dict[int, frozenset[int]]:
    """All places of everybody who belongs to the department or to one below it."""
    people = Membership.objects.filter(department__path__contains=[department.pk]).values("user")
    return _places(Membership.objects.filter(user__in=people).values_list("user", "department"))


def places_of(*people: int) -> dict[int, frozenset[int]]:
    found = _places(Membership.objects.filter(user__in=people).values_list("user", "department"))
    return {person: found.get(person, frozenset()) for person in people}


def _places(rows: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    found = defaultdict(set)
    for person, department in rows:
        found[person].add(department)
    return {person: frozenset(departments) for person, departments in found.items()}


def change_of_move(department: Department, under: Department) -> AccessChange:
    before = Shape.now()
    return between(before, before.moved(department.pk, under.pk), places_within(department))


def change_of_merger(department: Department, into: Department) -> AccessChange:
    """Of the people of both: what was addressed to either reaches them all."""
    before = Shape.now()
    was = {**places_within(into), **places_within(department)}
    will = {
        person: frozenset(into.pk if pk == department.pk else pk for pk in places)
        for person, places in was.items()
    }
    return between(before, before.with_merged(department.pk, into.pk), was, will)


def change_of_places(person: int, will: Iterable[int]) -> AccessChange:
    before = Shape.now()
    return between(before, before, places_of(person), {person: frozenset(will)})
