"""Who may what, at the addresses of this room: whoever sees an object sees what became of it."""

from __future__ import annotations

from typing import Any

from box.core.groups.actions import NewGroup, create_group
from box.core.groups.models import Group
from tests.box.visits import SIGN_IN, Cast, Visit

VISITS = (
    Visit("GET", "history:history", (200, 200, 404, 404, 404, SIGN_IN), of="secret group told of"),
    Visit("GET", "history:history", (404, 404, 404, 404, 404, SIGN_IN), of="nothing told of"),
)


def things(cast: Cast) -> dict[str, Any]:
    group = create_group(NewGroup("Plans", kind=Group.Kind.SECRET), by=cast.anna)
    return {
        "secret group told of": ("groups.group", group.pk),
        "nothing told of": ("no.such", group.pk),
    }
