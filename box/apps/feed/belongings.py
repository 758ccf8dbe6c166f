"""Posts, votes and what the feed keeps for a person alone, when people are erased or merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from box.apps.feed.events import PostEdited
from box.apps.feed.models import Award, Post, PostTag, PostVersion
from box.core.events.outbox import emit_all
from box.core.registry.belongings import (
    MADE,
    Belongings,
    Belongs,
    Deleted,
    OneEach,
    Settled,
    Stays,
    follow_in_json,
    run,
)

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair


_EITHER = ", ".join(f"{name} = kept.{name} OR gone.{name}" for name in ("is_favourite", "is_hidden"))


def _praise(person: User) -> list[str]:
    badges = Award.objects.filter(user=person).count()
    said = ngettext(
        "what was said with %(num)s badge or gift", "what was said with %(num)s badges and gifts", badges
    )
    return [said % {"num": badges}] if badges else []


def _forget_praise(person: User, by: User) -> None:
    """That somebody was thanked stays in the feed; what for, which speaks of nobody else, does not."""
    posts = Post.objects.filter(award__user=person)
    ids = list(posts.values_list("pk", flat=True))
    badge = Award.objects.filter(post=OuterRef("pk")).values("badge__name_en")[:1]
    posts.update(html="", text=Subquery(badge))
    for row in Post.objects.filter(pk__in=ids, details__cards__isnull=False).only("details"):
        row.details = {"award": (row.details or {})["award"]}
        row.save(update_fields=["details"])
    for rows in (PostVersion, PostTag):
        rows.objects.filter(post__in=ids).delete()
    emit_all([PostEdited(post_id=pk, by_id=by.pk) for pk in ids])


def _awards(gone: User, kept: User) -> list[str]:
    badges = Award.objects.filter(user=gone).count()
    said = ngettext("%(num)s badge or gift", "%(num)s badges and gifts", badges)
    return [said % {"num": badges}] if badges else []


def _vote_once(pair: Pair) -> None:
    """The vote of the account that remains stands. Of an anonymous one nobody knows what to take back: its
    numbers say how many votes were given."""
    run(
        "WITH lost AS (DELETE FROM feed_ballot AS gone USING feed_ballot AS kept"
        "   WHERE gone.user_id = %(gone)s AND kept.user_id = %(kept)s AND gone.poll_id = kept.poll_id"
        "   RETURNING gone.poll_id, gone.chosen),"
        " fewer AS (UPDATE feed_poll AS poll SET voters_count = voters_count - 1 FROM lost"
        "   WHERE poll.post_id = lost.poll_id AND NOT poll.is_anonymous)"
        " UPDATE feed_polloption SET votes_count = votes_count - 1"
        "  WHERE id IN (SELECT unnest(chosen) FROM lost)",
        pair,
    )


def _follow(pair: Pair) -> None:
    """What names the person in JSON."""
    follow_in_json("feed_post", "details", pair)
    run(
        "UPDATE feed_post SET details = jsonb_set(details, '{award,person}', to_jsonb(%(kept)s::bigint))"
        " WHERE id IN (SELECT post_id FROM feed_award WHERE user_id = %(kept)s)"
        "   AND details->'award'->'person' = to_jsonb(%(gone)s::bigint)",
        pair,
    )


BELONGINGS = Belongings(
    _("Feed"),
    {
        "feed.Post.author": Belongs(Stays(MADE), said=ngettext_lazy("%(num)s post", "%(num)s posts", "num")),
        "feed.PostVersion.editor": Belongs(Stays(MADE)),
        "feed.Ballot.user": Belongs(
            Stays("the numbers of a poll are made of votes, each once a person"), Settled(_vote_once)
        ),
        "feed.Receipt.user": Belongs(
            Stays("the company's proof that an announcement was read"),
            OneEach("post", "version", takes="read_at = least(kept.read_at, gone.read_at)"),
        ),
        "feed.Mark.user": Belongs(Deleted(), OneEach("post", takes=_EITHER)),
        "feed.Award.user": Belongs(Deleted()),
        "feed.ScheduledPost.author": Belongs(
            Deleted(), said=ngettext_lazy("%(num)s scheduled post", "%(num)s scheduled posts", "num")
        ),
    },
    found=_praise,
    erase=_forget_praise,
    moves=_awards,
    follow=_follow,
)
