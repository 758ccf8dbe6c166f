"""Who may what, at the addresses of this room."""

from __future__ import annotations

from tests.box.visits import Visit, signed_in

VISITS = (
    Visit("GET", "search:results", signed_in(200)),
    Visit("GET", "search:suggestions", signed_in(200)),
)
