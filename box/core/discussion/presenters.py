"""What pages show of discussions, in as many queries for a thousand comments as for one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, OuterRef, Subquery, Window
from django.db.models.functions import RowNumber

from box.core.accounts.faces import faces_asked, faces_in
from box.core.discussion.access import can_delete, can_edit, can_moderate, can_write
from box.core.discussion.actions import MOST_FILES
from box.core.discussion.models import Comment, CommentFile, EmojiReaction, Reaction, Thread
from box.core.discussion.threads import discussed
from box.core.files.presenters import Attached, WithFiles, facts_of
from box.core.registry.capabilities import Ref, made_of_for
from box.lib.prepared import Param, Prepared, PreparedModels, at_once

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from markupsafe import Markup

    from box.core.accounts.models import Face, User
    from box.core.discussion.models import CommentQuerySet
    from box.core.registry.capabilities import MadeOf

# How much of a discussion is shown at once; the rest is asked for.
COMMENTS_SHOWN = 20
REPLIES_SHOWN = 10
# The chip says "99+ new" beyond.
MOST_NEWS = 99
PEOPLE_SHOWN = 200


@dataclass(frozen=True)
class EmojiGiven:
    """One emoji below an object: by how many, and whether the reader is among them."""

    emoji: str
    count: int
    is_mine: bool


@dataclass(frozen=True)
class Foot:
    """What stands below an object, with what the reader has made of it."""

    kind: str
    pk: int
    thread_pk: int
    url: str
    likes: int
    dislikes: int
    comments: int
    my_reaction: int
    has_dislikes: bool
    emoji: tuple[EmojiGiven, ...] = ()

    @classmethod
    def of(cls, subject: Any, *, reaction: int | None, emoji: Collection[str], has_dislikes: bool) -> Foot:
        """`reaction` and `emoji` are the reader's own."""
        thread: Thread = subject.thread
        given = sorted((thread.emoji_counts or {}).items())
        return cls(
            *(subject.ref.kind, subject.pk, thread.pk, subject.get_absolute_url()),
            *(thread.likes_count, thread.dislikes_count, thread.comments_count, reaction or 0),
            has_dislikes=has_dislikes,
            emoji=tuple(EmojiGiven(one, count, one in emoji) for one, count in given),
        )


def foot_of(subject: Any, *, reader: User) -> Foot:
    mine = {"thread": subject.thread_id, "user": reader.pk}
    reactions, emoji = at_once(_REACTION.asked(**mine), _EMOJI.asked(**mine))
    return Foot.of(
        subject,
        reaction=reactions[0][0] if reactions else None,
        emoji={one for (one,) in emoji},
        has_dislikes=discussed(subject.ref.kind).has_dislikes(),
    )


_MINE = {"thread": Param("thread", BigIntegerField()), "user": Param("user", BigIntegerField())}
_REACTION = Prepared(lambda: Reaction.objects.filter(**_MINE).values_list("value"))
_EMOJI = Prepared(lambda: EmojiReaction.objects.filter(**_MINE).values_list("emoji"))


@dataclass(frozen=True)
class Made:
    """What the reader may make of a comment, such as a task."""

    label: str
    icon: str
    url: str


@dataclass(frozen=True)
class CommentShown:
    """A comment as everybody sees it. One that was just taken back has no number any more."""

    pk: int | None
    parent_id: int | None
    author: Face
    created_at: datetime
    edited_at: datetime | None
    is_deleted: bool
    body: Markup


@dataclass(frozen=True)
class Said(WithFiles):
    """A comment as one reader sees it, with its answers: a value, so that what is said of it is
    remembered."""

    comment: CommentShown
    can_edit: bool
    can_delete: bool
    can_answer: bool
    replies: tuple[Said, ...] = ()
    has_earlier_replies: bool = False
    files: tuple[Attached, ...] = ()
    made: tuple[Made, ...] = ()


