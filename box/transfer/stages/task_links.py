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
from box.apps.tasks.actions.dependencies import add_dependency, remove_dependency
from box.apps.tasks.actions.tasks import change_task
from box.apps.tasks.models import KIND, Dependency, Task
from box.core.registry.capabilities import Ref
from box.core.relations.actions import relate, unrelate
from box.core.relations.belongings import PERSON_KIND
from box.core.relations.models import Relation
from box.lib.numbers import whole_number
from box.transfer.ledger import Extra, Row, digest_of
from box.transfer.models import MOST_ID, Identity
from box.transfer.stages.base import Page, Stage, Work, ids_in, moment_in, part_of
from box.transfer.stages.own_fields import LETTERS
from box.transfer.stages.tasks import COMMENT

# Source: https://apidocs.bitrix24.com/api-reference/tasks/fields.html, and of kinds of waiting
# https://apidocs.bitrix24.com/api-reference/tasks/task-dependence-add.html
_SELECT = ("ID", "PARENT_ID", "CREATED_DATE", "UF_CRM_TASK")
_NAMES = ("id", "parentId", "createdDate", "ufCrmTask", "waitsFor", "related")
_LINKS = ("ufCrmTask", "waitsFor", "related")
TIE = "task-tie"
"""A link that has come, by its task, the portal's name for its kind, and what is at its other end."""
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
            told = [{name: row.get(name) for name in _NAMES} for row in rows]
            # One of which all links were taken away has to be looked at once more.
            known = work.known(self.kind, [self.id_of(row) for row in told])
            linked = [row for row in told if _is_linked(row) or self.id_of(row) in known]
            yield Page(linked, {"after": int(rows[-1]["id"])})

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
        ties = _ties(row)
        with part_of(work, self.kind, theirs):
            _cut(work, row, ties, task)
        for tie, told in ties.items():
            with part_of(work, self.kind, theirs):
                _bind(work, tie, told, task)
        work.took(self.kind, theirs, task.pk, digest=digest_of(row), is_new=False)
        return task.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        """What is there by now is linked, too, and what came linked is not any more where it is not there;
        what was linked here stays so."""
        self.take(work, row, extra)


def _is_linked(row: Row) -> bool:
    return bool(ids_in(row["parentId"]) or any(row[name] for name in _LINKS))


def _task(work: Work, theirs: Any) -> Task | None:
    """Here, where it has come."""
    tasks = Task.objects.there().select_related("created_by")
    return tasks.filter(pk=work.ours("task", theirs or "0")).first()


def _several(told: Any) -> list[Row]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _ties(row: Row) -> dict[str, Any]:
    """By a key that stays the same what the portal tells of each link of a task."""
    clients = row.get("ufCrmTask")
    codes = clients.values() if isinstance(clients, dict) else clients if isinstance(clients, list) else ()
    return {
        **{_key(row, "waitsFor", told.get("task")): told for told in _several(row.get("waitsFor"))},
        **{_key(row, "ufCrmTask", code): str(code) for code in codes},
        **{
            _key(row, "related", f"{told.get('kind')}:{told.get('id')}"): told
            for told in _several(row.get("related"))
        },
    }


def _key(row: Row, name: str, of: Any = "") -> str:
    return f"{row['id']}:{name}:{of}"[:MOST_ID]


def _bind(work: Work, key: str, told: Any, task: Task) -> None:
    """Keeps that a link came, where it was not here before."""
    name = key.split(":")[1]
    if name == "waitsFor":
        before = _task(work, told.get("task"))
        if before is None:
            return
        is_new = not Dependency.objects.filter(before=before, after=task).exists()
        kind = _KINDS.get(str(told.get("kind")), Dependency.Kind.FINISH_START)
        made = add_dependency(before, task, kind, _minutes(told), by=task.created_by).pk
    else:
        other = _client(work, told) if name == "ufCrmTask" else _related(work, told)
        if other is None:
            return
        is_new = bool(relate(task.ref, [other], by=task.created_by))
        made = Relation.objects.between(task.ref, other).values_list("pk", flat=True).get()
    if is_new:
        work.took(TIE, key, made, is_new=False)


def _cut(work: Work, row: Row, ties: Mapping[str, Any], task: Task) -> None:
    """What came and is there no more. A portal that does not tell of a kind of links has taken none away."""
    came = Identity.objects.filter(migration=work.migration, kind=TIE)
    for name in _LINKS:
        if row.get(name) is None:
            continue
        for tie in came.filter(theirs__startswith=_key(row, name)).exclude(theirs__in=ties):
            if name == "waitsFor":
                waiting = Dependency.objects.select_related("after", "before").filter(pk=tie.ours, after=task)
                for dependency in waiting:
                    remove_dependency(dependency, by=task.created_by)
            else:
                for relation in Relation.objects.of(task.ref).filter(pk=tie.ours):
                    unrelate(task.ref, relation.end_beside(task.ref), by=task.created_by)
            tie.delete()


def _minutes(told: Row) -> int:
    """Between the two, where they do not follow at once; less than none where they overlap."""
    text = str(told.get("lagMinutes") or "0")
    return (whole_number(text.removeprefix("-")) or 0) * (-1 if text.startswith("-") else 1)


def _client(work: Work, code: str) -> Ref | None:
    """One that has come: `D_5` is a deal there. A company's own entities do not come."""
    letters, _sign, number = code.partition("_")
    ours = work.ours(LETTERS[letters], number) if letters in LETTERS and whole_number(number) else 0
    return Ref(ANY_RECORD, ours) if ours else None


def _related(work: Work, told: Row) -> Ref | None:
    kind = str(told.get("kind"))
    ours = work.ours(_RELATED[kind], told.get("id") or "0") if kind in _RELATED else 0
    return Ref(kind, ours) if ours else None
