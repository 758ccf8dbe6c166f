"""Whom this room's messages reach."""

from __future__ import annotations

from box.core.accounts.models import User
from box.core.groups.notices import INVITED
from box.core.notify.actions import notify
from box.core.notify.counters import set_counter
from box.core.registry.capabilities import Ref
from tests.box.reach import Push, World


def _tell(user: User) -> None:
    notify(user, INVITED, about=Ref("groups.group", 1), key="once")


def _tell_anna(world: World) -> None:
    _tell(world.cast.anna)


def _tell_erik(world: World) -> None:
    _tell(world.cast.erik)


def _count_for_anna(world: World) -> None:
    set_counter(world.cast.anna, "worktime", 3)


PUSHES = (
    Push("notify", "counter", _count_for_anna, "anna"),
    Push("notify", "count", _tell_anna, "anna"),
    Push("notify", "count", _tell_erik, "erik"),
)
