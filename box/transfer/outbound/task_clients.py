"""Which clients a task is about: said once both are there.

Source: https://apidocs.bitrix24.com/api-reference/tasks/fields.html: UF_CRM_TASK.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, override

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.models.types import ANY_RECORD
from box.apps.tasks.models import KIND, Task
from box.core.relations.models import Relation
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.crm import records_in
from box.transfer.archive.export.tasks import tasks_in
from box.transfer.outbound.base import OutboundStage, OutboundWork, There, Write, stays
from box.transfer.stages.own_fields import LETTERS


class Clients(records.Record, kw_only=True):
    """Of the task with this number."""

    clients: records.Ids


class TaskClients(OutboundStage[Clients]):
    """What a task has lost since an earlier pass it keeps there."""

    key = "task-clients"
    label = gettext_lazy("Clients of tasks")
    kind = "task-clients"
    scope = "task"
    needs = ("tasks", "companies", "contacts", "leads", "deals")
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[Clients]:
        rows = _rows(scope).order_by("end", "beside").iterator()
        for pk, some in groupby(rows, key=lambda row: row["end"]):
            yield Clients(id=pk, clients=[row["beside"] for row in some])

    @override
    def count(self, scope: Scope) -> int:
        return _rows(scope).order_by().values("end").distinct().count()

    @override
    def write(self, work: OutboundWork, record: Clients) -> Write | None:
        raise stays(_("The task itself is not there."))

    @override
    def find(self, work: OutboundWork, sought: Sequence[Clients]) -> Mapping[int, str]:
        return work.all_theirs("task", [one.id for one in sought])

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[Clients]]) -> None:
        codes = _codes(work, {pk for one in there for pk in one.record.clients})
        tasks = Task.objects.in_bulk([one.record.id for one in there])
        writes = []
        for one in there:
            told = [codes[pk] for pk in one.record.clients if pk in codes]
            task = tasks.get(one.record.id)
            if told and task is not None:
                given = {"taskId": one.theirs, "fields": {"UF_CRM_TASK": told}}
                write = Write("tasks.task.update", given, by=task.created_by_id, at=task.created_at)
                writes.append((task.pk, write))
        work.write_all(self.kind, writes)


def _codes(work: OutboundWork, ours: set[int]) -> dict[int, str]:
    """Of those that are there: `D_5` is a deal."""
    return {
        pk: f"{letters}_{theirs}"
        for letters, slug in LETTERS.items()
        for pk, theirs in work.all_theirs(slug, ours).items()
    }


def _rows(scope: Scope) -> QuerySet[Any, Any]:
    """A task and a client, both of which go."""
    tasks, clients = (rows.order_by().values("pk") for rows in (tasks_in(scope), records_in(scope)))
    return Relation.objects.across(KIND, tasks, ANY_RECORD).filter(beside__in=clients)
