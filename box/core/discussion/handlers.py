"""What follows from a word: open pages learn of it, and those concerned hear of it."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField

from box.core.access.principals import codes_of
from box.core.accounts.models import User
from box.core.discussion.events import CommentAdded, EmojiChanged, Reacted
from box.core.discussion.models import Comment, Follower
from box.core.discussion.threads import subject_of, threads
from box.core.events.outbox import on
from box.core.notify.actions import notify_each
from box.core.people.mentions import people_mentioned
from box.core.push.actions import send
from box.lib.prepared import Param, Prepared, PreparedModels

# Asked after each comment, and so composed once.
_COMMENT = PreparedModels(
    lambda: Comment.objects.select_related("author").filter(pk=Param("comment", BigIntegerField()))
)
_FOLLOWERS = Prepared(
    lambda: Follower.objects.filter(thread=Param("thread", BigIntegerField())).values_list("user_id", "is_on")
)
_PEOPLE = PreparedModels(lambda: User.objects.active().filter(id__in_array=Param("people")))


@on(CommentAdded, formerly="box.apps.feed.handlers.tell_those_concerned", hears_imports=False)
def tell_of_comment(event: CommentAdded) -> None:
    """One word about one comment: who is called in it hears that, and not also that it was written."""
    subject = subject_of(event.kind, event.thread_id)
    comment = next(iter(_COMMENT.rows(comment=event.comment_id)), None)
    if subject is None or comment is None:
        return
    payload = {"thread": event.thread_id, "id": comment.pk, "by": event.by_id}
    send("discussion", "comment", audience=subject.audience, payload=payload)
    kind = threads[event.kind]
    called = people_mentioned(comment.html, by_id=event.by_id, audience=subject.audience)
    own = set(kind.listeners(subject))
    told = [(one, kind.told.mentioned) for one in called]
    for one in _listeners(subject, own, to=comment):
        told.append((one, kind.told.own if one.pk in own else kind.told.followed))
    notify_each(told, about=subject.ref, key=f"comment:{comment.pk}", actor=comment.author)


def _listeners(subject: Any, own: set[int], *, to: Comment) -> list[User]:
    """Those whose it is unless they have left, and who has spoken or asked to hear: as far as they see it."""
    said = dict(_FOLLOWERS.rows(thread=subject.thread_id))
    ids = {pk for pk, is_on in {**dict.fromkeys(own, True), **said}.items() if is_on} - {to.author_id}
    people = _PEOPLE.rows(people=sorted(ids)) if ids else ()
    return [person for person in people if not codes_of(person).isdisjoint(subject.audience)]


@on(Reacted, formerly="box.apps.feed.handlers.tell_open_counts", hears_imports=False)
def tell_open_counts(event: Reacted) -> None:
    subject = subject_of(event.kind, event.thread_id)
    if subject is not None:
        counts = {"likes": subject.thread.likes_count, "dislikes": subject.thread.dislikes_count}
        payload = {"thread": event.thread_id, "by": event.by_id, **counts}
        send("discussion", "reactions", audience=subject.audience, payload=payload)


@on(EmojiChanged, formerly="box.apps.feed.handlers.tell_open_emoji", hears_imports=False)
def tell_open_emoji(event: EmojiChanged) -> None:
    subject = subject_of(event.kind, event.thread_id)
    if subject is not None:
        counts = subject.thread.emoji_counts or {}
        payload = {"thread": event.thread_id, "by": event.by_id, "counts": counts}
        send("discussion", "emoji", audience=subject.audience, payload=payload)
