"""What belongs to a task: whoever works on it says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from box.apps.tasks.access import can_work_on
from box.apps.tasks.actions.locking import Gone, locked, must
from box.apps.tasks.events import TaskRelated
from box.apps.tasks.models import Task
from box.core.events.outbox import emit
from box.core.relations.relatable import Relatable

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.capabilities import Ref


def _can_relate(user: User, pk: int) -> bool:
    task = Task.objects.each_visible_to(user).there().filter(pk=pk).first()
    return task is not None and can_work_on(user, task)


def _check(user: User, pk: int) -> None:
    task = Task.objects.filter(pk=pk).first()
    if task is None:
        raise Gone
    must(can_work_on(user, locked(task)), _("Only whoever works on the task does this."))


def _told(pk: int, others: Sequence[Ref], is_added: bool, by: User) -> None:
    emit(TaskRelated(task_id=pk, by_id=by.pk, others=tuple(map(str, others)), is_added=is_added))


RELATABLE = Relatable(_can_relate, _check, _told)
