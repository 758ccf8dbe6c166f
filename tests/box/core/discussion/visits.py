"""Who may what, at the addresses of this room: below a post of the feed, as below anything."""

from __future__ import annotations

from typing import Any

from box.apps.feed.actions import Draft, publish_post
from box.core.discussion.actions import add_comment
from tests.box.visits import SIGN_IN, Cast, Visit, department, private, signed_in

VISITS = (
    Visit("GET", "discussion:people", signed_in(200)),
    Visit("GET", "discussion:comment", (403, 200, 403, 404, 404, SIGN_IN), of="comment discussed"),
    Visit("POST", "discussion:comment", (403, 422, 403, 404, 404, SIGN_IN), of="comment discussed"),
    Visit("DELETE", "discussion:comment", (302, 302, 403, 404, 404, SIGN_IN), of="comment discussed"),
    Visit("DELETE", "discussion:comment", (404, 302, 403, 404, 404, SIGN_IN), of="private comment discussed"),
    Visit("GET", "discussion:replies", department(200), of="comment discussed"),
    Visit("GET", "discussion:comments", department(200), of="post discussed"),
    Visit("POST", "discussion:comments", department(422), of="post discussed"),
    Visit("GET", "discussion:comments", (404, 404, 404, 404, 404, SIGN_IN), of="group discussed"),
    Visit("GET", "discussion:news", department(200), of="post discussed"),
    Visit("POST", "discussion:reaction", department(302), of="post discussed", data={"value": "1"}),
    Visit("GET", "discussion:emoji", department(200), of="post discussed"),
    Visit("POST", "discussion:emoji", department(302), of="post discussed", data={"emoji": "🎉"}),
    Visit("POST", "discussion:emoji", department(422), of="post discussed", data={"emoji": "<b>"}),
    Visit("GET", "discussion:emoji", private(200), of="private post discussed"),
    Visit("POST", "discussion:emoji", private(302), of="private post discussed", data={"emoji": "🎉"}),
    Visit("POST", "discussion:comments", private(422), of="private post discussed"),
    Visit("POST", "discussion:reaction", private(302), of="private post discussed", data={"value": "1"}),
)


def things(cast: Cast) -> dict[str, Any]:
    post = publish_post(Draft("for sales", (f"DR{cast.sales.pk}",)), by=cast.anna)
    letter = publish_post(Draft("for boris", (f"U{cast.boris.pk}",)), by=cast.anna)
    return {
        "post discussed": ("feed.post", post.pk),
        "private post discussed": ("feed.post", letter.pk),
        "group discussed": ("groups.group", post.pk),
        "comment discussed": add_comment(post.thread, "what anna says", by=cast.anna).pk,
        "private comment discussed": add_comment(letter.thread, "between us", by=cast.anna).pk,
    }
