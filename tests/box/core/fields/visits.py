"""Who may what, at the addresses of this room."""

from __future__ import annotations

from typing import Any

from tests.box.visits import Cast, Visit, signed_in

VISITS = (Visit("GET", "fields:options", signed_in(200), of="linked_kind"),)


def things(cast: Cast) -> dict[str, Any]:
    return {"linked_kind": "org.person"}
