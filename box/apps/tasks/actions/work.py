"""Work that other rooms give, which is a task here and has its deadline in both places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.tasks.actions.locking import Gone
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task
from box.apps.tasks.models import Task
from box.core.registry.capabilities import Workshop, cards_of

if TYPE_CHECKING:
    from datetime import datetime

    from box.core.accounts.models import User
    from box.core.registry.capabilities import Ref, Work


def give_work(work: Work, by: User) -> Ref:
    draft = TaskDraft(
        title=work.title, text=work.text, responsible=work.responsible, deadline_at=work.deadline_at,
        related=tuple(cards_of([work.about] if work.about else [], by)),
    )  # fmt: skip
    return add_task(draft, by=by).ref


def _deadline(pk: int) -> datetime | None:
    return Task.objects.there().filter(pk=pk).values_list("deadline_at", flat=True).first()


def _move(pk: int, deadline: datetime, by: User) -> None:
    task = Task.objects.there().filter(pk=pk).first()
    if task is None:
        raise Gone
    change_task(task, {"deadline_at": deadline}, by=by)


WORKSHOP = Workshop(give_work, _deadline, _move)
