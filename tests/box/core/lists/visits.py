"""Who may what, at the addresses of this room. What is done with a list is done at the list's own address."""

from __future__ import annotations

from typing import Any

from tests.box.visits import Cast, Visit, signed_in

VISITS = (Visit("GET", "lists:options", signed_in(200), of="kind of options"),)


def things(cast: Cast) -> dict[str, Any]:
    return {"kind of options": ("org.person",)}
