"""Who may do what with a comment; what it stands under decides the rest, see `threads`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from box.core.discussion.threads import discussed

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.discussion.models import Comment


def can_write(user: User, subject: Any) -> bool:
    return discussed(subject.ref.kind).can_write(user, subject)


def can_moderate(user: User, subject: Any) -> bool:
    return discussed(subject.ref.kind).can_moderate(user, subject)


def can_edit(user: User, comment: Comment) -> bool:
    """Nobody puts words into another's mouth."""
    return user.pk == comment.author_id and not comment.is_deleted


def can_delete(user: User, comment: Comment, *, is_moderator: bool) -> bool:
    return user.pk == comment.author_id or is_moderator
