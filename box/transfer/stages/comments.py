"""Comments that have come, under whatever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from box.core.discussion.actions import attach_files, edit_comment
from box.core.discussion.models import Comment
from box.transfer.models import Identity

if TYPE_CHECKING:
    from box.transfer.ledger import Extra
    from box.transfer.stages.base import Work


def change_comment(work: Work, identity: Identity, text: Any, extra: Extra, digest: str) -> None:
    """Says something else since an earlier pass, or has more files."""
    found = Comment.objects.filter(pk=identity.ours, is_deleted=False)
    comment = found.select_related("author", "thread").first()
    if comment is None:
        return
    before = work.html(text, work.held_files(identity.kind, identity.theirs))
    new = work.files_of(identity.kind, identity.theirs, extra, by=comment.author)
    attach_files(comment, [file.pk for file in new.values()])
    html = work.html(text, work.held_files(identity.kind, identity.theirs))
    # A file that has come late, and stands in no text, edits none.
    if html and (identity.digest != digest or html != before):
        edit_comment(comment, html=html, by=comment.author)
    Identity.objects.filter(pk=identity.pk).update(digest=digest)
