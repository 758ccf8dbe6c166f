"""Who sees a task follows from who is in it, its project, and who leads those in it."""

from __future__ import annotations

from collections import defaultdict
from itertools import batched
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from box.apps.tasks.access import audience_of
from box.apps.tasks.events import AudiencesChanged
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import Participant, Task, TaskFile
from box.core.discussion.actions import files_below
from box.core.events.outbox import emit
from box.core.fields.values import share_parts
from box.core.files.actions import change_audience

if TYPE_CHECKING:
    from collections.abc import Iterable

BATCH = 500


def renew_audience(task: Task) -> None:
    """Within a transaction that holds the task: as its columns are now. Its files follow."""
    participants = Participant.objects.filter(task=task.pk).values_list("user", flat=True)
    codes = audience_of(task, participants)
    if codes == task.audience:
        return
    task.audience = codes
    task.save(update_fields=["audience"])
    change_audience([*_files_of([task.pk]), *files_below(task.thread_id)], audience=codes)
    share_parts(TASK_FIELDS, [task.pk], audience=codes)
    emit(AudiencesChanged(task_ids=(task.pk,)))


def renew_audiences_of(user_ids: Iterable[int]) -> None:
    """Of everything that these people are in: they belong elsewhere now, or those who lead them do."""
    ids = set(user_ids)
    within = Participant.objects.filter(user__in=ids).values("task")
    _renew(Q(responsible__in=ids) | Q(created_by__in=ids) | Q(pk__in=within))


def renew_audiences_in(project_id: int) -> None:
    """Of a whole project, which has become secret, or is so no more."""
    _renew(Q(project=project_id))


def _renew(which: Q) -> None:
    ids = Task.objects.filter(which).order_by("pk").values_list("pk", flat=True)
    for some in batched(list(ids), BATCH, strict=False):
        with transaction.atomic():
            rows = Task.objects.filter(pk__in=some).select_related("project").order_by("pk")
            for task in rows.select_for_update(of=("self",), no_key=True):
                renew_audience(task)


def _files_of(task_ids: Iterable[int]) -> list[int]:
    return list(TaskFile.objects.filter(task__in=task_ids).values_list("file", flat=True))


def participants_of(task_ids: Iterable[int]) -> dict[int, list[Participant]]:
    """By task, the people by name."""
    found: dict[int, list[Participant]] = defaultdict(list)
    rows = Participant.objects.filter(task__in=list(task_ids)).select_related("user")
    for one in rows.order_by("user__sort_name", "id"):
        found[one.task_id].append(one)
    return found
