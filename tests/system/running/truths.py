"""What must be true of a box after whatever was done to it."""

from __future__ import annotations

import math

from ..living import Box, wait_until
from ..poster import Poster


def assert_kept(box: Box, poster: Poster, *, until: float = math.inf) -> None:
    """Every acknowledged post is there, and none is there twice, acknowledged or not.

    `until` is the moment of `time.monotonic` that the box was brought back to.
    """
    acknowledged = {post.text for post in poster.acknowledged if post.acknowledged_at < until}
    assert acknowledged
    rows = box.query(f"SELECT text, count(*) FROM feed_post WHERE text LIKE '{poster.run} %' GROUP BY text")
    stored = {text: int(count) for text, count in rows}
    assert acknowledged - stored.keys() == set(), "acknowledged and lost"
    assert {text: count for text, count in stored.items() if count != 1} == {}, "posted more than once"


def assert_effects_once(box: Box, poster: Poster) -> None:
    """Every event was delivered, and each post of this run was told to the open pages exactly once."""
    wait_until(lambda: not undelivered(box), "all events to be delivered", seconds=60)
    rows = box.query(
        f"""SELECT post.text, count(message.id)
            FROM feed_post post
            LEFT JOIN push_pushmessage message
              ON message.topic = 'feed' AND message.kind = 'post' AND message.payload->>'id' = post.id::text
            WHERE post.text LIKE '{poster.run} %'
            GROUP BY post.id, post.text HAVING count(message.id) <> 1"""
    )
    assert rows == [], "told to the open pages never, or more than once"


def undelivered(box: Box) -> int:
    return int(box.query("SELECT count(*) FROM events_delivery WHERE completed_at IS NULL")[0][0])
