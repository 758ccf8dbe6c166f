"""Whom this room's results reach."""

from __future__ import annotations

from collections.abc import Callable

from box.core.groups.actions import NewGroup, create_group
from tests.box.reach import Exported, Found, World
from tests.box.visits import signed_in


def _group(kind: str) -> Callable[[World, str], object]:
    return lambda world, word: create_group(NewGroup(word, kind=kind), by=world.cast.anna)


FOUND = (
    Found("groups.group", _group("open"), "olga anna boris cara"),
    Found("groups.group", _group("closed"), "olga anna boris cara"),
    Found("groups.group", _group("secret"), "olga anna"),
    Found("groups.group", _group("extranet"), "olga anna boris cara"),
)
EXPORTS = (Exported("box.core.groups.views.groups", "groups:list", signed_in(403), query="as=csv"),)
