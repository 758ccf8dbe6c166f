"""Tasks out of an archive, and afterwards what they wait for and what they are parts of."""

from __future__ import annotations

from datetime import datetime
from typing import override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.actions.checklists import add_items, assign_item, check_item, date_item
from box.apps.tasks.actions.checks import LONGEST_TITLE, MOST_PARTICIPANTS
from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.states import take_over_state
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task
from box.apps.tasks.actions.time import add_time
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import LONGEST_ITEM, LONGEST_NOTE, Task
from box.apps.tasks.models.tasks import MOST_TAGS
from box.apps.tasks.states import State
from box.core.groups.models import Group
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.registry.origin import importing
from box.lib.rich_text import LONGEST_TAG
from box.transfer.archive import records
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork, bring_reactions, everybody
from box.transfer.archive.stages.own_fields import files_of_values, own_values
from box.transfer.ledger import Extra, Row
from box.transfer.stages.base import line, part_of


class Tasks(ArchiveStage[records.Task]):
    key = "tasks"
    label = gettext_lazy("Tasks")
    kind = "task"
    needs = ("people", "groups", "fields")

    @override
    def files_in(self, record: records.Task) -> list[tuple[str, str, records.Blob]]:
        return [*super().files_in(record), *files_of_values(record.own)]

    @override
    def bring(self, work: ArchiveWork, record: records.Task, extra: Extra) -> int:
        theirs = str(record.id)
        by = work.author(self.kind, theirs, record.created_by)
        files = work.files_of(self.kind, theirs, extra, by=by)
        attached = [files[str(one.id)].pk for one in record.files if str(one.id) in files]
        helping, watching = (tuple(work.people(ids)) for ids in (record.accomplices, record.observers))
        starts, ends = record.starts_at, record.ends_at
        draft = TaskDraft(
            title=line(record.title, LONGEST_TITLE) or _("Task %(id)s") % {"id": theirs},
            responsible=work.author(self.kind, theirs, record.responsible),
            html=work.html(record.html, files),
            accomplice_ids=helping[:MOST_PARTICIPANTS],
            observer_ids=watching[: max(0, MOST_PARTICIPANTS - len(helping))],
            deadline_at=record.deadline_at,
            starts_at=starts,
            ends_at=ends if not (starts and ends) or ends >= starts else None,
            estimate_minutes=record.estimate_minutes,
            priority=record.priority,
            tags=tuple(one[:LONGEST_TAG] for one in record.tags if one)[:MOST_TAGS],
            project=Group.objects.filter(pk=work.ours("group", record.group or 0)).first(),
            needs_acceptance=record.needs_acceptance,
            may_move_deadline=record.may_move_deadline,
            external_id=line(record.external_id, LONGEST_EXTERNAL_ID),
            file_ids=tuple(attached),
            fields=own_values(work, self.kind, TASK_FIELDS.key, record, files),
        )
        task = add_task(draft, by=by)
        self.took(work, record, task.pk, html=task.html)
        for item in record.items:
            with part_of(work, self.kind, theirs):
                self._check_off(work, task, item)
        for spent in record.time:
            with part_of(work, self.kind, theirs):
                self._write_time(work, task, spent)
        bring_reactions(work, self.kind, record.id, record.reactions, task.thread)
        self._set_state(work, record, task)
        return task.pk

    def _check_off(self, work: ArchiveWork, task: Task, told: records.Item) -> None:
        (item,) = add_items(task, line(told.text, LONGEST_ITEM) or "…", by=task.created_by)
        for person in work.active([told.assignee] if told.assignee else []):
            assign_item(item, person, by=task.created_by)
        if told.due_on:
            date_item(item, told.due_on, by=task.created_by)
        if told.done_at:
            with importing(at=told.done_at):
                check_item(item, True, by=work.person(told.done_by))

    def _write_time(self, work: ArchiveWork, task: Task, told: records.Spent) -> None:
        if told.seconds:
            with importing(at=told.started_at):
                person = work.author("task", str(task.pk), told.person)
                note = line(told.note, LONGEST_NOTE)
                add_time(task, 1, on=told.started_at.date(), seconds=told.seconds, note=note, by=person)

    def _set_state(self, work: ArchiveWork, record: records.Task, task: Task) -> None:
        if record.state not in State.values:
            raise ValidationError(_("“%(state)s” is no state of a task.") % {"state": record.state[:40]})
        known = everybody(work, [record.closed_by] if record.closed_by else [])
        with importing(at=record.state_since):
            take_over_state(task, State(record.state), by=known[0] if known else task.responsible)


class TaskLinks(ArchiveStage[records.Task]):
    """Tasks once more, when all are here: a part may be older than what it became a part of."""

    key = "tasklinks"
    label = gettext_lazy("Parts and order of tasks")
    kind = "task-link"
    needs = ("tasks",)

    @property
    @override
    def file(self) -> str:
        return "tasks"

    @override
    def fetch(self, work: ArchiveWork, rows: object) -> Extra:
        return Extra()

    @override
    def moment_of(self, row: Row) -> datetime:
        changed: datetime = row["record"].state_since
        return changed

    @override
    def bring(self, work: ArchiveWork, record: records.Task, extra: Extra) -> int:
        tasks = Task.objects.there().select_related("created_by")
        task = tasks.filter(pk=work.ours("task", record.id)).first()
        if task is None:
            return 0
        above = tasks.filter(pk=work.ours("task", record.parent or 0)).first()
        if above is not None:
            with part_of(work, "task", record.id):
                task = change_task(task, {"parent": above}, by=task.created_by)
        for told in record.waits_for:
            before = tasks.filter(pk=work.ours("task", told.task)).first()
            if before is not None:
                with part_of(work, "task", record.id):
                    add_dependency(before, task, told.kind, told.lag_minutes, by=task.created_by)
        self.took(work, record, task.pk, is_new=False)
        return task.pk
