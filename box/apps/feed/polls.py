"""Every write to polls."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.feed.events import Voted
from box.apps.feed.models import Ballot, Poll, PollOption, Post
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.lib.moments import refuse_distant

MOST_OPTIONS = 20
LONGEST_OPTION = 200


@dataclass(frozen=True)
class Question:
    """A poll to be."""

    options: tuple[str, ...]
    is_multiple: bool = False
    is_anonymous: bool = False
    closes_at: datetime | None = None


def answers_of(question: Question, *, now: datetime) -> tuple[str, ...]:
    """Clean, each once. Raises ValidationError for what cannot be voted on."""
    options = tuple(
        dict.fromkeys(filter(None, (one.replace("\x00", "").strip() for one in question.options)))
    )
    if not 2 <= len(options) <= MOST_OPTIONS:
        raise ValidationError(
            _("A poll has 2 to %(most)s different answers, one a line.") % {"most": MOST_OPTIONS},
            code="options",
        )
    if any(len(one) > LONGEST_OPTION for one in options):
        raise ValidationError(
            _("An answer of a poll has at most %(most)s characters.") % {"most": LONGEST_OPTION},
            code="options",
        )
    refuse_distant(question.closes_at)
    if question.closes_at and question.closes_at <= now:
        raise ValidationError(_("The poll would be over already: choose a later moment."), code="closes_at")
    return options


def open_poll(post: Post, question: Question, *, now: datetime) -> Poll:
    """In the transaction that makes the post. Raises what `answers_of` does."""
    options = answers_of(question, now=now)
    poll = Poll.objects.create(
        post=post,
        is_multiple=question.is_multiple,
        is_anonymous=question.is_anonymous,
        closes_at=question.closes_at,
    )
    PollOption.objects.bulk_create(
        PollOption(poll=poll, position=position, text=text) for position, text in enumerate(options)
    )
    return poll


@transaction.atomic
def vote(post: Post, option_ids: Collection[int], *, by: User, now: datetime | None = None) -> None:
    """Votes; in an open poll also anew. An anonymous vote is for good: nothing knows what to take back."""
    # The poll's row is locked first, so that its numbers and its ballots change together.
    poll = Poll.objects.select_for_update().get(pk=post.pk)
    chosen = sorted(set(option_ids))
    known = set(poll.options.values_list("pk", flat=True))
    if poll.is_closed(now or timezone.now()):
        raise ValidationError(_("This poll is over."), code="closed")
    if not chosen or not known.issuperset(chosen) or (len(chosen) > 1 and not poll.is_multiple):
        raise ValidationError(_("Choose one of the answers."), code="options")
    before = Ballot.objects.filter(poll=poll, user=by).first()
    if before and poll.is_anonymous:
        raise ValidationError(_("You have voted already: an anonymous vote stays as it is."), code="voted")
    if before:
        poll.options.filter(pk__in=before.chosen).update(votes_count=F("votes_count") - 1)
    else:
        Poll.objects.filter(pk=poll.pk).update(voters_count=F("voters_count") + 1)
    poll.options.filter(pk__in=chosen).update(votes_count=F("votes_count") + 1)
    kept = [] if poll.is_anonymous else chosen
    Ballot.objects.update_or_create(poll=poll, user=by, defaults={"chosen": kept})
    emit(Voted(post_id=post.pk, by_id=by.pk))


@transaction.atomic
def take_over_counts(post: Post, counts: Mapping[int, int], voters: Collection[User]) -> None:
    """How an anonymous poll stood where it is taken over from: by the ids of its answers how many chose them,
    and who has voted. Nobody can say any more who chose what. Raises ValidationError."""
    poll = Poll.objects.select_for_update().get(pk=post.pk)
    most = len(voters)
    if not poll.is_anonymous or any(not 0 <= count <= most for count in counts.values()):
        raise ValidationError(_("More people have chosen an answer than have voted."), code="counts")
    for pk, count in counts.items():
        poll.options.filter(pk=pk).update(votes_count=count)
    Ballot.objects.bulk_create([Ballot(poll=poll, user=one) for one in voters], ignore_conflicts=True)
    Poll.objects.filter(pk=poll.pk).update(voters_count=poll.ballots.count())
