"""Who may what, at the addresses of this room."""

from __future__ import annotations

from typing import Any

from tests.box.visits import EMPLOYEES, SIGN_IN, Cast, Visit

VISITS = (
    Visit("GET", "pulse:overview", EMPLOYEES),
    Visit("POST", "pulse:draft", (302, 302, 302, 302, 404, SIGN_IN), of="tool"),
)


def things(cast: Cast) -> dict[str, Any]:
    return {"tool": "feed"}
