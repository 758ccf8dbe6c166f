"""Posts with their polls and receipts, and what was said below posts, tasks and clients."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.html import escape

from box.apps.crm.models import Record
from box.apps.feed.models import Ballot, Poll, Post, PostFile, Receipt
from box.apps.tasks.models import Task
from box.core.discussion.models import Comment, CommentFile, Thread
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, grouped, reactions_of, walked
from box.transfer.archive.export.crm import records_in
from box.transfer.archive.export.tasks import tasks_in


def posts_in(scope: Scope) -> QuerySet[Post]:
    """What people wrote, and not what the portal tells of them."""
    rows = scope.seen(Post.objects.there()).exclude(kind=Post.Kind.SYSTEM).filter(scope.within("created_at"))
    if scope.filters.groups:
        rows = rows.filter(audience__overlap=scope.group_codes)
    if scope.person:
        rows = rows.filter(author=scope.person)
    found: QuerySet[Post] = rows
    return found


def posts(scope: Scope) -> Iterator[records.Post]:
    for page in walked(posts_in(scope).select_related("announcement")):
        files = grouped(
            PostFile.objects.filter(post__in=page).select_related("file__blob").order_by("position"),
            lambda one: one.post_id,
        )
        polls = _polls(scope, page)
        reactions = reactions_of(scope, [row.thread_id for row in page])
        readers = grouped(
            Receipt.objects.filter(post__in=page)
            .order_by("user")
            .distinct("post", "user")
            .order_by("post", "user"),
            lambda one: one.post_id,
        )
        for row in page:
            announcement = getattr(row, "announcement", None)
            read_by = sorted({one.user_id for one in readers[row.pk]})
            scope.name(row.author_id, *read_by)
            yield records.Post(
                id=row.pk, author=row.author_id, html=row.html or escape(row.text),
                audience=list(row.audience),
                created_at=row.created_at, edited_at=row.edited_at,
                is_announcement=announcement is not None,
                read_by_on=announcement.read_by_on if announcement else None, readers=read_by,
                poll=polls.get(row.pk), files=[scope.attachment(one.file) for one in files[row.pk]],
                reactions=reactions.get(row.thread_id),
            )  # fmt: skip


def _polls(scope: Scope, page: Sequence[Post]) -> dict[int, records.Poll]:
    rows = Poll.objects.filter(post__in=page).prefetch_related("options")
    ballots = grouped(Ballot.objects.filter(poll__in=list(rows)).order_by("id"), lambda one: one.poll_id)
    found = {}
    for poll in rows:
        cast = ballots[poll.pk]
        scope.name(*(one.user_id for one in cast))
        found[poll.pk] = records.Poll(
            options=[
                records.Option(
                    text=one.text,
                    votes=one.votes_count,
                    voters=[ballot.user_id for ballot in cast if one.pk in ballot.chosen],
                )
                for one in poll.options.all()
            ],
            is_multiple=poll.is_multiple,
            is_anonymous=poll.is_anonymous,
            closes_at=poll.closes_at,
            voters=[one.user_id for one in cast],
        )
    return found


def comments(scope: Scope, kinds: Collection[str] = ("post", "task", "crm")) -> Iterator[records.Comment]:
    for kind, rows, subjects in _spoken(scope):
        if kind in kinds:
            yield from _comments(scope, kind, rows, subjects)


def comments_in(scope: Scope) -> QuerySet[Comment]:
    found = Comment.objects.none()
    for _kind, rows, _subjects in _spoken(scope):
        found |= rows
    return found


def _spoken(scope: Scope) -> Iterator[tuple[str, QuerySet[Comment], type[Any]]]:
    """Of what is in the archive; of a person what they said, wherever they see it."""
    spoken = Comment.objects.filter(is_deleted=False)
    if scope.person:
        seen: tuple[tuple[str, Any], ...] = (
            ("post", Post.objects.visible_to(scope.person)),
            ("task", Task.objects.visible_to(scope.person).there()),
            ("crm", Record.objects.visible_to(scope.person).there()),
        )
        spoken = spoken.filter(author=scope.person).filter(scope.within("created_at"))
    else:
        seen = (("post", posts_in(scope)), ("task", tasks_in(scope)), ("crm", records_in(scope)))
    for kind, rows in seen:
        threads = Thread.objects.filter(pk__in=rows.order_by().values("thread"))
        yield kind, spoken.filter(Q(thread__in=threads)), rows.model


def _comments(
    scope: Scope, kind: Any, rows: QuerySet[Comment], model: type[Any]
) -> Iterator[records.Comment]:
    for page in walked(rows):
        subjects = dict(
            model._base_manager.filter(thread__in=[one.thread_id for one in page]).values_list("thread", "pk")
        )
        files = grouped(
            CommentFile.objects.filter(comment__in=page).select_related("file__blob").order_by("position"),
            lambda one: one.comment_id,
        )
        for row in page:
            scope.name(row.author_id)
            yield records.Comment(
                id=row.pk, on_kind=kind, on=subjects[row.thread_id], author=row.author_id, html=row.html,
                created_at=row.created_at, parent=row.parent_id,
                files=[scope.attachment(one.file) for one in files[row.pk]],
            )  # fmt: skip
