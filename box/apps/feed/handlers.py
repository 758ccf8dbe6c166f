"""The feed's reactions: open pages learn of new posts and comments, authors of answers."""

from __future__ import annotations

from box.apps.feed.events import PostPublished
from box.apps.feed.models import KIND, Post
from box.core.discussion.events import CommentAdded, Reacted
from box.core.discussion.models import Comment
from box.core.events.outbox import on
from box.core.notify.actions import notify
from box.core.push.actions import send


@on(PostPublished)
def tell_open_feeds(event: PostPublished) -> None:
    post = Post.objects.filter(pk=event.post_id).first()
    if post is not None:
        send("feed", "post", audience=post.audience, payload={"id": post.pk, "by": event.by_id})


@on(CommentAdded)
def tell_open_posts(event: CommentAdded) -> None:
    post = Post.objects.filter(thread=event.thread_id).first() if event.kind == KIND else None
    if post is not None:
        payload = {"post": post.pk, "id": event.comment_id, "by": event.by_id}
        send("feed", "comment", audience=post.audience, payload=payload)


@on(CommentAdded)
def tell_author(event: CommentAdded) -> None:
    post = (
        Post.objects.select_related("author").filter(thread=event.thread_id).first()
        if event.kind == KIND
        else None
    )
    if post is None or post.author_id == event.by_id:
        return
    comment = Comment.objects.select_related("author").get(pk=event.comment_id)
    key = f"comment:{comment.pk}"
    notify(post.author, "feed.comment", about=post.ref, key=key, actor=comment.author)


@on(Reacted)
def tell_open_counts(event: Reacted) -> None:
    post = (
        Post.objects.select_related("thread").filter(thread=event.thread_id).first()
        if event.kind == KIND
        else None
    )
    if post is not None:
        counts = {"likes": post.thread.likes_count, "dislikes": post.thread.dislikes_count}
        send(
            "feed",
            "reactions",
            audience=post.audience,
            payload={"post": post.pk, "by": event.by_id, **counts},
        )
