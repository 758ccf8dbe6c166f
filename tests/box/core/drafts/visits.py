"""Who may what, at the addresses of this room: a draft is its person's alone, and there is one for all."""

from __future__ import annotations

from typing import Any

from tests.box.visits import Cast, Visit, signed_in

VISITS = (
    Visit("GET", "drafts:draft", signed_in(200), of="place"),
    Visit("POST", "drafts:draft", signed_in(400), of="place"),
    Visit("DELETE", "drafts:draft", signed_in(204), of="place"),
)


def things(cast: Cast) -> dict[str, Any]:
    return {"place": "post"}
