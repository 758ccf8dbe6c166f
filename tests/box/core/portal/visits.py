"""Who may what, at the addresses of this room."""

from __future__ import annotations

from tests.box.visits import Visit, signed_in

VISITS = (
    Visit("GET", "portal:help", signed_in(302)),
    Visit("GET", "portal:help-contents", signed_in(200)),
    Visit("GET", "portal:help-page", signed_in(200), "help_page"),
    Visit("GET", "portal:home", signed_in(302)),
    Visit("GET", "portal:logo", signed_in(404, nobody=404), "logo"),
)


def things(cast: object) -> dict[str, object]:
    """There is no logo under this number; a page on the feed there is."""
    return {"logo": 1, "help_page": "feed"}
