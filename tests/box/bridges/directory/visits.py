"""Who may what, at the addresses of this room."""

from __future__ import annotations

from tests.box.visits import Visit, signed_in

VISITS = (
    # No directory gives tickets here.
    Visit("GET", "directory:ticket", signed_in(404, 404)),
)
