"""Whom the messages about a person's own session reach, and those about what stands above every page."""

from __future__ import annotations

from box.core.accounts.actions import suspend_user
from box.core.portal.actions import change_settings
from box.core.registry.company import NAME
from box.core.structure.actions import add_member, create_department
from tests.box.reach import Push

PUSHES = (
    Push(
        "session",
        "access-changed",
        lambda world: add_member(world.cast.sales, world.cast.cara, by=world.cast.olga),
        "cara",
    ),
    Push(
        "portal",
        "brand",
        lambda world: change_settings({NAME.key: "Romashka"}, by=world.cast.olga),
        "olga anna boris cara erik",
    ),
    Push(
        "org",
        "structure",
        lambda world: create_department("West", parent=world.cast.sales, by=world.cast.olga),
        "olga anna boris cara",
    ),
    # It ends her streams, and is heard in none.
    Push("session", "signed-out", lambda world: suspend_user(world.cast.cara, by=world.cast.olga), ""),
)
