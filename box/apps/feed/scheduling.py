"""Every write to posts that wait for their moment."""

from __future__ import annotations

import logging
import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.apps.feed.actions import Draft, checked, publish_post
from box.apps.feed.models import SCHEDULED, Post, ScheduledFile, ScheduledPost
from box.apps.feed.notices import UNPUBLISHED
from box.apps.feed.polls import Question, answers_of
from box.core.accounts.models import User
from box.core.files.actions import NotYours
from box.core.files.models import File
from box.core.notify.actions import notify
from box.core.registry.capabilities import Ref
from box.core.registry.company import LANGUAGE, TIME_ZONE

log = logging.getLogger(__name__)

MOST_WAITING = 100
LATEST = timedelta(days=366)


@transaction.atomic
def schedule_post(draft: Draft, publish_at: datetime, *, by: User, now: datetime) -> ScheduledPost:
    """Keeps it until then. What would be refused is refused now, and checked again when it is due."""
    if ScheduledPost.objects.filter(author=by).count() >= MOST_WAITING:
        raise ValidationError(
            _("%(most)s of your posts wait already: publish or delete one of them.") % {"most": MOST_WAITING}
        )
    row = ScheduledPost(author=by)
    _fill(row, draft, publish_at, now=now)
    row.save()
    _take_files(row, draft.file_ids)
    return row


@transaction.atomic
def change_scheduled(
    row: ScheduledPost, draft: Draft, publish_at: datetime, *, by: User, now: datetime
) -> None:
    """Another text, audience or moment; its files and its poll stay. What could not be published waits anew.

    Raises ScheduledPost.DoesNotExist if it was published meanwhile.
    """
    row = ScheduledPost.objects.select_for_update().get(pk=row.pk, author=by)
    kept = draft_of_scheduled(row)
    _fill(
        row,
        Draft(
            draft.text,
            draft.audience,
            kept.file_ids,
            draft.html,
            kept.question,
            kept.is_announcement,
            kept.read_by_on,
        ),
        publish_at,
        now=now,
    )
    row.problem = ""
    row.save()


@transaction.atomic
def cancel_scheduled(row: ScheduledPost, *, by: User) -> None:
    ScheduledPost.objects.filter(pk=row.pk, author=by).delete()


@transaction.atomic
def publish_now(row: ScheduledPost, *, by: User) -> Post:
    """Before its moment. Raises ScheduledPost.DoesNotExist if it was published meanwhile."""
    row = ScheduledPost.objects.select_for_update().get(pk=row.pk, author=by)
    return _publish(row)


def publish_due(now: datetime) -> int:
    """Publishes what is due, and returns how many posts that made.

    Each in a transaction of its own, which makes the post and takes the row away: killed anywhere, it is
    either published or still waiting. Two that run at once pass over each other's rows.
    """
    due = ScheduledPost.objects.filter(publish_at__lte=now, problem="").order_by("publish_at", "id")
    return sum(_publish_if_due(pk, now) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _publish_if_due(pk: int, now: datetime) -> bool:
    waiting = ScheduledPost.objects.select_for_update(skip_locked=True, of=("self",))
    row = waiting.filter(pk=pk, publish_at__lte=now, problem="").select_related("author").first()
    if row is None:
        return False
    author = row.author
    zone = zoneinfo.ZoneInfo(author.time_zone or TIME_ZONE.value)
    with translation.override(author.language or LANGUAGE.value), timezone.override(zone):
        try:
            with transaction.atomic():
                if not author.is_active:
                    raise PermissionDenied(_("Its author may not sign in."))
                _publish(row)
        except (ValidationError, PermissionDenied) as error:
            problem = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # Those that are due after it would wait behind it for ever.
            log.exception("The scheduled post %s broke off.", pk)
            problem = _("It broke off because of an error: tell an administrator.")
        else:
            return True
        ScheduledPost.objects.filter(pk=pk).update(problem=problem)
        key = f"unpublished:{pk}:{row.publish_at.isoformat()}"
        notify(author, UNPUBLISHED, about=Ref(SCHEDULED, pk), key=key)
    return False


def _publish(row: ScheduledPost) -> Post:
    draft = draft_of_scheduled(row)
    row.delete()
    return publish_post(draft, by=row.author)


def draft_of_scheduled(row: ScheduledPost) -> Draft:
    """The post to be, as it was sent."""
    files = tuple(row.file_links.values_list("file", flat=True))
    return Draft(
        text=row.text,
        audience=tuple(row.audience),
        file_ids=files,
        html=row.html,
        question=_question_of(row.question) if row.question else None,
        is_announcement=row.is_announcement,
        read_by_on=row.read_by_on,
    )


def _fill(row: ScheduledPost, draft: Draft, publish_at: datetime, *, now: datetime) -> None:
    if publish_at <= now:
        raise ValidationError(_("That moment is over: choose a later one."), code="publish_at")
    if publish_at > now + LATEST:
        raise ValidationError(_("Choose a moment within a year."), code="publish_at")
    if draft.question:
        answers_of(draft.question, now=now)
    if draft.question and draft.question.closes_at and draft.question.closes_at <= publish_at:
        raise ValidationError(_("The poll would be over before the post is published."), code="closes_at")
    rich = checked(draft, by=row.author)
    row.publish_at, row.text, row.html = publish_at, rich.text, rich.html
    row.audience = list(draft.audience)
    row.question = _plain(draft.question) if draft.question else None
    row.is_announcement, row.read_by_on = draft.is_announcement, draft.read_by_on


def _take_files(row: ScheduledPost, file_ids: Sequence[int]) -> None:
    own = set(
        File.objects.owned_by(row.author).unattached().filter(pk__in=file_ids).values_list("pk", flat=True)
    )
    ids = list(dict.fromkeys(file_ids))
    if own != set(ids):
        raise NotYours
    ScheduledFile.objects.bulk_create(
        ScheduledFile(post=row, file_id=pk, position=position) for position, pk in enumerate(ids)
    )


def _plain(question: Question) -> dict[str, Any]:
    closes_at = question.closes_at.isoformat() if question.closes_at else None
    return {
        "options": list(question.options),
        "is_multiple": question.is_multiple,
        "is_anonymous": question.is_anonymous,
        "closes_at": closes_at,
    }


def _question_of(plain: Mapping[str, Any]) -> Question:
    closes_at = plain["closes_at"]
    return Question(
        tuple(plain["options"]),
        plain["is_multiple"],
        plain["is_anonymous"],
        datetime.fromisoformat(closes_at) if closes_at else None,
    )
