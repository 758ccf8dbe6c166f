"""What no field of Bitrix24 holds of a task, for the box that it moves into."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from box.apps.tasks.models import KIND, Dependency, Task
from box.core.discussion.reactions import reactions_to
from box.core.relations.models import Relation
from box.core.relations.relatable import codes_of_programs

Kind = Dependency.Kind
LINK_TYPES = {0: Kind.START_START, 1: Kind.START_FINISH, 2: Kind.FINISH_START, 3: Kind.FINISH_FINISH}
"""https://apidocs.bitrix24.com/api-reference/tasks/task-dependence-add.html: linkType"""
_NUMBERS = {kind: str(number) for number, kind in LINK_TYPES.items()}


def linked(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Of each what it waits for, with how many minutes lie between, what it is related to, but for clients,
    which stand in `ufCrmTask`, and who has reacted to it. Four queries a page."""
    ids = [task.pk for task in tasks]
    waits: dict[int, list[dict[str, str]]] = defaultdict(list)
    for row in Dependency.objects.filter(after__in=ids).order_by("id"):
        told = {"task": str(row.before_id), "kind": _NUMBERS[Kind(row.kind)]}
        waits[row.after_id].append({**told, "lagMinutes": str(row.lag_minutes)})
    reactions = reactions_to([task.thread_id for task in tasks])
    related = _related(ids)
    return [
        {
            "waitsFor": waits[task.pk],
            "related": related[task.pk],
            "reactions": {
                what: [str(one) for one in people] for what, people in reactions[task.thread_id].items()
            },
        }
        for task in tasks
    ]


def _related(ids: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = defaultdict(list)
    clients = {codes.kind for codes in codes_of_programs}
    of_these = Q(kind=KIND, object_id__in=ids) | Q(other_kind=KIND, other_id__in=ids)
    for row in Relation.objects.filter(of_these).order_by("id"):
        ends = ((row.kind, row.object_id), (row.other_kind, row.other_id))
        for (kind, pk), (beside, other) in (ends, ends[::-1]):
            if kind == KIND and pk in ids and beside not in clients:
                found[pk].append({"kind": beside, "id": str(other)})
    return found
