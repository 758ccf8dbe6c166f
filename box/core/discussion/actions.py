"""Every write to a discussion. Whether the person may is asked of the object the thread stands under."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.discussion.events import CommentAdded, Reacted
from box.core.discussion.models import Comment, Reaction, Thread
from box.core.events.outbox import emit

LONGEST_COMMENT = 20_000


def open_thread(kind: str) -> Thread:
    """A thread for an object of this kind that is just being made."""
    return Thread.objects.create(kind=kind)


@transaction.atomic
def add_comment(thread: Thread, text: str, *, by: User) -> Comment:
    text = text.strip().replace("\x00", "")
    if not text:
        raise ValidationError(_("Write something first."), code="empty")
    if len(text) > LONGEST_COMMENT:
        raise ValidationError(
            _("This comment is too long: %(most)s characters at most.") % {"most": LONGEST_COMMENT}
        )
    comment = Comment.objects.create(thread=thread, author=by, text=text)
    Thread.objects.filter(pk=thread.pk).update(comments_count=F("comments_count") + 1)
    emit(CommentAdded(comment_id=comment.pk, thread_id=thread.pk, kind=thread.kind, by_id=by.pk))
    return comment


@transaction.atomic
def react(thread: Thread, value: int, *, by: User) -> None:
    """Sets the person's reaction: 1 likes, -1 dislikes, 0 takes it back. Twice is the same as once."""
    if value not in (-1, 0, 1):
        raise ValidationError(_("There is no such reaction."), code="value")
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
