"""What tasks are parts of, wait for and belong to: once more through all of them, when all else is here.

A part may be older than what it became a part of, and a client comes behind the task that is about it. The
cloud tells of parts and of clients; a boxed portal's dump and another Korobka also of what a task waits for
and of what else belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.models import KIND as EVENT
from box.apps.crm.models.types import ANY_RECORD
from box.apps.feed.models import KIND as POST
from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.tasks import change_task
from box.apps.tasks.models import KIND, Dependency, Task
from box.core.registry.capabilities import Ref
from box.core.relations.actions import relate
from box.core.relations.belongings import PERSON_KIND
from box.lib.numbers import whole_number
from box.transfer.ledger import Extra, Row, digest_of
from box.transfer.stages.base import Page, Stage, Work, ids_in, moment_in, part_of
from box.transfer.stages.tasks import COMMENT

# Source: https://apidocs.bitrix24.com/api-reference/tasks/fields.html, and of kinds of waiting
# https://apidocs.bitrix24.com/api-reference/tasks/task-dependence-add.html
_SELECT = ("ID", "PARENT_ID", "CREATED_DATE", "UF_CRM_TASK")
_NAMES = ("id", "parentId", "createdDate", "ufCrmTask", "waitsFor", "related")
_LINKS = ("ufCrmTask", "waitsFor", "related")
_CLIENTS = {"L": "lead", "D": "deal", "C": "contact", "CO": "company"}
# By a kind of things here what its like is called in the map of ids.
_RELATED = {
    KIND: "task",
    POST: "post",
    "feed.comment": "comment",
    "tasks.comment": COMMENT,
    EVENT: "event",
    PERSON_KIND: "person",
}
_KINDS = {
    "0": Dependency.Kind.START_START,
    "1": Dependency.Kind.START_FINISH,
    "2": Dependency.Kind.FINISH_START,
    "3": Dependency.Kind.FINISH_FINISH,
}


class TaskLinks(Stage):
    key = "tasklinks"
    label = gettext_lazy("Parts, order and clients of tasks")
    kind = "task-link"
    needs = ("tasks",)
    id_name = "id"

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        walk = work.cloud.walk("tasks.task.list", after=after, named="id", of="tasks", select=list(_SELECT))
        for rows in walk:
            told = ({name: row.get(name) for name in _NAMES} for row in rows)
            yield Page([row for row in told if _is_linked(row)], {"after": int(rows[-1]["id"])})

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("createdDate"))

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        task = _task(work, theirs)
        if task is None:
            raise ValidationError(_("The task itself has not come."), code="refused")
        above = _task(work, next(iter(ids_in(row.get("parentId"))), "0"))
        if above is not None and above.pk not in (task.pk, task.parent_id):
            with part_of(work, self.kind, theirs):
                task = change_task(task, {"parent": above}, by=task.created_by)
        for told in _several(row.get("waitsFor")):
            if (before := _task(work, told.get("task"))) is not None:
                kind = _KINDS.get(str(told.get("kind")), Dependency.Kind.FINISH_START)
                with part_of(work, self.kind, theirs):
                    add_dependency(before, task, kind, _minutes(told), by=task.created_by)
        if refs := [*_clients(work, row), *_related(work, row)]:
            with part_of(work, self.kind, theirs):
                relate(task.ref, refs, by=task.created_by)
        work.took(self.kind, theirs, task.pk, digest=digest_of(row), is_new=False)
        return task.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        """What is there by now is linked, too; what was linked here stays so."""
        self.take(work, row, extra)


def _is_linked(row: Row) -> bool:
    return bool(ids_in(row["parentId"]) or any(row[name] for name in _LINKS))


def _task(work: Work, theirs: Any) -> Task | None:
    """Here, where it has come."""
    tasks = Task.objects.there().select_related("created_by")
    return tasks.filter(pk=work.ours("task", theirs or "0")).first()


def _several(told: Any) -> list[Row]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _minutes(told: Row) -> int:
    """Between the two, where they do not follow at once; less than none where they overlap."""
    text = str(told.get("lagMinutes") or "0")
    return (whole_number(text.removeprefix("-")) or 0) * (-1 if text.startswith("-") else 1)


def _clients(work: Work, row: Row) -> Iterator[Ref]:
    """Of those that have come: `D_5` is a deal there. A company's own entities do not come."""
    told = row.get("ufCrmTask")
    for code in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        letters, _sign, number = str(code).partition("_")
        if letters in _CLIENTS and whole_number(number) and (ours := work.ours(_CLIENTS[letters], number)):
            yield Ref(ANY_RECORD, ours)


def _related(work: Work, row: Row) -> Iterator[Ref]:
    for told in _several(row.get("related")):
        kind = str(told.get("kind"))
        if kind in _RELATED and (ours := work.ours(_RELATED[kind], told.get("id") or "0")):
            yield Ref(kind, ours)
