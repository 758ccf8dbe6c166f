"""The departments, and who heads them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from box.bridges.directory.plan.values import Note, UnitNow, UnitStep
from box.bridges.directory.reader import Unit


def plan_units(
    units: Sequence[Unit], here: Mapping[str, UnitNow], former: Collection[str] = ()
) -> list[UnitStep]:
    """`here` has the departments of this directory by key, and under the empty key the one above them all;
    `former` the keys of those that were deleted with their units."""
    steps = []
    names = {unit.key: unit.name for unit in units} | {"": here[""].name if "" in here else ""}
    for unit in units:
        now = here.get(unit.key)
        if now is None or now.id is None:
            is_back = unit.key in former
            made = Note("create", new=unit.name, reason=names.get(unit.parent, ""))
            notes = [Note("return", reason=_("is in the directory again")) if is_back else made]
        else:
            notes = [Note("return", reason=_("is in the directory again"))] if now.is_left else []
            if now.name != unit.name:
                notes.append(Note("change", "name", now.name, unit.name))
            parent = here.get(unit.parent)
            if parent is None or parent.id != now.parent:
                was = next((one.name for one in here.values() if one.id == now.parent), "")
                notes.append(Note("move", "parent", was, names.get(unit.parent, "")))
        if notes:
            object_id = now.id if now else None
            steps.append(UnitStep(unit.key, unit.name, unit.parent, unit.dn, object_id, tuple(notes)))
    return steps


@dataclass(frozen=True)
class Edges:
    """Whom each person has as manager, by stable ids; without circles."""

    managers: Mapping[str, str]
    cut: tuple[str, ...] = ()
    """Whose manager is left out, because the way up led back to them."""


def without_circles(managers: Mapping[str, str]) -> Edges:
    """Of each circle one edge is left out, always the same one: of whom comes last in order."""
    left: dict[str, str] = {person: manager for person, manager in managers.items() if manager}
    state: dict[str, int] = {}
    cut = []
    for start in sorted(left):
        way = []
        person = start
        while person in left and person not in state:
            state[person] = 1
            way.append(person)
            person = left[person]
        if state.get(person) == 1:
            circle = way[way.index(person) :]
            cut.append(max(circle))
        for one in way:
            state[one] = 2
    for person in cut:
        del left[person]
    return Edges(left, tuple(sorted(cut)))


def heads_by_manager(units: Mapping[str, str], managers: Mapping[str, str]) -> dict[str, str]:
    """By department its head: whom most people in it name as their manager, of those who are in it.

    `units` says where each person is. Where the manager is in another department, the head of that one is
    above them anyway.
    """
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for person, manager in managers.items():
        unit = units.get(person)
        if unit is not None and units.get(manager) == unit:
            votes[unit][manager] += 1
    return {
        unit: min(counted.items(), key=lambda vote: (-vote[1], vote[0]))[0] for unit, counted in votes.items()
    }
