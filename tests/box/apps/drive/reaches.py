"""Whom this room's messages and results reach."""

from __future__ import annotations

from collections.abc import Callable

from box.apps.drive.actions.sharing import share_item
from box.apps.drive.actions.tree import make_folder, root_of
from box.apps.drive.models import Item
from box.core.access.principals import code_of
from tests.box.reach import Exported, Found, Push, World
from tests.box.visits import annas_alone, private, signed_in

FOR = {
    "everybody": "olga anna boris cara",
    "partners": "anna erik",
    "anna": "anna",
}


def _drive(world: World, whose: str) -> Item:
    anna = world.cast.anna
    codes = {"everybody": "UA", "partners": world.partners.code, "anna": code_of(anna)}
    return root_of(codes[whose], by=anna)


def _made(whose: str) -> Callable[[World], object]:
    return lambda world: make_folder(_drive(world, whose), "x", by=world.cast.anna)


def _shared(world: World, word: str = "x") -> Item:
    """On anna's own drive, with boris."""
    anna = world.cast.anna
    folder = make_folder(_drive(world, "anna"), word, by=anna)
    share_item(folder, [code_of(world.cast.boris)], can_edit=False, by=anna)
    return folder


def _made_in_shared(world: World) -> object:
    return make_folder(_shared(world), "inner", by=world.cast.anna)


def _found(whose: str) -> Callable[[World, str], object]:
    return lambda world, word: make_folder(_drive(world, whose), word, by=world.cast.anna)


PUSHES = (
    *(Push("drive", "folder", _made(whose), reaches) for whose, reaches in FOR.items()),
    Push("drive", "folder", _made_in_shared, "anna boris"),
)
FOUND = (
    Found("drive.folder", _found("everybody"), "olga anna boris cara"),
    Found("drive.folder", _found("partners"), "olga anna erik"),
    Found("drive.folder", _found("anna"), "anna"),
    Found("drive.folder", _shared, "anna boris"),
)
EXPORTS = (
    Exported("box.apps.drive.views.listing.shared", "drive:shared", signed_in(403), query="as=csv"),
    Exported("box.apps.drive.views.listing.groups", "drive:groups", signed_in(403), query="as=csv"),
    Exported(
        "box.apps.drive.views.listing.folder_page",
        "drive:item",
        private(403),
        of="shared folder on a drive",
        query="as=csv",
    ),
    Exported(
        "box.apps.drive.views.trash.of_drive", "drive:trash", annas_alone(403), of="own drive", query="as=csv"
    ),
)
