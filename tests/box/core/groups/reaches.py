"""Whom this room's results reach."""

from __future__ import annotations

from collections.abc import Callable

from box.core.groups.actions import NewGroup, create_group
from tests.box.reach import Exported, Found, World
from tests.box.visits import SIGN_IN, signed_in


def _group(kind: str) -> Callable[[World, str], object]:
    return lambda world, word: create_group(NewGroup(word, kind=kind), by=world.cast.anna)


FOUND = (
    Found("groups.group", _group("open"), "olga anna boris cara"),
    Found("groups.group", _group("closed"), "olga anna boris cara"),
    Found("groups.group", _group("secret"), "olga anna"),
    Found("groups.group", _group("extranet"), "olga anna boris cara"),
)
MEMBERS = (403, 403, 403, 404, 404, SIGN_IN)
EXPORTS = (
    Exported("box.core.groups.views.groups", "groups:list", signed_in(403), query="as=csv"),
    Exported("box.core.groups.views.members", "groups:members", MEMBERS, of="secret group", query="as=csv"),
    Exported("box.core.groups.views.files", "groups:files", MEMBERS, of="secret group", query="as=csv"),
)
