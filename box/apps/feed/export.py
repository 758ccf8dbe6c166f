"""Posts and comments as rows: out of an older state of the portal, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from box.apps.feed import actions
from box.apps.feed.events import PostEdited
from box.apps.feed.models import KIND, Post, PostFile
from box.core.accounts.models import User
from box.core.discussion import export as discussion
from box.core.discussion.models import Comment
from box.core.events.outbox import emit
from box.core.files.export import pack_files
from box.core.registry.capabilities import CountSince, Keepsake, Kept, Rows, counts_since, keepsakes
from box.core.registry.rows import packed, put_in, stands, values_of

COMMENT = "feed.comment"


def declare() -> None:
    counts_since.add(KIND, CountSince(_("posts"), 10, posts_since))
    counts_since.add(COMMENT, CountSince(_("comments"), 20, comments_since))
    posts = Keepsake(
        _("Posts"), 10, find_posts, pack_post, is_post_there, is_post_same, put_post_back, find_own_posts
    )
    keepsakes.add(KIND, posts)
    comments = Keepsake(
        _("Comments"), 20, find_comments, discussion.pack_comment,
        discussion.is_comment_there, discussion.is_comment_same, put_comment_back, find_own_comments,
    )  # fmt: skip
    keepsakes.add(COMMENT, comments)


def find_posts(text: str, reader: User) -> Iterator[Kept]:
    return _posts(text, reader, Q(is_private=False) | Q(author=reader))


def find_own_posts(text: str, reader: User) -> Iterator[Kept]:
    """What they wrote, and not what the portal tells of them."""
    return _posts(text, reader, Q(author=reader) & ~Q(kind=Post.Kind.SYSTEM))


def _posts(text: str, reader: User, which: Q) -> Iterator[Kept]:
    found = Post.objects.visible_to(reader).filter(which)
    for post in found.filter(text__icontains=text).select_related("author").newest_first():
        yield Kept(post.pk, str(post), post.author.name, post.created_at)


def pack_post(pk: int) -> Rows:
    """The post with its files, its discussion, and what people have made of it."""
    post = Post.objects.select_related("thread").get(pk=pk)
    ties = PostFile.objects.filter(post=post).select_related("file__blob__preview", "file__blob__thumbnail")
    own = [
        one
        for name in ("poll", "announcement")
        if (one := getattr(post, name, None)) is not None and isinstance(one, models.Model)
    ]
    if hasattr(post, "poll"):
        own += [*post.poll.options.all(), *post.poll.ballots.all()]
    return [
        *packed(post.thread, post),
        *packed(*post.addressees.all(), *post.tag_links.all(), *own),
        *packed(*post.versions.order_by("number"), *post.receipts.all(), *post.marks.all()),
        *pack_files([tie.file for tie in ties]),
        *packed(*ties),
        *discussion.pack_thread(post.thread),
    ]


def is_post_there(rows: Rows) -> bool:
    return stands(rows, Post.objects.there())


def is_post_same(rows: Rows) -> bool:
    """Its text and its files, not what was said to it since."""
    values = values_of(rows, Post)
    ids = {row["values"]["file_id"] for row in rows if row["model"] == PostFile._meta.label_lower}
    post = Post.objects.filter(pk=values["id"], html=values["html"]).first()
    return post is not None and ids <= set(post.files.values_list("pk", flat=True))


def put_post_back(rows: Rows, by: User) -> str:
    values = values_of(rows, Post)
    post = Post.objects.filter(pk=values["id"]).first()
    # Nobody looks for it at the top of the feed any more.
    put_in([_unpinned(row) if row["model"] == Post._meta.label_lower else row for row in rows])
    if post is not None and post.deleted_at:
        actions.restore_post(post, by=by)
        post.refresh_from_db()
    if post is not None and post.html != values["html"]:
        actions.edit_post(post, html=values["html"], version=post.version, by=by)
    emit(PostEdited(post_id=values["id"], by_id=by.pk))
    return Post.objects.get(pk=values["id"]).get_absolute_url()


def _unpinned(row: object) -> dict[str, object]:
    assert isinstance(row, dict)  # noqa: S101 - that is how rows are packed
    return {**row, "values": {**row["values"], "pinned_at": None}}


def find_comments(text: str, reader: User) -> Iterator[Kept]:
    """Below what this person sees; below what is private their own alone."""
    posts = Post.objects.visible_to(reader)
    own = Q(thread__post__in=posts, author=reader)
    return _comments(text, Q(thread__post__in=posts.filter(is_private=False)) | own)


def find_own_comments(text: str, reader: User) -> Iterator[Kept]:
    return _comments(text, Q(thread__post__in=Post.objects.visible_to(reader), author=reader))


def _comments(text: str, which: Q) -> Iterator[Kept]:
    found = Comment.objects.filter(which, is_deleted=False, text__icontains=text)
    for comment in found.with_authors().order_by("-pk"):
        yield Kept(comment.pk, str(comment), comment.author.name, comment.created_at)


def put_comment_back(rows: Rows, by: User) -> str:
    comment = discussion.put_back_comment(rows, by)
    return Post.objects.get(thread=comment.thread_id).get_absolute_url()


def posts_since(moment: datetime) -> int:
    return Post.objects.there().published_from(moment).count()


def comments_since(moment: datetime) -> int:
    return Comment.objects.filter(created_at__gte=moment, is_deleted=False).count()
