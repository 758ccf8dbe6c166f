"""Posts and comments are found by whoever sees the post."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_lazy as _

from box.apps.feed.events import EntryTold, PostDeleted, PostEdited, PostPublished
from box.apps.feed.models import KIND, Post
from box.core.discussion.searching import comments_below
from box.core.registry.capabilities import Findable, Searchable, Touched
from box.lib.prepared import Param, PreparedModels

# Asked after each post, and so composed once.
_POSTS = PreparedModels(
    lambda: Post.objects.there().filter(id__in_array=Param("ids")).select_related("author").defer("html")
)


def _read_posts(ids: Sequence[int]) -> Iterable[Findable]:
    for post in _POSTS.rows(ids=list(ids)):
        yield Findable(
            id=post.pk,
            title="",
            body=post.text,
            url=post.get_absolute_url(),
            audience=post.audience,
            is_private=post.is_private,
            at=post.created_at,
        )


POSTS = Searchable(
    label=_("Posts"),
    icon="news",
    order=10,
    read=_read_posts,
    rows=Post.objects.there,
    touched_by={
        PostPublished: lambda event: Touched([event.post_id]),
        EntryTold: lambda event: Touched([event.post_id]),
        PostEdited: lambda event: Touched([event.post_id]),
        PostDeleted: lambda event: Touched([event.post_id]),
    },
)
COMMENTS = comments_below(
    KIND, label=_("Comments"), order=20, gone_with={PostDeleted: lambda event: event.post_id}
)
