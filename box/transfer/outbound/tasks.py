"""Tasks with their checklists, working time, files and comments.

Source: https://apidocs.bitrix24.com/api-reference/tasks/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, override

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.states import State
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.feed import comments
from box.transfer.archive.export.tasks import tasks, tasks_in
from box.transfer.cloud import Command
from box.transfer.outbound.base import OutboundStage, OutboundWork, There, Write, rows_in, same, stays
from box.transfer.outbound.disk import hung
from box.transfer.outbound.feed import comments_below
from box.transfer.outbound.own_fields import own_values
from box.transfer.stages.own_fields import TASK
from box.transfer.stages.tasks import COMMENT

_STATES: Mapping[str, int] = {
    State.WAITING: 2, State.IN_PROGRESS: 3, State.IN_REVIEW: 4, State.COMPLETED: 5, State.DEFERRED: 6,
}  # fmt: skip


class Tasks(OutboundStage[records.Task]):
    """Each with our number as its XML_ID: so it is found again."""

    key = "tasks"
    label = gettext_lazy("Tasks")
    kind = "task"
    scope = "task"
    needs = ("people", "groups", "task-fields")

    @override
    def things(self, scope: Scope) -> Iterator[records.Task]:
        return tasks(scope)

    @override
    def count(self, scope: Scope) -> int:
        return tasks_in(scope).count()

    @override
    def write(self, work: OutboundWork, record: records.Task) -> Write:
        fields = self._fields(work, record)
        if files := hung(work, self.kind, record.id, record.files):
            fields["UF_TASK_WEBDAV_FILES"] = files
        fields["CREATED_BY"] = work.user(record.created_by)
        return Write("tasks.task.add", {"fields": fields}, by=record.created_by, at=record.created_at)

    def _mark(self, work: OutboundWork, record: records.Task) -> str:
        return f"{work.source}:{record.id}"

    def _fields(self, work: OutboundWork, record: records.Task) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "TITLE": record.title,
            "DESCRIPTION": work.signed(work.text(record.html), record.created_by, record.created_at),
            "RESPONSIBLE_ID": work.user(record.responsible),
            "ACCOMPLICES": work.people(record.accomplices),
            "AUDITORS": work.people(record.observers),
            "PRIORITY": record.priority,
            "TAGS": list(record.tags),
            "TIME_ESTIMATE": (record.estimate_minutes or 0) * 60,
            "TASK_CONTROL": "Y" if record.needs_acceptance else "N",
            "ALLOW_CHANGE_DEADLINE": "Y" if record.may_move_deadline else "N",
            "XML_ID": record.external_id if work.takes_over else self._mark(work, record),
            **own_values(work, TASK, record),
        }
        if record.deadline_at:
            fields["DEADLINE"] = record.deadline_at.isoformat()
        if record.starts_at and record.ends_at:
            # One without the other is refused.
            fields["START_DATE_PLAN"] = record.starts_at.isoformat()
            fields["END_DATE_PLAN"] = record.ends_at.isoformat()
        if record.group:
            group = work.theirs("group", record.group)
            if not group:
                # Without it everybody whom the portal lets see tasks would see this one.
                raise stays(_("The group that it is of is not there."))
            fields["GROUP_ID"] = group
        if parent := work.refer("task", record.parent, "[task][id]"):
            fields["PARENT_ID"] = parent
        return fields

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Task]) -> Mapping[int, str]:
        def ask(one: records.Task) -> Write:
            mark = {"XML_ID": self._mark(work, one)}
            return Write("tasks.task.list", {"filter": mark, "select": ["ID", "XML_ID"]})

        def told(one: records.Task, result: Any) -> list[str]:
            return [
                str(row["id"])
                for row in rows_in(result, "tasks")
                if row.get("xmlId") == self._mark(work, one)
            ]

        return work.look_for(self.kind, sought, ask, told)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.Task]]) -> None:
        work.write_all(self.kind, self._lacking(work, there))
        work.write_all(self.kind, self._changes(work, there))

    def _lacking(self, work: OutboundWork, there: Sequence[There[records.Task]]) -> list[tuple[int, Write]]:
        """Lines of checklists and of time that are here and not there."""
        commands = [
            *(Command(f"i{one.record.id}", "task.checklistitem.getlist", {"TASKID": one.theirs})
              for one in there if one.record.items),
            *(Command(f"t{one.record.id}", "task.elapseditem.getlist", {"TASKID": one.theirs})
              for one in there if one.record.time),
        ]  # fmt: skip
        found = work.cloud.each(commands) if commands else {}
        writes: list[tuple[int, Write]] = []
        for one in there:
            if told := found.get(f"i{one.record.id}"):
                present = Counter(str(row.get("TITLE")) for row in rows_in(told.result))
                writes += [(one.record.id, write) for write in _items(work, one, present)]
            if told := found.get(f"t{one.record.id}"):
                spent = Counter(_spent(row) for row in rows_in(told.result))
                writes += [(one.record.id, write) for write in _time(work, one, spent)]
        return writes

    def _changes(self, work: OutboundWork, there: Sequence[There[records.Task]]) -> list[tuple[int, Write]]:
        writes = []
        for one in there:
            fields = self._fields(work, one.record) if one.is_changed else {}
            if fields and not work.takes_over:
                fields["CREATED_BY"] = work.user(one.record.created_by)
            if (
                fields
                and not work.takes_over
                and (files := hung(work, self.kind, one.record.id, one.record.files))
            ):
                fields["UF_TASK_WEBDAV_FILES"] = files
            state = _STATES.get(one.record.state, 2)
            if one.is_changed or state != 2:
                fields["STATUS"] = state
            if fields:
                told = {"taskId": one.theirs, "fields": fields}
                by, at = one.record.closed_by or one.record.responsible, one.record.state_since
                writes.append((one.record.id, Write("tasks.task.update", told, by=by, at=at)))
        return writes

    @override
    def total(self, mark: str) -> Command:
        return Command(self.key, "tasks.task.list", {"select": ["ID"]})


def _items(work: OutboundWork, one: There[records.Task], present: Counter[str]) -> Iterator[Write]:
    for place, item in enumerate(one.record.items):
        if present[item.text]:
            present[item.text] -= 1
            continue
        fields = {"TITLE": item.text, "SORT_INDEX": place, "IS_COMPLETE": "Y" if item.done_at else "N"}
        if item.due_on and work.takes_over:
            # A field of ours: the cloud knows no day of a line.
            fields["DEADLINE"] = item.due_on.isoformat()
        told, at = {"TASKID": one.theirs, "FIELDS": fields}, item.done_at or one.record.created_at
        yield Write("task.checklistitem.add", told, by=item.done_by or one.record.created_by, at=at)


def _spent(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row.get("USER_ID")), str(row.get("SECONDS")), str(row.get("COMMENT_TEXT") or "")


def _time(
    work: OutboundWork, one: There[records.Task], present: Counter[tuple[str, str, str]]
) -> Iterator[Write]:
    for spent in one.record.time:
        is_there = bool(work.theirs("person", spent.person))
        note = spent.note if is_there else f"{work.name_of(spent.person)}: {spent.note}".strip(": ")
        told = (work.user(spent.person), str(spent.seconds), note)
        if present[told]:
            present[told] -= 1
            continue
        fields = {
            "USER_ID": told[0], "SECONDS": spent.seconds, "COMMENT_TEXT": note,
            "CREATED_DATE": spent.started_at.isoformat(),
        }  # fmt: skip
        told_of = {"TASKID": one.theirs, "ARFIELDS": fields}
        yield Write("task.elapseditem.add", told_of, by=spent.person, at=spent.started_at)


class TaskComments(OutboundStage[records.Comment]):
    """With their moments, which the portal takes here."""

    key = "task-comments"
    label = gettext_lazy("Comments of tasks")
    kind = COMMENT
    scope = "task"
    needs = ("tasks",)

    @override
    def things(self, scope: Scope) -> Iterator[records.Comment]:
        return comments(scope, ("task",))

    @override
    def count(self, scope: Scope) -> int:
        return comments_below(tasks_in(scope)).count()

    @override
    def write(self, work: OutboundWork, record: records.Comment) -> Write:
        task = work.theirs("task", record.on)
        if not task:
            raise stays(_("What it was said about is not there."))
        fields: dict[str, Any] = {
            "POST_MESSAGE": self._message(work, record),
            "AUTHOR_ID": self._author(work, record),
            "POST_DATE": record.created_at.isoformat(),
        }
        if files := hung(work, self.kind, record.id, record.files):
            fields["UF_FORUM_MESSAGE_DOC"] = files
        told = {"TASKID": task, "FIELDS": fields}
        return Write("task.commentitem.add", told, by=record.author, at=record.created_at)

    def _author(self, work: OutboundWork, record: records.Comment) -> str:
        # Files lie in the drive of whoever made the webhook: nobody else may hang them on.
        is_hosts = bool(record.files) and not work.takes_over
        return work.host if is_hosts else work.user(record.author)

    def _message(self, work: OutboundWork, record: records.Comment) -> str:
        text = work.text(record.html)
        if record.files or not work.theirs("person", record.author):
            return work.signed(text, record.author, record.created_at, is_named=True)
        return text

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Comment]) -> Mapping[int, str]:
        def ask(one: records.Comment) -> Write | None:
            task = work.theirs("task", one.on)
            return Write("task.commentitem.getlist", {"TASKID": task}) if task else None

        def told(one: records.Comment, result: Any) -> Iterator[str]:
            for row in rows_in(result):
                is_its = str(row.get("AUTHOR_ID")) == self._author(work, one)
                if is_its and same(row.get("POST_MESSAGE"), self._message(work, one)):
                    yield str(row["ID"])

        return work.look_for(self.kind, sought, ask, told)
