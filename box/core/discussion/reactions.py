"""Who has reacted to what: for whoever takes it elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from box.core.discussion.models import EmojiReaction, Reaction

LIKE, DISLIKE = "like", "dislike"


def reactions_to(threads: Collection[int]) -> dict[int, dict[str, list[int]]]:
    """By thread, by `like`, `dislike` or an emoji, the people in the order in which they did. Two queries."""
    found: dict[int, dict[str, list[int]]] = defaultdict(dict)
    for row in Reaction.objects.filter(thread__in=threads).order_by("id"):
        found[row.thread_id].setdefault(LIKE if row.value > 0 else DISLIKE, []).append(row.user_id)
    for emoji in EmojiReaction.objects.filter(thread__in=threads).order_by("id"):
        found[emoji.thread_id].setdefault(emoji.emoji, []).append(emoji.user_id)
    return found
