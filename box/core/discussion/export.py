"""Discussions as rows: out of an older state of the portal, and back."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.discussion.actions import edit_comment
from box.core.discussion.events import CommentEdited
from box.core.discussion.models import Comment, CommentFile, Thread
from box.core.events.outbox import emit
from box.core.files.export import pack_files
from box.core.registry.capabilities import Rows
from box.core.registry.rows import packed, put_in, values_of


def pack_thread(thread: Thread) -> Rows:
    """All that was said under an object; an answer comes after what it answers."""
    comments = thread.comments.order_by("id")
    rows = packed(*comments, *thread.reactions.all(), *thread.followers.all())
    return [*rows, *_pack_files(CommentFile.objects.filter(comment__thread=thread))]


def pack_comment(pk: int) -> Rows:
    comment = Comment.objects.get(pk=pk)
    among = CommentFile.objects.filter(Q(comment=comment) | Q(comment__parent=comment))
    return [*packed(comment, *comment.replies.order_by("id")), *_pack_files(among)]


def _pack_files(ties: QuerySet[CommentFile]) -> Rows:
    found = ties.order_by("pk").select_related("file__blob__preview", "file__blob__thumbnail")
    return [*pack_files([tie.file for tie in found]), *packed(*found)]


def is_comment_there(rows: Rows) -> bool:
    return Comment.objects.filter(pk=_comment(rows)["id"], is_deleted=False).exists()


def is_comment_same(rows: Rows) -> bool:
    values = _comment(rows)
    return Comment.objects.filter(pk=values["id"], html=values["html"]).exists()


def put_back_comment(rows: Rows, by: User) -> Comment:
    """As it was; answers that went with it come back too. Raises ValidationError where its thread is gone."""
    values = _comment(rows)
    thread = Thread.objects.select_for_update().filter(pk=values["thread_id"]).first()
    if thread is None:
        raise ValidationError(_("What this comment stood under is gone: put that back, and all is there."))
    before = thread.comments.filter(is_deleted=False).count()
    there = Comment.objects.filter(pk=values["id"]).first()
    if there is not None and there.is_deleted:
        there.text, there.html, there.is_deleted = values["text"], values["html"], False
        there.save(update_fields=["text", "html", "is_deleted"])
    elif there is not None and there.html != values["html"]:
        edit_comment(there, html=values["html"], by=by)
    put_in(rows)
    comment = Comment.objects.get(pk=values["id"])
    more = thread.comments.filter(is_deleted=False).count() - before
    Thread.objects.filter(pk=thread.pk).update(comments_count=F("comments_count") + more)
    emit(CommentEdited(comment_id=comment.pk, thread_id=thread.pk, kind=thread.kind, by_id=by.pk))
    return comment


def _comment(rows: Rows) -> dict[str, Any]:
    return dict(values_of(rows, Comment))
