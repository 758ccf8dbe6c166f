"""Tasks with their checklists, working time and files."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import ChecklistItem, Dependency, Participant, Task, TaskFile, TimeEntry
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, grouped, reactions_of, walked, word
from box.transfer.archive.export.own_fields import own_values

Role = Participant.Role


def tasks_in(scope: Scope) -> QuerySet[Task]:
    rows = scope.seen(Task.objects.all()).there().filter(scope.within("created_at"))
    if scope.filters.groups:
        rows = rows.filter(project__in=scope.filters.groups)
    if scope.person:
        rows = rows.filter(Q(created_by=scope.person) | Q(responsible=scope.person))
    found: QuerySet[Task] = rows
    return found


def tasks(scope: Scope) -> Iterator[records.Task]:
    for page in walked(tasks_in(scope)):
        people = grouped(Participant.objects.filter(task__in=page).order_by("id"), lambda one: one.task_id)
        items = grouped(
            ChecklistItem.objects.filter(task__in=page).order_by("rank", "id"), lambda one: one.task_id
        )
        time = grouped(
            TimeEntry.objects.over().filter(task__in=page).order_by("started_at", "id"),
            lambda one: one.task_id,
        )
        waits = grouped(Dependency.objects.filter(after__in=page).order_by("id"), lambda one: one.after_id)
        files = grouped(
            TaskFile.objects.filter(task__in=page).select_related("file__blob").order_by("position"),
            lambda one: one.task_id,
        )
        reactions = reactions_of(scope, [row.thread_id for row in page])
        own = own_values(scope, TASK_FIELDS, [row.pk for row in page])
        for row in page:
            helping, watching = (
                [one.user_id for one in people[row.pk] if one.role == role]
                for role in (Role.ACCOMPLICE, Role.OBSERVER)
            )
            scope.name(row.created_by_id, row.responsible_id, row.closed_by_id, *helping, *watching)
            scope.name(*(pk for one in items[row.pk] for pk in (one.assignee_id, one.done_by_id)))
            scope.name(*(one.user_id for one in time[row.pk]))
            yield records.Task(
                id=row.pk, title=row.title, html=row.html, state=row.state, state_since=row.state_since,
                priority=word(row.priority),
                created_by=row.created_by_id, responsible=row.responsible_id,
                accomplices=helping, observers=watching, group=row.project_id, parent=row.parent_id,
                deadline_at=row.deadline_at, starts_at=row.starts_at, ends_at=row.ends_at,
                estimate_minutes=row.estimate_minutes, tags=list(row.tags),
                needs_acceptance=row.needs_acceptance, may_move_deadline=row.may_move_deadline,
                created_at=row.created_at, closed_by=row.closed_by_id, external_id=row.external_id,
                items=[
                    records.Item(
                        text=one.text, assignee=one.assignee_id, due_on=one.due_on, done_by=one.done_by_id,
                        done_at=one.done_at,
                    )
                    for one in items[row.pk]
                ],
                time=[
                    records.Spent(
                        person=one.user_id, started_at=one.started_at, seconds=one.seconds, note=one.note
                    )
                    for one in time[row.pk]
                ],
                waits_for=[
                    records.Waits(task=one.before_id, kind=one.kind, lag_minutes=one.lag_minutes)
                    for one in waits[row.pk]
                ],
                files=[scope.attachment(one.file) for one in files[row.pk]],
                reactions=reactions.get(row.thread_id),
                own=own.get(row.pk, []),
            )  # fmt: skip
