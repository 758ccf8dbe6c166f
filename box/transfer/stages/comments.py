"""Comments that have come, under whatever they stand."""

from __future__ import annotations

from box.core.discussion.actions import edit_comment
from box.core.discussion.models import Comment
from box.transfer.models import Identity


def change_comment(identity: Identity, html: str, digest: str) -> None:
    """Says something else since an earlier pass."""
    found = Comment.objects.filter(pk=identity.ours, is_deleted=False)
    comment = found.select_related("author", "thread").first()
    if comment is not None and html:
        edit_comment(comment, html=html, by=comment.author)
        Identity.objects.filter(pk=identity.pk).update(digest=digest)
