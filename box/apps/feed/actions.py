"""Every write to the feed."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.feed.access import unknown_codes
from box.apps.feed.events import PostDeleted, PostPublished
from box.apps.feed.models import KIND, Post, PostFile
from box.core.access.principals import EVERYONE, audience_for, is_private
from box.core.accounts.models import User
from box.core.discussion import actions as discussion
from box.core.discussion.models import Comment
from box.core.events.outbox import emit
from box.core.files import actions as files

LONGEST_POST = 100_000
MOST_FILES = 100


@dataclass(frozen=True)
class Draft:
    """A post to be. `audience` are principals' codes; `file_ids` are uploads of the author."""

    text: str
    audience: tuple[str, ...] = (EVERYONE,)
    file_ids: tuple[int, ...] = ()


@transaction.atomic
def publish_post(draft: Draft, *, by: User) -> Post:
    """Raises ValidationError for an empty or too long post, an unknown audience, and others' files."""
    text = draft.text.strip().replace("\x00", "")
    if not text and not draft.file_ids:
        raise ValidationError(_("Write something, or add a file."), code="empty")
    if len(text) > LONGEST_POST:
        raise ValidationError(
            _("This post is too long: %(most)s characters at most.") % {"most": LONGEST_POST}
        )
    if len(draft.file_ids) > MOST_FILES:
        raise ValidationError(_("Too many files: %(most)s at most.") % {"most": MOST_FILES})
    if not draft.audience:
        raise ValidationError(_("Choose who will see this post."), code="audience")
    if unknown := unknown_codes(by, draft.audience):
        raise ValidationError(
            _("Choose the audience again: it is unknown here (%(codes)s).")
            % {"codes": ", ".join(sorted(unknown))},
            code="audience",
        )
    audience = audience_for(by, draft.audience)
    post = Post.objects.create(
        author=by,
        text=text,
        audience=audience,
        is_private=is_private(audience),
        thread=discussion.open_thread(KIND),
    )
    attached = files.attach(draft.file_ids, audience=audience, by=by)
    PostFile.objects.bulk_create(
        PostFile(post=post, file=file, position=position) for position, file in enumerate(attached)
    )
    emit(PostPublished(post_id=post.pk, by_id=by.pk))
    return post


def add_comment(post: Post, text: str, *, by: User) -> Comment:
    return discussion.add_comment(post.thread, text, by=by)


def react(post: Post, value: int, *, by: User) -> None:
    discussion.react(post.thread, value, by=by)


@transaction.atomic
def delete_post(post: Post, *, by: User) -> None:
    """Takes the post away with its discussion and files; the blobs go with the sweep."""
    emit(PostDeleted(post_id=post.pk, by_id=by.pk))
    thread, file_ids = post.thread, list(post.files.values_list("pk", flat=True))
    post.delete()
    thread.delete()
    files.delete_files(file_ids)
