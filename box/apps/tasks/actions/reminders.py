"""When somebody wants to hear of a task again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.tasks.actions.locking import locked
from box.apps.tasks.models import OPEN, Task
from box.apps.tasks.notices import REMINDER
from box.core.notify.reminders import set_own_reminder, set_reminders
from box.lib.moments import refuse_distant

if TYPE_CHECKING:
    from box.core.accounts.models import User


@transaction.atomic
def choose_reminder(task: Task, at: datetime | None, *, by: User) -> None:
    """Whoever sees the task is told of it at a moment of their own; None: not at all. What is over reminds
    nobody. Raises ValidationError, Gone."""
    task = locked(task)
    refuse_distant(at)
    if at is not None and (at <= timezone.now() or not task.is_open):
        raise ValidationError(_("Choose a moment that is to come, of a task that is not over."), code="at")
    set_own_reminder(task.ref, REMINDER, by, at)


def forget_reminders(task_ids: Iterable[int]) -> None:
    """Of those of these that are over."""
    for task in Task.objects.filter(pk__in=task_ids).exclude(OPEN):
        set_reminders(task.ref, REMINDER, {})
