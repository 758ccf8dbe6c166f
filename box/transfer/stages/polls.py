"""Polls of posts, with who has chosen what.

Source: https://apidocs.bitrix24.com/api-reference/vote/vote-attachedvote-get-with-voted.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.feed.polls import LONGEST_OPTION, MOST_OPTIONS, Question, take_over_counts, vote
from box.core.accounts.models import User
from box.lib.numbers import whole_number
from box.transfer.cloud import Command
from box.transfer.stages.base import is_yes, line

if TYPE_CHECKING:
    from box.apps.feed.models import Post
    from box.transfer.ledger import Extra, Row
    from box.transfer.stages.base import Work

MOST_VOTERS = 10_000
# The portal's numbers: of questions with several answers, and of polls in which nobody sees who has voted.
SEVERAL = "1"
ANONYMOUS = "2"


@dataclass(frozen=True)
class Told:
    """A question of the portal with its answers by their ids, and by these who has chosen them."""

    question: str
    answers: Mapping[str, str]
    counts: Mapping[str, int]
    voters: Mapping[str, Sequence[str]]
    is_multiple: bool
    is_anonymous: bool
    is_over: bool

    def as_question(self) -> Question:
        return Question(
            options=tuple(self.answers.values()),
            is_multiple=self.is_multiple,
            is_anonymous=self.is_anonymous,
            closes_at=timezone.now() if self.is_over else None,
        )


def attach_id(row: Row) -> str:
    found = row.get("UF_BLOG_POST_VOTE")
    told = str(found.get("VALUE") if isinstance(found, dict) else found or "")
    return told if whole_number(told) else ""


def fetch_polls(work: Work, kind: str, rows: Sequence[Row], extra: Extra) -> None:
    """Into `extra.rows`, by the ids of posts."""
    asked = {str(row["ID"]): attach_id(row) for row in rows if attach_id(row)}
    commands = [
        Command(f"v{theirs}", "vote.AttachedVote.getWithVoted", {"attachId": one, "pageSize": MOST_VOTERS})
        for theirs, one in asked.items()
    ]
    found = work.cloud.each(commands)
    for theirs in asked:
        outcome = found[f"v{theirs}"]
        if outcome.refused is not None:
            said = _("Its poll is not given by the portal (%(why)s): the text came.")
            # A post that has come becomes no poll any more.
            extra.refuse(kind, theirs, said % {"why": outcome.refused}, is_passing=False)
        elif (told := _read(outcome.result)) is not None:
            extra.rows[theirs] = told


def _read(result: Any) -> list[Told] | None:
    attach = result.get("attach") if isinstance(result, dict) else None
    questions = _values(attach.get("QUESTIONS")) if isinstance(attach, dict) else []
    if not isinstance(attach, dict) or not questions:
        return None
    voted = result.get("voted")
    return [_question(attach, one, voted if isinstance(voted, dict) else {}) for one in _sorted(questions)]


def _question(attach: Row, told: Row, voted: Mapping[str, Any]) -> Told:
    answers: dict[str, str] = {}
    counts: dict[str, int] = {}
    for one in _sorted(_values(told.get("ANSWERS")))[:MOST_OPTIONS]:
        theirs, text = str(one.get("ID")), line(one.get("MESSAGE"), LONGEST_OPTION)
        if text and text not in answers.values():
            answers[theirs], counts[theirs] = text, whole_number(str(one.get("COUNTER"))) or 0
    voters = {theirs: [str(one.get("id")) for one in _values(voted.get(theirs))] for theirs in answers}
    return Told(
        line(told.get("QUESTION"), 500),
        answers,
        counts,
        voters,
        is_multiple=str(told.get("FIELD_TYPE")) == SEVERAL,
        is_anonymous=str(attach.get("ANONYMITY")) == ANONYMOUS,
        is_over=is_yes(attach.get("isFinished")),
    )


def bring_votes(work: Work, kind: str, theirs: str, told: Told, post: Post) -> None:
    """Who has chosen what; where nobody says who did, how many did is said beside the post."""
    options = {one.text: one.pk for one in post.poll.options.all()}
    ours = work.all_ours("person", {one for several in told.voters.values() for one in several})
    people = User.objects.in_bulk(ours.values())
    # Somebody who has come may be gone again.
    known = {theirs: pk for theirs, pk in ours.items() if pk in people}
    chosen: dict[int, list[int]] = {}
    for answer, voters in told.voters.items():
        for one in voters:
            if one in known:
                chosen.setdefault(known[one], []).append(options[told.answers[answer]])
    missing = sum(told.counts.values()) - sum(map(len, chosen.values()))
    if told.is_anonymous:
        counts = {options[text]: told.counts[answer] for answer, text in told.answers.items()}
        try:
            with transaction.atomic():
                take_over_counts(post, counts, [people[pk] for pk in chosen])
                return
        except ValidationError:
            missing = sum(told.counts.values())
    else:
        at: datetime = post.created_at
        for pk, ids in chosen.items():
            vote(post, ids if told.is_multiple else ids[:1], by=people[pk], now=at)
    if missing > 0:
        counted = ", ".join(f"{text}: {told.counts[answer]}" for answer, text in told.answers.items())
        said = _("The portal does not say who has chosen what; it counted %(counts)s.")
        work.remark(kind, theirs, said % {"counts": counted})


def _values(told: Any) -> list[Row]:
    several = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return [one for one in several if isinstance(one, dict)]


def _sorted(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda one: (_number(one.get("C_SORT")), _number(one.get("ID"))))


def _number(told: Any) -> int:
    return whole_number(str(told)) or 0