@dataclass(frozen=True)
class Talk:
    """What is said below an object, as one reader sees it."""

    kind: str
    pk: int
    thread_pk: int
    url: str
    reader: User
    can_write: bool
    count: int
    newest: int
    """The newest comment that the reader is shown or could be: the chip counts from there."""
    said: tuple[Said, ...]
    earlier_than: int | None
    """The comment before which there are more."""

    most_files: int = MOST_FILES

    @property
    def place(self) -> str:
        """Where drafts of comments are kept."""
        return f"thread-{self.thread_pk}"


class _Around(NamedTuple):
    """What comments are shown with."""

    files: Mapping[int, Sequence[Attached]]
    authors: Mapping[int, Face]


@dataclass(frozen=True)
class _May:
    """What the reader may do below this object, asked once for all comments."""

    reader: User
    is_moderator: bool
    can_write: bool
    room: str
    makers: Sequence[MadeOf] = ()

    def all_said(
        self, comments: Sequence[Comment], below: Mapping[int | None, Sequence[Comment]]
    ) -> list[Said]:
        """In one query for the authors and the files of all of them."""
        every = [*comments, *(reply for replies in below.values() for reply in replies)]
        rows, people = at_once(
            _FILES.asked(comments=[comment.pk for comment in every if comment.pk]),
            faces_asked(comment.author_id for comment in every),
        )
        around = _Around(_by_comment(rows), faces_in(people))
        return [self.said(comment, around, below.get(comment.pk, ())) for comment in comments]

    def said(self, comment: Comment, around: _Around, replies: Iterable[Comment] = ()) -> Said:
        below = list(replies)
        return Said(
            CommentShown(
                comment.pk,
                comment.parent_id,
                around.authors[comment.author_id],
                comment.created_at,
                comment.edited_at,
                comment.is_deleted,
                comment.body,
            ),
            can_edit=can_edit(self.reader, comment),
            can_delete=can_delete(self.reader, comment, is_moderator=self.is_moderator),
            can_answer=self.can_write,
            replies=tuple(self.said(reply, around) for reply in below[-REPLIES_SHOWN:]),
            has_earlier_replies=len(below) > REPLIES_SHOWN,
            files=tuple(around.files.get(comment.pk, ())),
            made=tuple(
                Made(str(one.label), one.icon, one.address(self._ref(comment))) for one in self.makers
            ),
        )

    def _ref(self, comment: Comment) -> Ref:
        return Ref(f"{self.room}.comment", comment.pk)


def _may(subject: Any, reader: User) -> _May:
    room = subject.ref.kind.partition(".")[0]
    is_moderator, may_write = can_moderate(reader, subject), can_write(reader, subject)
    return _May(reader, is_moderator, may_write, room, made_of_for(reader))


def talk_below(subject: Any, *, reader: User, before: int | None = None, after: int | None = None) -> Talk:
    """The latest of it; before this comment; or also all that was answered since the comment `after`."""
    may, thread = _may(subject, reader), subject.thread_id
    ((count, newest),) = _STATE.rows(thread=thread)
    found = _TOPS.rows(thread=thread, before=before or newest + 1) if newest else []
    shown = found[:COMMENTS_SHOWN][::-1]
    earlier_than = shown[0].pk if len(found) > COMMENTS_SHOWN else None
    if after is not None and earlier_than:
        everything = Comment.objects.filter(thread=thread)
        answered = everything.filter(pk__gt=after, parent__lt=earlier_than).order_by("-id")
        parents = {pk for pk in answered.values_list("parent", flat=True)[:MOST_NEWS] if pk}
        answered_tops = everything.top().filter(pk__in=parents).order_by("id")
        shown = [*answered_tops, *shown]
    return Talk(
        *(subject.ref.kind, subject.pk, subject.thread_id, subject.get_absolute_url()),
        reader=reader,
        can_write=may.can_write,
        count=count,
        newest=newest or 0,
        said=tuple(_with_replies(shown, may)),
        earlier_than=earlier_than,
    )


