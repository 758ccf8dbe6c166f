"""Every write to a discussion. Whether the person may is asked of the object the thread stands under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import BigIntegerField, F
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.discussion.events import CommentAdded, CommentDeleted, CommentEdited, EmojiChanged, Reacted
from box.core.discussion.models import (
    LONGEST_EMOJI,
    Comment,
    CommentFile,
    EmojiReaction,
    Follower,
    Reaction,
    Thread,
)
from box.core.discussion.threads import subject_of, threads
from box.core.events.outbox import emit
from box.core.files import actions as files
from box.core.people.mentions import context_of
from box.core.registry.origin import moment
from box.lib.bulk import copy_rows, reserve_ids
from box.lib.emoji import is_emoji
from box.lib.prepared import Param, Prepared
from box.lib.rich_text import Rich, cleaned, from_text
from box.lib.tag_balancing import TooMuch

LONGEST_COMMENT = 20_000
MOST_EMOJI = 30
MOST_FILES = 20


def open_thread(kind: str) -> Thread:
    """A thread for an object of this kind that is just being made."""
    return Thread.objects.create(kind=kind)


def open_threads(kinds: Iterable[str]) -> list[int]:
    """The same for many at once: the ids of the threads, in their order."""
    wanted = list(kinds)
    ids = reserve_ids(Thread, len(wanted))
    counts = ("comments_count", "likes_count", "dislikes_count")
    rows = ((pk, kind, 0, 0, 0) for pk, kind in zip(ids, wanted, strict=True))
    copy_rows(Thread, ("id", "kind", *counts), rows)
    return ids


@transaction.atomic
def add_comment(
    thread: Thread,
    text: str = "",
    *,
    html: str = "",
    parent: Comment | None = None,
    file_ids: Sequence[int] = (),
    by: User,
) -> Comment:
    """What was written, in plain text or as an editor gives it, and uploads of the writer. Whoever speaks
    hears the rest from then on.

    `parent` is the comment that is answered, of the same thread: an answer to an answer stands beside it.
    Raises ValidationError for what cannot be said, and `files.NotYours`.
    """
    rich = written(text, html, by=by, is_needed=not file_ids)
    if parent is not None and (parent.thread_id != thread.pk or parent.is_deleted):
        raise ValidationError(_("What you answer was deleted."), code="parent")
    top_id = (parent.parent_id or parent.pk) if parent else None
    comment = Comment.objects.create(
        thread=thread,
        author=by,
        text=rich.text,
        html=rich.html,
        parent_id=top_id,
        created_at=moment(),
    )
    attach_files(comment, file_ids)
    if not _FOLLOWS.rows(thread=thread.pk, user=by.pk):
        Follower.objects.get_or_create(thread=thread, user=by)
    Thread.objects.filter(pk=thread.pk).update(comments_count=F("comments_count") + 1)
    emit(CommentAdded(comment_id=comment.pk, thread_id=thread.pk, kind=thread.kind, by_id=by.pk))
    return comment


_FOLLOWS = Prepared(
    lambda: Follower.objects.filter(
        thread=Param("thread", BigIntegerField()), user=Param("user", BigIntegerField())
    ).values_list("id")
)


def attach_files(comment: Comment, file_ids: Sequence[int]) -> None:
    """Uploads of the writer, behind those that it has, for whoever sees what the comment stands under. Call
    within a transaction."""
    if not file_ids:
        return
    count = comment.file_links.count()
    if count + len(file_ids) > MOST_FILES:
        raise ValidationError(_("Too many files: %(most)s at most.") % {"most": MOST_FILES})
    subject = subject_of(comment.thread.kind, comment.thread_id)
    if subject is None:
        raise ValidationError(_("What this comment stood under is gone."), code="gone")
    attached = files.attach(file_ids, audience=subject.audience, by=comment.author)
    CommentFile.objects.bulk_create(
        CommentFile(comment=comment, file=file, position=position)
        for position, file in enumerate(attached, count)
    )


def files_below(thread_id: int) -> list[int]:
    """The files of all comments, for when what they stand under is for others, or is no more."""
    return list(CommentFile.objects.filter(comment__thread=thread_id).values_list("file", flat=True))


@transaction.atomic
def edit_comment(comment: Comment, text: str = "", *, html: str = "", by: User) -> None:
    has_files = comment.file_links.exists()
    rich = written(text, html, by=by, is_needed=not has_files)
    comment.text, comment.html, comment.edited_at = rich.text, rich.html, timezone.now()
    comment.save(update_fields=["text", "html", "edited_at"])
    thread = comment.thread
    emit(CommentEdited(comment_id=comment.pk, thread_id=thread.pk, kind=thread.kind, by_id=by.pk))


@transaction.atomic
def readdress(comment: Comment, html: str) -> None:
    """The same text with other addresses in its links: nobody has edited it."""
    rich = written("", html, by=comment.author, is_needed=False)
    comment.text, comment.html = rich.text, rich.html
    comment.save(update_fields=["text", "html"])


@transaction.atomic
def delete_comment(comment: Comment, *, by: User) -> None:
    """Takes it back. Where it was answered its place stays, without what it said."""
    thread = Thread.objects.select_for_update().get(pk=comment.thread_id)
    if comment.is_deleted:
        return
    comment_id, file_ids = comment.pk, list(comment.file_links.values_list("file", flat=True))
    comment.file_links.all().delete()
    if comment.replies.exists():
        comment.text, comment.html, comment.is_deleted = "", "", True
        comment.save(update_fields=["text", "html", "is_deleted"])
    else:
        comment.delete()
    files.delete_files(file_ids)
    Thread.objects.filter(pk=thread.pk).update(comments_count=F("comments_count") - 1)
    emit(CommentDeleted(comment_id=comment_id, thread_id=thread.pk, kind=thread.kind, by_id=by.pk))


def follow(thread: Thread, is_on: bool, *, by: User) -> None:
    """Whether this person hears of what is said here."""
    Follower.objects.update_or_create(thread=thread, user=by, defaults={"is_on": is_on})


def written(text: str, html: str, *, by: User, is_needed: bool = True) -> Rich:
    """Raises ValidationError for nothing where something `is_needed`, and for too much."""
    try:
        rich = cleaned(html or from_text(text), context_of(by))
    except TooMuch:
        raise _too_long() from None
    if not rich.text and is_needed:
        raise ValidationError(_("Write something first."), code="empty")
    if len(rich.text) > LONGEST_COMMENT:
        raise _too_long()
    return rich


def _too_long() -> ValidationError:
    return ValidationError(
        _("This comment is too long: %(most)s characters at most.") % {"most": LONGEST_COMMENT}
    )


@transaction.atomic
def react(thread: Thread, value: int, *, by: User) -> None:
    """Sets the person's reaction: 1 likes, -1 dislikes, 0 takes it back. Twice is the same as once."""
    if value not in (-1, 0, 1):
        raise ValidationError(_("There is no such reaction."), code="value")
    if value < 0 and thread.kind in threads and not threads[thread.kind].has_dislikes():
        raise ValidationError(_("There is no disliking here."), code="value")
    # The thread's row is locked first, so that counts and reactions change together.
    Thread.objects.select_for_update().get(pk=thread.pk)
    before = Reaction.objects.filter(thread=thread, user=by).first()
    was = before.value if before else 0
    if was == value:
        return
    if value == 0:
        Reaction.objects.filter(thread=thread, user=by).delete()
    else:
        Reaction.objects.update_or_create(thread=thread, user=by, defaults={"value": value})
    Thread.objects.filter(pk=thread.pk).update(
        likes_count=F("likes_count") + int(value == 1) - int(was == 1),
        dislikes_count=F("dislikes_count") + int(value == -1) - int(was == -1),
    )
    thread.refresh_from_db(fields=["likes_count", "dislikes_count"])
    emit(Reacted(thread_id=thread.pk, kind=thread.kind, by_id=by.pk, value=value))


