"""The newest posts that one sees: what the feed and the pages of groups begin with.

Composing that query costs more than asking it, so its usual forms are composed once. Which they are is
`AudienceQuerySet.visible_to`'s rule; what is chosen beside it goes the long way.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, TextField

from box.apps.feed.filters import TO
from box.apps.feed.models import PAGE, Post, PostQuerySet
from box.core.access.audiences import is_ruled_by_codes
from box.core.access.principals import EVERYONE, codes_of
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.lists.query import Query

# Above all that there will be.
HIGHEST = 2**62


def page_of(reader: User, chosen: Query, *, before: int | None = None) -> list[Post]:
    """A page of what was chosen, and one post more if there is another page. Each row knows `pinned_ids` and
    what the reader has `kept` of the feed as a list."""
    codes, before = codes_of(reader), before or HIGHEST
    to = chosen.value_of(TO)
    if is_ruled_by_codes(reader) and chosen.pairs() == ([(TO, to)] if to else []) and not chosen.problems:
        prepared = _prepared(reaches_many=EVERYONE in codes, is_addressed=bool(to))
        return prepared.rows(codes=sorted(codes), reader=reader.pk, to=to, before=before)
    return list(_page(chosen.apply(Post.objects.visible_to(reader)), reader.pk, before))


def just_written(post: Post) -> list[Post]:
    """The post as a list shows it, for its author: they see it, whomever else it is for."""
    return _JUST_WRITTEN.rows(pk=post.pk)


_JUST_WRITTEN = PreparedModels(
    lambda: Post.objects.there().filter(pk=Param("pk", BigIntegerField())).as_shown()
)


@cache
def _prepared(*, reaches_many: bool, is_addressed: bool) -> PreparedModels[Post]:
    def make() -> PostQuerySet:
        codes = Param("codes", ArrayField(TextField()))
        all_posts = Post.objects.there()
        posts = all_posts.reachable_by_many(codes) if reaches_many else all_posts.reachable_by_few(codes)
        posts = posts.addressed_to(Param("to")) if is_addressed else posts
        return _page(posts, Param("reader"), Param("before", BigIntegerField()))

    # To some hardly anything is addressed, to others nearly all.
    return PreparedModels(make, plans_anew=is_addressed)


def _page(posts: PostQuerySet, reader_id: int | Param, before: int | Param) -> PostQuerySet:
    rows = posts.as_shown().with_pinned().with_preferences_of(reader_id)
    return rows.newest_first().before(before)[: PAGE + 1]
