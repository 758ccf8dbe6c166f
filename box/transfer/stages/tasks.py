"""Tasks with their checklists, comments, time and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.actions.checklists import add_items, check_item, date_item
from box.apps.tasks.actions.checks import LONGEST_TITLE, MOST_PARTICIPANTS
from box.apps.tasks.actions.states import Standing, take_over_state
from box.apps.tasks.actions.tasks import (
    TaskDraft,
    add_task,
    attach_files,
    change_task,
    delegate_task,
)
from box.apps.tasks.actions.time import MOST_MINUTES, add_time
from box.apps.tasks.models import LONGEST_ITEM, LONGEST_NOTE, ChecklistItem, Task
from box.apps.tasks.models.tasks import MOST_TAGS
from box.apps.tasks.states import State
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.groups.models import Group
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.registry.origin import importing
from box.lib.numbers import whole_number
from box.lib.rich_text import LONGEST_TAG
from box.transfer.cloud import Command
from box.transfer.ledger import Extra, Row, digest_of
from box.transfer.stages.base import (
    Page,
    Stage,
    Work,
    behind,
    clean,
    ids_in,
    is_yes,
    line,
    moment_in,
    optional_moment,
    part_of,
    rows_in,
    whole,
)
from box.transfer.stages.calendars import day_in
from box.transfer.stages.comments import change_comment
from box.transfer.stages.own_fields import TASK, by_field_name, known_fields, values_in
from box.transfer.stages.reactions import take_over_reactions

# Source: https://apidocs.bitrix24.com/api-reference/tasks/fields.html
_STATES = {
    "1": State.WAITING,
    "2": State.WAITING,
    "3": State.IN_PROGRESS,
    "4": State.IN_REVIEW,
    "5": State.COMPLETED,
    "6": State.DEFERRED,
    "7": State.DEFERRED,
}
_PRIORITIES = {str(one.value): one for one in Task.Priority}
"""0, 1 and 2 there as here."""
_SELECT = (
    *("ID", "PARENT_ID", "TITLE", "DESCRIPTION", "STATUS", "PRIORITY", "GROUP_ID", "TAGS"),
    *("CREATED_BY", "RESPONSIBLE_ID", "ACCOMPLICES", "AUDITORS", "CLOSED_BY"),
    *("CREATED_DATE", "CHANGED_DATE", "CLOSED_DATE", "ACTIVITY_DATE", "DEADLINE"),
    *("START_DATE_PLAN", "END_DATE_PLAN", "TIME_ESTIMATE", "TASK_CONTROL", "ALLOW_CHANGE_DEADLINE"),
    *("UF_TASK_WEBDAV_FILES", "XML_ID"),
)
_CHANGES = (
    *("title", "text", "html", "deadline_at", "starts_at", "ends_at", "estimate_minutes"),
    *("priority", "tags", "project", "parent", "accomplice_ids", "observer_ids", "external_id", "fields"),
)
COMMENT, TIME = "task-comment", "time"
_CHECKLIST = "task.checklistitem.getlist"
_PAGED = {"comments": "task.commentitem.getlist", "time": "task.elapseditem.getlist"}
_PARTS = ("checklist", *_PAGED)


class Tasks(Stage):
    key = "tasks"
    label = gettext_lazy("Tasks")
    kind = "task"
    needs = ("people", "groups", "taskfields")
    id_name = "id"

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after, own = int(cursor.get("after", 0)), list(known_fields(work, TASK))
        walk = work.cloud.walk(
            "tasks.task.list", after=after, named="id", of="tasks", select=[*_SELECT, *own]
        )
        for rows in walk:
            yield Page([by_field_name(row, own) for row in rows], {"after": int(rows[-1]["id"])})

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        extra = Extra()
        ids = [self.id_of(row) for row in rows]
        checks = [Command(f"checklist{one}", _CHECKLIST, {"TASKID": one}) for one in ids]
        listed = [
            Command(f"{part}{one}", method, {"TASKID": one, "ORDER": {"ID": "asc"}})
            for one in ids
            for part, method in _PAGED.items()
        ]
        found = work.cloud.each(checks) | whole(work.cloud, listed, behind)
        comment_files: dict[str, list[Row]] = {}
        for row in rows:
            theirs = self.id_of(row)
            parts = {part: rows_in(found[f"{part}{theirs}"].result) for part in _PARTS}
            for part in _PARTS:
                if (refused := found[f"{part}{theirs}"].refused) is not None:
                    said = _("Its %(part)s is not given by the portal: %(why)s")
                    is_passing = found[f"{part}{theirs}"].is_passing
                    extra.refuse(
                        self.kind, theirs, said % {"part": part, "why": refused}, is_passing=is_passing
                    )
            extra.rows[theirs] = parts
            for comment in parts["comments"]:
                attached = comment.get("ATTACHED_OBJECTS")
                extra.within[COMMENT, str(comment["ID"])] = theirs
                comment_files[str(comment["ID"])] = [
                    {**one, "ID": f"n{one.get('FILE_ID')}"}
                    for one in (attached.values() if isinstance(attached, dict) else ())
                    if isinstance(one, dict)
                ]
        attached = {self.id_of(row): ids_in(row.get("ufTaskWebdavFiles")) for row in rows}
        work.fetch_attached(self.kind, attached, extra)
        work.fetch_files(COMMENT, comment_files, extra)
        return extra

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("createdDate"))

    @override
    def refers_to(self, row: Row) -> Iterable[tuple[str, Any]]:
        yield from (("person", row.get(name)) for name in ("createdBy", "responsibleId", "closedBy"))
        yield from (("person", one) for name in ("accomplices", "auditors") for one in ids_in(row.get(name)))

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        by = work.author(self.kind, theirs, row.get("createdBy"))
        files = work.files_of(self.kind, theirs, extra, by=by)
        task = add_task(self._draft(work, row, files), by=by)
        work.took(self.kind, theirs, task.pk, digest=digest_of(row), html=task.html)
        self._add_parts(work, row, extra, task)
        take_over_reactions(work, self.kind, self.id_of(row), row.get("reactions"), task.thread)
        return task.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        task = Task.objects.there().filter(pk=ours).select_related("created_by", "responsible").first()
        if task is None:
            return
        theirs = self.id_of(row)
        self._attach(work, row, extra, task)
        draft = self._draft(work, row, work.held_files(self.kind, theirs))
        changes = {name: getattr(draft, name) for name in _CHANGES}
        if draft.responsible.pk != task.responsible_id:
            task = delegate_task(task, draft.responsible, by=task.created_by)
        task = change_task(task, changes, by=task.created_by)
        self._add_parts(work, row, extra, task)
        take_over_reactions(work, self.kind, theirs, row.get("reactions"), task.thread)
        standing = self._standing(work, row, task.responsible)
        with importing(at=standing.since):
            take_over_state(task, standing.state, by=standing.by)

    @override
    def complete(self, work: Work, row: Row, extra: Extra, ours: int, *, is_edited: bool) -> None:
        if not is_edited:
            self.change(work, row, extra, ours)
            return
        task = Task.objects.there().filter(pk=ours).select_related("created_by").first()
        if task is not None:
            theirs = self.id_of(row)
            self._attach(work, row, extra, task)
            self._say(work, theirs, extra.rows[theirs].get("comments", ()), extra, task)

    def _attach(self, work: Work, row: Row, extra: Extra, task: Task) -> None:
        with part_of(work, self.kind, self.id_of(row)):
            new = work.files_of(self.kind, self.id_of(row), extra, by=task.created_by)
            attach_files(task, [file.pk for file in new.values()], by=task.created_by)

    def _draft(self, work: Work, row: Row, files: Mapping[str, Any]) -> TaskDraft:
        theirs = self.id_of(row)
        starts, ends = optional_moment(row.get("startDatePlan")), optional_moment(row.get("endDatePlan"))
        group = str(row.get("groupId") or "0")
        project = Group.objects.filter(pk=work.ours("group", group)).first() if group != "0" else None
        estimate = str(row.get("timeEstimate") or "0")
        accomplices, observers = (
            tuple(work.all_ours("person", ids_in(row.get(name))).values())
            for name in ("accomplices", "auditors")
        )
        if len({*accomplices, *observers}) > MOST_PARTICIPANTS:
            said = _("Of those who help and watch only the first %(most)s came.") % {
                "most": MOST_PARTICIPANTS
            }
            work.remark(self.kind, theirs, said)
            accomplices, observers = accomplices[:MOST_PARTICIPANTS], ()
        responsible = work.author(self.kind, theirs, row.get("responsibleId"))
        return TaskDraft(
            title=line(row.get("title"), LONGEST_TITLE) or _("Task %(id)s") % {"id": theirs},
            responsible=responsible,
            standing=self._standing(work, row, responsible),
            html=work.html(row.get("description"), files),
            accomplice_ids=accomplices,
            observer_ids=observers,
            deadline_at=optional_moment(row.get("deadline")),
            starts_at=starts,
            ends_at=ends if not (starts and ends) or ends >= starts else None,
            estimate_minutes=(whole_number(estimate) or 0) // 60 or None,
            priority=_PRIORITIES.get(str(row.get("priority")), Task.Priority.NORMAL),
            tags=tuple(self._tags(row))[:MOST_TAGS],
            project=project,
            parent=self._parent(work, row),
            needs_acceptance=is_yes(row.get("taskControl")),
            may_move_deadline=is_yes(row.get("allowChangeDeadline")),
            external_id=line(row.get("xmlId"), LONGEST_EXTERNAL_ID),
            file_ids=tuple(file.pk for file in files.values()),
            fields=dict(values_in(work, TASK, row, {})),
        )

    def _tags(self, row: Row) -> Iterator[str]:
        given = row.get("tags")
        for one in given.values() if isinstance(given, dict) else given if isinstance(given, list) else ():
            name = line(one.get("title") if isinstance(one, dict) else one, LONGEST_TAG).lstrip("#")
            if name:
                yield name

    def _parent(self, work: Work, row: Row) -> Task | None:
        """A part of a task may have come before it: `TaskLinks` puts it below."""
        theirs = str(row.get("parentId") or "0")
        if theirs == "0" or theirs == self.id_of(row):
            return None
        return Task.objects.there().filter(pk=work.ours(self.kind, theirs)).first()

    def _standing(self, work: Work, row: Row, responsible: User) -> Standing:
        state = _STATES.get(str(row.get("status")), State.WAITING)
        closed = optional_moment(row.get("closedDate"))
        at = closed if state == State.COMPLETED and closed else moment_in(row.get("changedDate"))
        closed_by = work.ours("person", row.get("closedBy"))
        return Standing(state, at, work.person(row.get("closedBy")) if closed_by else responsible)

    # What belongs to it

    def _add_parts(self, work: Work, row: Row, extra: Extra, task: Task) -> None:
        theirs = self.id_of(row)
        parts = extra.rows.get(theirs, {})
        self._check_off(work, theirs, parts.get("checklist", ()), task)
        self._say(work, theirs, parts.get("comments", ()), extra, task)
        self._write_time(work, theirs, parts.get("time", ()), task)

    def _check_off(self, work: Work, theirs: str, rows: Sequence[Row], task: Task) -> None:
        rows = sorted(rows, key=_sort_key)
        # A list's own name is an item that no other holds.
        items = [row for row in rows if ids_in(row.get("PARENT_ID")) or not _is_list_name(row, rows)]
        known = work.known("checklist", [str(row["ID"]) for row in items])
        for row in items:
            text = line(row.get("TITLE"), LONGEST_ITEM) or "…"
            identity = known.get(str(row["ID"]))
            with part_of(work, self.kind, theirs):
                if identity is None:
                    (item,) = add_items(task, text.lstrip("-*•· ") or "…", by=task.created_by)
                    work.took("checklist", row["ID"], item.pk, digest=digest_of(row))
                elif (
                    found := ChecklistItem.objects.filter(pk=identity.ours).select_related("task").first()
                ) is None:
                    continue
                else:
                    item = found
                # Of another Korobka: the cloud knows no day of a line.
                if day := day_in(row.get("DEADLINE")):
                    item = date_item(item, day, by=task.created_by)
                by = work.person(row.get("TOGGLED_BY"))
                with importing(at=moment_in(row.get("TOGGLED_DATE"))):
                    check_item(item, is_yes(row.get("IS_COMPLETE")), by=by)

    def _say(self, work: Work, theirs: str, rows: Sequence[Row], extra: Extra, task: Task) -> None:
        rows = sorted(rows, key=lambda row: int(row["ID"]))
        kind = COMMENT
        known = work.known(kind, [str(row["ID"]) for row in rows])
        for row in rows:
            pk, digest = str(row["ID"]), digest_of(row)
            identity = known.get(pk)
            if identity is not None and identity.digest == digest and (kind, pk) not in extra.files:
                continue
            with part_of(work, kind, pk), importing(at=moment_in(row.get("POST_DATE"))):
                if identity is not None:
                    change_comment(work, identity, row.get("POST_MESSAGE"), extra, digest)
                    continue
                author = work.author(kind, pk, row.get("AUTHOR_ID"))
                files = work.files_of(kind, pk, extra, by=author)
                html = work.html(row.get("POST_MESSAGE"), files)
                if html or files:
                    ids = [file.pk for file in files.values()]
                    comment = add_comment(task.thread, html=html, file_ids=ids, by=author)
                    work.took(kind, pk, comment.pk, digest=digest, html=comment.html)

    def _write_time(self, work: Work, theirs: str, rows: Sequence[Row], task: Task) -> None:
        known = work.known(TIME, [str(row["ID"]) for row in rows])
        for row in rows:
            seconds = whole_number(str(row.get("SECONDS", ""))) or 0
            if str(row["ID"]) in known or not seconds:
                continue
            at = moment_in(row.get("CREATED_DATE"))
            with part_of(work, TIME, str(row["ID"])), importing(at=at):
                if seconds > MOST_MINUTES * 60:
                    said = _("%(hours)s hours at once are more than a day has: they were not taken.")
                    raise ValidationError(said % {"hours": seconds // 3600}, code="refused")
                entry = add_time(
                    task,
                    max(1, seconds // 60),
                    on=at.date(),
                    note=clean(row.get("COMMENT_TEXT"), LONGEST_NOTE),
                    seconds=seconds,
                    by=work.author(TIME, str(row["ID"]), row.get("USER_ID")),
                )
                work.took(TIME, row["ID"], entry.pk, digest=digest_of(row))


def _sort_key(row: Row) -> tuple[int, int]:
    place = str(row.get("SORT_INDEX") or "0")
    return (whole_number(place) or 0, int(row["ID"]))


def _is_list_name(row: Row, rows: Sequence[Row]) -> bool:
    return any(ids_in(other.get("PARENT_ID")) == [str(row["ID"])] for other in rows)
