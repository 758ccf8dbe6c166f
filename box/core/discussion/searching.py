"""Comments are found by whoever sees what they stand under."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.core.discussion.events import CommentAdded, CommentDeleted, CommentEdited
from box.core.discussion.models import Comment
from box.core.discussion.threads import subjects_over, threads
from box.core.registry.capabilities import Card, Findable, Ref, Searchable, Touched
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.registry.capabilities import CardMaker


# Asked after each comment, and so composed once.
_COMMENTS = PreparedModels(
    lambda: Comment.objects.filter(
        id__in_array=Param("ids"), thread__kind=Param("kind"), is_deleted=False
    ).defer("html")
)
OF_COMMENTS = (CommentAdded, CommentEdited, CommentDeleted)


def comment_cards(kind: str) -> CardMaker:
    """Cards of the comments below objects of this kind, under the key by which they are found."""

    def cards(ids: list[int], reader: User) -> dict[int, Card]:
        comments = Comment.objects.filter(pk__in=ids, thread__kind=kind, is_deleted=False).with_authors()
        found = list(comments.defer("html"))
        seen = threads[kind].find().visible_to(reader).filter(thread__in={one.thread_id for one in found})
        over = {subject.thread_id: subject.get_absolute_url() for subject in seen}
        return {
            one.pk: Card(
                Ref(f"{kind.partition('.')[0]}.comment", one.pk),
                str(one),
                f"{over[one.thread_id]}#comment-{one.pk}",
                icon="message-circle",
                people=(one.author.face,),
            )
            for one in found
            if one.thread_id in over
        }

    return cards


def comments_below(
    kind: str,
    *,
    label: _StrOrPromise,
    order: int,
    gone_with: Mapping[type[Any], Callable[[Any], int]] | None = None,
) -> Searchable:
    """The comments below objects of this kind, which `label` tells from those below others. `gone_with` are
    the events after which an object is not there any more, or is again, with the id of the object."""

    def rows() -> QuerySet[Comment]:
        over = threads[kind].find().order_by().values("thread")
        return Comment.objects.filter(thread__kind=kind, is_deleted=False, thread__in=over)

    def read(ids: Sequence[int]) -> Iterable[Findable]:
        comments = _COMMENTS.rows(ids=list(ids), kind=kind)
        subjects = subjects_over(kind, {one.thread_id for one in comments})
        for comment in comments:
            if (subject := subjects.get(comment.thread_id)) is not None:
                yield Findable(
                    id=comment.pk,
                    title="",
                    body=comment.text,
                    url=f"{subject.get_absolute_url()}#comment-{comment.pk}",
                    audience=subject.audience,
                    is_private=subject.is_private,
                    at=comment.created_at,
                    within=subject.pk,
                )

    def of_comment(event: CommentAdded | CommentEdited | CommentDeleted) -> Touched:
        # Those of before an upgrade were delivered to all.
        return Touched([event.comment_id] if event.kind == kind else [])

    def within(find: Callable[[Any], int]) -> Callable[[Any], Touched]:
        return lambda event: Touched(within=find(event))

    return Searchable(
        label=label,
        icon="message-circle",
        order=order,
        read=read,
        rows=rows,
        touched_by={
            **dict.fromkeys(OF_COMMENTS, of_comment),
            **{event: within(find) for event, find in (gone_with or {}).items()},
        },
        concerns=lambda event: not isinstance(event, OF_COMMENTS) or event.kind == kind,
    )
