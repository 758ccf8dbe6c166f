"""What two accounts wrote, voted and kept in the feed, when they become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.feed.erasing import kept as kept_for_themselves
from box.apps.feed.models import Award, Post
from box.core.registry.merging import Merger, OneEach, Settled, mergers, run, settlings

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.merging import Pair


def declare() -> None:
    settlings.add("feed.Ballot.user", Settled(_vote_once))
    settlings.add(
        "feed.Receipt.user",
        OneEach("post", "version", takes="read_at = least(kept.read_at, gone.read_at)"),
    )
    either = ", ".join(f"{name} = kept.{name} OR gone.{name}" for name in ("is_favourite", "is_hidden"))
    settlings.add("feed.Mark.user", OneEach("post", takes=either))
    settlings.add("feed.KeptDraft.user", OneEach("place", better="gone.saved_at > kept.saved_at"))
    mergers.add("feed", Merger(_("Feed"), moves=_written, follow=_follow))


def _written(gone: User, kept: User) -> list[str]:
    posts = Post.objects.by(gone.pk).count()
    badges = Award.objects.filter(user=gone).count()
    said = [
        ngettext("%(num)s post", "%(num)s posts", posts) % {"num": posts} if posts else "",
        ngettext("%(num)s badge or gift", "%(num)s badges and gifts", badges) % {"num": badges}
        if badges
        else "",
    ]
    return [*filter(None, said), *kept_for_themselves(gone)]


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
    for table, column in (("feed_post", "details"), ("feed_keptdraft", "content")):
        for was, now in (
            (f'"U{pair.gone}"', f'"U{pair.kept}"'),
            (f'"org.person:{pair.gone}"', f'"org.person:{pair.kept}"'),
        ):
            run(
                f"UPDATE {table} SET {column} = replace({column}::text, %(was)s, %(now)s)::jsonb"  # noqa: S608
                f" WHERE {column} IS NOT NULL AND strpos({column}::text, %(was)s) > 0",
                pair,
                was=was,
                now=now,
            )
    run(
        "UPDATE feed_post SET details = jsonb_set(details, '{award,person}', to_jsonb(%(kept)s::bigint))"
        " WHERE id IN (SELECT post_id FROM feed_award WHERE user_id = %(kept)s)"
        "   AND details->'award'->'person' = to_jsonb(%(gone)s::bigint)",
        pair,
    )
