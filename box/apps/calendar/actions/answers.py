"""What those who were invited answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.calendar.events import EventAnswered
from box.apps.calendar.models import Attendance
from box.core.events.outbox import emit
from box.core.registry.origin import moment
from box.lib.moments import refuse_distant

if TYPE_CHECKING:
    from box.apps.calendar.models import Event
    from box.core.accounts.models import User

Answer = Attendance.Answer


@transaction.atomic
def answer_event(
    event: Event, answer: str, *, by: User, comment: str = "", proposed_at: datetime | None = None
) -> None:
    """Of a series for all its times. Only who does not come proposes another time."""
    attendance = event.attendances.select_for_update().filter(user=by).first()
    if attendance is None:
        raise ValidationError(_("You are not invited any more: reload the page."), code="invited")
    if answer not in (Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED):
        raise ValidationError(_("Answer with yes, no or maybe."), code="answer")
    refuse_distant(proposed_at)
    attendance.answer = answer
    attendance.comment = " ".join(comment.split())[:300]
    attendance.proposed_at = proposed_at if answer == Answer.DECLINED else None
    attendance.answered_at = moment()
    attendance.save(update_fields=["answer", "comment", "proposed_at", "answered_at"])
    emit(EventAnswered(event_id=event.pk, user_id=by.pk, answer=answer))
