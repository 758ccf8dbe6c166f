"""Likes and other reactions of posts and tasks. No method of the cloud tells of them; a boxed portal's dump
and another Korobka do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from box.core.accounts.models import User
from box.core.discussion.actions import give_emoji, react
from box.core.discussion.models import Thread
from box.lib.emoji import is_emoji
from box.transfer.ledger import Ledger
from box.transfer.stages.base import ids_in, part_of

LIKE, DISLIKE = 1, -1
# By the portal's word, as its table of votes has it.
_WORDS: dict[str, int | str] = {
    "like": LIKE,
    "dislike": DISLIKE,
    "kiss": "\N{SMILING FACE WITH SMILING EYES AND THREE HEARTS}",
    "laugh": "\N{FACE WITH TEARS OF JOY}",
    "wonder": "\N{ASTONISHED FACE}",
    "cry": "\N{CRYING FACE}",
    "angry": "\N{ANGRY FACE}",
    "facepalm": "\N{FACE PALM}",
    "admire": "\N{GRINNING FACE WITH STAR EYES}",
}


def take_over_reactions(work: Ledger, kind: str, theirs: str, told: Any, thread: Thread) -> None:
    """`told` is by the portal's word for it, or by an emoji, who has reacted so; a word that nobody knows
    likes."""
    if not isinstance(told, dict):
        return
    ours = work.all_ours("person", {one for ids in told.values() for one in ids_in(ids)})
    people = User.objects.in_bulk(ours.values())
    given = (
        (people[ours[one]], _WORDS.get(word, word if is_emoji(word) else LIKE))
        for word, ids in told.items()
        for one in ids_in(ids)
        if ours.get(one) in people
    )
    give(work, kind, theirs, given, thread)


def give(
    work: Ledger, kind: str, theirs: object, given: Iterable[tuple[User, int | str]], thread: Thread
) -> None:
    """Each a person with whether they like it or not, or an emoji. Twice is the same as once."""
    for person, reaction in given:
        with part_of(work, kind, theirs):
            if isinstance(reaction, int):
                react(thread, reaction, by=person)
            else:
                give_emoji(thread, reaction, True, by=person)
