"""Whom this room's messages, results and tables reach."""

from __future__ import annotations

from collections.abc import Callable

from box.apps.feed.actions import Draft, delete_post, publish_post
from box.apps.feed.models import Post
from box.apps.feed.polls import Question, vote
from box.core.discussion.actions import add_comment, give_emoji, react
from tests.box.reach import HEARD, SEEN, Exported, Found, Push, World
from tests.box.visits import SIGN_IN


def _post(audience: str, text: str = "said") -> Callable[[World], Post]:
    return lambda world: publish_post(Draft(text, tuple(world.audiences[audience])), by=world.cast.anna)


def _comment(audience: str) -> Callable[[World], object]:
    return lambda world: add_comment(_post(audience)(world).thread, "answered", by=world.cast.anna)


def _reaction(audience: str) -> Callable[[World], object]:
    return lambda world: react(_post(audience)(world).thread, 1, by=world.cast.anna)


def _emoji(audience: str) -> Callable[[World], object]:
    return lambda world: give_emoji(_post(audience)(world).thread, "👍", True, by=world.cast.anna)


def _vote(audience: str) -> Callable[[World], object]:
    def cause(world: World) -> None:
        draft = Draft("which?", tuple(world.audiences[audience]), question=Question(("a", "b")))
        post = publish_post(draft, by=world.cast.anna)
        vote(post, [post.poll.options.order_by("pk")[0].pk], by=world.cast.anna)

    return cause


def _deletion(audience: str) -> Callable[[World], object]:
    return lambda world: delete_post(_post(audience)(world), by=world.cast.anna)


def _found_post(audience: str) -> Callable[[World, str], object]:
    return lambda world, word: _post(audience, f"about {word}")(world)


def _found_comment(audience: str) -> Callable[[World, str], object]:
    return lambda world, word: add_comment(_post(audience)(world).thread, f"about {word}", by=world.cast.anna)


CAUSES = {"post": _post, "poll": _vote, "gone": _deletion}
DISCUSSED = {"comment": _comment, "reactions": _reaction, "emoji": _emoji}
PUSHES = tuple(
    Push(topic, kind, cause(audience), reaches)
    for topic, causes in {"feed": CAUSES, "discussion": DISCUSSED}.items()
    for kind, cause in causes.items()
    for audience, reaches in HEARD.items()
)
FOUND = tuple(
    Found(kind, make(audience), by)
    for kind, make in {"feed.post": _found_post, "feed.comment": _found_comment}.items()
    for audience, by in SEEN.items()
)
EXPORTS = (
    Exported(
        "box.apps.feed.views.posts.readers",
        "feed:readers",
        (200, 200, 403, 404, 404, SIGN_IN),
        of="announcement",
        query="export=csv",
    ),
)
