"""Comments, likes and emoji, when people are erased or two accounts become one: each counts once a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from box.core.registry.belongings import MADE, Belongings, Belongs, Deleted, OneEach, Settled, Stays, run

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair


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


BELONGINGS = Belongings(
    _("Discussions"),
    {
        "discussion.Comment.author": Belongs(
            Stays(MADE), said=ngettext_lazy("%(num)s comment", "%(num)s comments", "num")
        ),
        "discussion.Reaction.user": Belongs(Stays(MADE), Settled(_like_once)),
        "discussion.EmojiReaction.user": Belongs(Stays(MADE), Settled(_give_emoji_once)),
        "discussion.Follower.user": Belongs(
            Deleted(),
            OneEach("thread", takes="is_on = kept.is_on OR gone.is_on"),
            said=ngettext_lazy("that they follow %(num)s post", "that they follow %(num)s posts", "num"),
        ),
    },
)
