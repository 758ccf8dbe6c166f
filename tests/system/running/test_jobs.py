"""Workers that die between taking an event and completing it: no event is lost, no effect is doubled."""

from __future__ import annotations

from uuid import uuid4

from ..living import PrefixBox, wait_until
from ..poster import Poster
from .truths import assert_effects_once, assert_kept, undelivered

KILLS = 4


def test_jobs_killed_in_the_middle_again_and_again(prefix_box: PrefixBox) -> None:
    """A lock holds the handlers up at their first write, so that each kill strikes where it hurts."""
    olga, boris = prefix_box.administrator(), prefix_box.employee(f"boris-{uuid4().hex[:8]}")
    text = f"the post {uuid4().hex}"
    olga.post("/feed/", {"text": text, "audience": "UA", "nonce": uuid4().hex})
    ((post,),) = prefix_box.query(f"SELECT id FROM feed_post WHERE text = '{text}'")

    with Poster(olga) as posts, Poster(boris, path=f"/discussion/feed.post/{post}/comments/") as comments:
        for _ in range(KILLS):
            with prefix_box.holding("LOCK TABLE push_pushmessage IN SHARE MODE"):
                wait_until(lambda: _caught(prefix_box), "jobs to be in the middle of a delivery")
                prefix_box.kill("jobs")
    wait_until(lambda: not undelivered(prefix_box), "all events to be delivered", seconds=60)

    assert_kept(prefix_box, posts)
    assert_effects_once(prefix_box, posts)
    doubled = prefix_box.query(
        f"""SELECT comment.text, count(DISTINCT message.id), count(DISTINCT notification.id)
            FROM discussion_comment comment
            LEFT JOIN push_pushmessage message
              ON message.topic = 'discussion' AND message.kind = 'comment'
              AND message.payload->>'id' = comment.id::text
            LEFT JOIN notify_notification notification
              ON notification.key = 'comment:' || comment.id
            WHERE comment.text LIKE '{comments.run} %'
            GROUP BY comment.id, comment.text
            HAVING count(DISTINCT message.id) <> 1 OR count(DISTINCT notification.id) <> 1"""
    )
    assert doubled == [], "a comment was told never, or more than once"
    stored = prefix_box.query(
        f"SELECT text, count(*) FROM discussion_comment WHERE text LIKE '{comments.run} %' GROUP BY text"
    )
    assert {comment.text for comment in comments.acknowledged} <= {name for name, _ in stored}
    assert {count for _, count in stored} == {"1"}
    ((comments_count,),) = prefix_box.query(
        f"""SELECT comments_count FROM discussion_thread thread
            JOIN feed_post post ON post.thread_id = thread.id WHERE post.id = {post}"""
    )
    assert int(comments_count) == len(stored)


def _caught(box: PrefixBox) -> bool:
    """Whether a worker waits inside a handler: it has taken a delivery and cannot complete it."""
    rows = box.query(
        """SELECT pid FROM pg_stat_activity
           WHERE application_name = 'jobs' AND wait_event_type = 'Lock'
             AND query LIKE 'INSERT INTO "push_%'"""
    )
    return bool(rows)
