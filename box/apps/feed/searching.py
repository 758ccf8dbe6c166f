"""Posts and comments are found by whoever sees the post."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from box.apps.feed.events import EntryTold, PostDeleted, PostEdited, PostPublished
from box.apps.feed.models import KIND, Post
from box.core.discussion.events import CommentAdded, CommentDeleted, CommentEdited
from box.core.discussion.models import Comment
from box.core.registry.capabilities import Findable, Searchable, Touched


def _read_posts(ids: Sequence[int]) -> Iterable[Findable]:
    for post in Post.objects.there().filter(pk__in=ids).select_related("author").defer("html"):
        yield Findable(
            id=post.pk,
            title="",
            body=post.text,
            url=post.get_absolute_url(),
            audience=post.audience,
            is_private=post.is_private,
            at=post.created_at,
        )


def _authors_of_posts(ids: Sequence[int]) -> Mapping[int, str]:
    """What the portal tells has nobody's name above it."""
    posts = Post.objects.filter(pk__in=ids).exclude(kind=Post.Kind.SYSTEM).select_related("author")
    return {post.pk: post.author.name for post in posts.only("author")}


def _authors_of_comments(ids: Sequence[int]) -> Mapping[int, str]:
    comments = Comment.objects.filter(pk__in=ids).select_related("author").only("author")
    return {comment.pk: comment.author.name for comment in comments}


def _comments() -> QuerySet[Comment]:
    return Comment.objects.filter(thread__kind=KIND, is_deleted=False, thread__post__deleted_at=None)


def _read_comments(ids: Sequence[int]) -> Iterable[Findable]:
    for comment in _comments().filter(pk__in=ids).select_related("thread__post").defer("html"):
        post = comment.thread.post
        yield Findable(
            id=comment.pk,
            title="",
            body=comment.text,
            url=f"{post.get_absolute_url()}#comment-{comment.pk}",
            audience=post.audience,
            is_private=post.is_private,
            at=comment.created_at,
            within=post.pk,
        )


def _of_comment(event: CommentAdded | CommentEdited | CommentDeleted) -> Touched:
    return Touched([event.comment_id] if event.kind == KIND else [])


POSTS = Searchable(
    label=_("Posts"),
    icon="news",
    order=10,
    read=_read_posts,
    rows=Post.objects.there,
    authors=_authors_of_posts,
    touched_by={
        PostPublished: lambda event: Touched([event.post_id]),
        EntryTold: lambda event: Touched([event.post_id]),
        PostEdited: lambda event: Touched([event.post_id]),
        PostDeleted: lambda event: Touched([event.post_id]),
    },
)
COMMENTS = Searchable(
    label=_("Comments"),
    icon="message-circle",
    order=20,
    read=_read_comments,
    rows=_comments,
    authors=_authors_of_comments,
    touched_by={
        CommentAdded: _of_comment,
        CommentEdited: _of_comment,
        CommentDeleted: _of_comment,
        PostDeleted: lambda event: Touched(within=event.post_id),
    },
)