@transaction.atomic
def give_emoji(thread: Thread, emoji: str, is_given: bool, *, by: User) -> None:
    """Gives it, or takes it back. Twice is the same as once."""
    if len(emoji) > LONGEST_EMOJI or not is_emoji(emoji):
        raise ValidationError(_("Choose one emoji."), code="emoji")
    # The thread's row is locked first, so that counts and reactions change together.
    row = Thread.objects.select_for_update().get(pk=thread.pk)
    counts: dict[str, int] = dict(row.emoji_counts or {})
    if is_given and emoji not in counts and len(counts) >= MOST_EMOJI:
        raise ValidationError(_("There are enough different ones here: take one of them."), code="emoji")
    if is_given:
        _row, is_changed = EmojiReaction.objects.get_or_create(thread=row, user=by, emoji=emoji)
    else:
        is_changed = bool(EmojiReaction.objects.filter(thread=row, user=by, emoji=emoji).delete()[0])
    if not is_changed:
        return
    counts[emoji] = counts.get(emoji, 0) + (1 if is_given else -1)
    row.emoji_counts = thread.emoji_counts = {key: count for key, count in counts.items() if count} or None
    row.save(update_fields=["emoji_counts"])
    emit(EmojiChanged(thread_id=row.pk, kind=row.kind, emoji=emoji, is_given=is_given, by_id=by.pk))