_TOPS = PreparedModels(
    lambda: (
        Comment.objects.filter(
            thread=Param("thread", BigIntegerField()), pk__lt=Param("before", BigIntegerField())
        )
        .top()
        .order_by("-id")[: COMMENTS_SHOWN + 1]
    )
)
_STATE = Prepared(
    lambda: Thread.objects.filter(pk=Param("thread", BigIntegerField())).values_list(
        "comments_count",
        Subquery(Comment.objects.filter(thread=OuterRef("pk")).order_by("-id").values("pk")[:1]),
    )
)
"""How many there are, and the newest of all, answers too."""


def replies_before(comment: Comment, before: int, *, subject: Any, reader: User) -> Said:
    """Earlier answers to a comment."""
    may = _may(subject, reader)
    found = comment.replies.filter(pk__lt=before).order_by("-id")[: REPLIES_SHOWN + 1]
    (said,) = may.all_said([comment], {comment.pk: list(found)[::-1]})
    return said


def said_alone(comment: Comment, *, subject: Any, reader: User) -> Said:
    (said,) = _may(subject, reader).all_said([comment], {})
    return said


def _with_replies(comments: list[Comment], may: _May) -> Iterable[Said]:
    """In one query for the latest answers to all of them."""
    below = defaultdict(list)
    for reply in _REPLIES.rows(parents=[comment.pk for comment in comments]) if comments else ():
        below[reply.parent_id].append(reply)
    return may.all_said(comments, below)


def count_of(thread_id: int) -> int:
    """How many comments there are by now."""
    ((count,),) = _COUNT.rows(thread=thread_id)
    return int(count)


_COUNT = Prepared(
    lambda: Thread.objects.filter(pk=Param("thread", BigIntegerField())).values_list("comments_count")
)


def files_of(comment_ids: Sequence[int | None]) -> Mapping[int, Sequence[Attached]]:
    """By comment, in the order in which its author put them."""
    return _by_comment(_FILES.rows(comments=[pk for pk in comment_ids if pk]))


def _by_comment(rows: Iterable[Sequence[Any]]) -> Mapping[int, Sequence[Attached]]:
    found = defaultdict(list)
    for comment_id, *facts in rows:
        found[comment_id].append(Attached(*facts))
    return found


_FILES = Prepared(
    lambda: (
        CommentFile.objects.filter(comment__id__in_array=Param("comments"))
        .order_by("position")
        .values_list("comment_id", *facts_of("file"))
    )
)


def _latest_replies() -> CommentQuerySet:
    back = Window(RowNumber(), partition_by=F("parent"), order_by=F("id").desc())
    answers = Comment.objects.filter(parent__id__in_array=Param("parents", ArrayField(BigIntegerField())))
    ranked = answers.annotate(back=back).filter(back__lte=REPLIES_SHOWN + 1)
    return Comment.objects.filter(pk__in=ranked.values("pk")).order_by("id")


_REPLIES = PreparedModels(_latest_replies)


@dataclass(frozen=True)
class Reacted:
    """Who has given this; `emoji` is empty for those who like the object."""

    emoji: str
    people: list[User]


def who_reacted(subject: Any, *, known: Any) -> list[Reacted]:
    """The newest of each among the people that a reader may know."""
    likes = Reaction.objects.filter(thread=subject.thread_id, value=1, user__in=known)
    emoji = EmojiReaction.objects.filter(thread=subject.thread_id, user__in=known)
    found: dict[str, list[User]] = defaultdict(list)
    for like in likes.select_related("user").order_by("-id")[:PEOPLE_SHOWN]:
        found[""].append(like.user)
    for one in emoji.select_related("user").order_by("-id")[:PEOPLE_SHOWN]:
        found[one.emoji].append(one.user)
    return [Reacted(key, people) for key, people in sorted(found.items())]
