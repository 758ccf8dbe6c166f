"""Comments, likes and emoji of two accounts that become one: each counts once a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.discussion.models import Comment
from box.core.registry.merging import Merger, OneEach, Settled, mergers, run, settlings

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.merging import Pair


def declare() -> None:
    settlings.add("discussion.Follower.user", OneEach("thread", takes="is_on = kept.is_on OR gone.is_on"))
    settlings.add("discussion.Reaction.user", Settled(_like_once))
    settlings.add("discussion.EmojiReaction.user", Settled(_give_emoji_once))
    mergers.add("discussion", Merger(_("Comments"), moves=_comments))


def _comments(gone: User, kept: User) -> list[str]:
    count = Comment.objects.filter(author=gone).count()
    return [ngettext("%(num)s comment", "%(num)s comments", count) % {"num": count}] if count else []


def _like_once(pair: Pair) -> None:
    run(
        "WITH lost AS (DELETE FROM discussion_reaction AS gone USING discussion_reaction AS kept"
        "  WHERE gone.user_id = %(gone)s AND kept.user_id = %(kept)s AND gone.thread_id = kept.thread_id"
        "  RETURNING gone.thread_id, gone.value)"
        " UPDATE discussion_thread AS thread"
        "    SET likes_count = likes_count - (lost.value > 0)::int,"
        "        dislikes_count = dislikes_count - (lost.value < 0)::int"
        "   FROM lost WHERE thread.id = lost.thread_id",
        pair,
    )


def _give_emoji_once(pair: Pair) -> None:
    rows = run(
        "DELETE FROM discussion_emojireaction AS gone USING discussion_emojireaction AS kept"
        " WHERE gone.user_id = %(gone)s AND kept.user_id = %(kept)s AND gone.thread_id = kept.thread_id"
        "   AND gone.emoji = kept.emoji RETURNING gone.thread_id",
        pair,
    )
    run(
        "UPDATE discussion_thread AS thread SET emoji_counts ="
        "  (SELECT jsonb_object_agg(emoji, times) FROM"
        "    (SELECT emoji, count(*) AS times FROM discussion_emojireaction"
        "      WHERE thread_id = thread.id GROUP BY emoji) AS counted)"
        " WHERE id = ANY(%(threads)s)",
        pair,
        threads=[thread_id for (thread_id,) in rows],
    )
