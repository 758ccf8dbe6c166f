"""What the feed's pages show of posts, in as many queries for fifty posts as for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from box.apps.feed.access import can_delete
from box.core.access.principals import EVERYONE, code_of
from box.core.discussion.models import Reaction
from box.core.org.names import Principal, everyone, named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.apps.feed.models import Post
    from box.core.accounts.models import User
    from box.core.files.models import File


@dataclass(frozen=True)
class Shown:
    """A post as one reader sees it."""

    post: Post
    audience: list[Principal]
    my_reaction: int
    can_delete: bool

    @property
    def pictures(self) -> list[File]:
        """The files that are shown as pictures, once they were looked at and a small one was made."""
        return [file for file in self.post.attached if file.blob.thumbnail_id]

    @property
    def documents(self) -> list[File]:
        return [file for file in self.post.attached if not file.blob.thumbnail_id]


def shown(posts: Iterable[Post], *, reader: User) -> list[Shown]:
    posts = list(posts)
    threads = [post.thread_id for post in posts]
    mine = dict(
        Reaction.objects.filter(user=reader, thread__in=threads).values_list("thread_id", "value")
        if threads
        else []
    )
    known = {reader, *(post.author for post in posts)}
    names = named((code for post in posts for code in _told(post)), known=known)
    return [
        Shown(
            post=post,
            audience=[names[code] for code in _told(post) if code in names],
            my_reaction=mine.get(post.thread_id, 0),
            can_delete=can_delete(reader, post),
        )
        for post in posts
    ]


def _told(post: Post) -> list[str]:
    """The codes that are worth telling: the author's own is always there, and `UA` contains all others."""
    if EVERYONE in post.audience:
        return [EVERYONE]
    return [code for code in post.audience if code != code_of(post.author)]


def usual_audience(author: User) -> list[Principal]:
    """Whom a new post is for, unless its author says otherwise."""
    return [] if author.is_extranet else [everyone()]
