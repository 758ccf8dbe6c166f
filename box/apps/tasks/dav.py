"""Tasks as a collection of CalDAV: the to-dos (VTODO, RFC 5545) of whoever is in them."""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from icalendar import Calendar, Todo, vText

from box.apps.tasks.access import can_create, can_delete, roles_of
from box.apps.tasks.actions.states import accept_task, complete_task, pause_task, return_task, start_task
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task, delete_tasks
from box.apps.tasks.models import ProgramName, Task
from box.apps.tasks.states import Role, State
from box.core.registry.company import TIME_ZONE, company_zone
from box.core.registry.dav import MOST_OBJECTS, DavChanged, DavCollection, DavObject, DavSource, dav_host
from box.core.registry.services import is_on
from box.lib.icalendars import NotCalendar, read
from box.lib.recurrence import local_moment

if TYPE_CHECKING:
    from box.apps.tasks.models import TaskQuerySet
    from box.core.accounts.models import User
    from box.lib.icalendars import Item

# What is over for longer is of no use in a pocket.
KEPT_CLOSED = timedelta(days=30)
PRODUCT = "-//Korobka//Tasks//EN"
# Of 1 to 9, as RFC 5545 has it.
_PRIORITIES = {Task.Priority.HIGH: 1, Task.Priority.NORMAL: 0, Task.Priority.LOW: 9}


class TaskSource(DavSource):
    def collections(self, user: User) -> Iterable[DavCollection]:
        return [TaskCollection(user)] if is_on("tasks") else []


class TaskCollection(DavCollection):
    components = ("VTODO",)
    key = "tasks"
    can_write = True

    def __init__(self, user: User) -> None:
        self.user, self.name = user, _("Tasks")
        self._ids: dict[str, int] = {}

    def _tasks(self) -> TaskQuerySet:
        since = timezone.now() - KEPT_CLOSED
        recent = Q(closed_at=None) | Q(closed_at__gte=since)
        return Task.objects.involving(self.user).there().filter(recent)

    def tags(self) -> Mapping[str, str]:
        rows = self._tasks().order_by("-pk")[:MOST_OBJECTS]
        found = {}
        own = dict(ProgramName.objects.filter(user=self.user).values_list("task", "href"))
        for pk, changed_at, since in rows.values_list("pk", "changed_at", "state_since"):
            name = own.get(pk, f"{pk}.ics")
            self._ids[name] = pk
            found[name] = f"{pk}.{changed_at.timestamp()}.{since.timestamp()}"
        return found

    def read(self, names: Many[str]) -> Mapping[str, DavObject]:
        ids = {pk: name for name in names if (pk := self._id(name)) is not None}
        rows = self._tasks().filter(pk__in=ids).select_related("program_name", "parent__program_name")
        return {ids[task.pk]: self._object(task) for task in rows}

    def _id(self, name: str) -> int | None:
        if name not in self._ids:
            self.tags()
        return self._ids.get(name)

    def _object(self, task: Task) -> DavObject:
        begins = [one for one in (task.starts_at, task.deadline_at) if one is not None]
        return DavObject(
            text=_written(task, self.user).decode(), uid=_uid(task), changed_at=task.changed_at,
            begins_at=min(begins, default=None), ends_at=max(begins, default=None),
        )  # fmt: skip

    def name_of_uid(self, uid: str) -> str | None:
        own = ProgramName.objects.filter(user=self.user, uid=uid, task__in=self._tasks()).first()
        if own is not None:
            return own.href
        name = f"{uid.partition('@')[0].removeprefix('task-')}.ics"
        pk = self._id(name)
        return name if pk is not None and uid == f"task-{pk}@{dav_host()}" else None

    def write(self, name: str, text: str, *, tag: str | None) -> None:
        item = _item(text, self.user)
        if tag is None:
            task = add_task(_draft(item, self.user), by=self.user)
            ProgramName.objects.create(task=task, user=self.user, uid=item.uid, href=name)
            _step(task, item, self.user)
            return
        task = self._locked(name, tag)
        if changes := _changes(task, item, self.user):
            change_task(task, changes, by=self.user)
            task.refresh_from_db()
        _step(task, item, self.user)

    def remove(self, name: str, *, tag: str) -> None:
        task = self._locked(name, tag)
        if not can_delete(self.user, task):
            raise PermissionDenied(_("Only who gave a task may remove it."))
        delete_tasks([task], by=self.user)

    def _locked(self, name: str, tag: str) -> Task:
        pk = self._id(name)
        if pk is None:
            raise DavChanged
        task = Task.objects.select_for_update(of=("self",)).get(pk=pk)
        if self.tags().get(name) != tag:
            raise DavChanged
        return task


def _uid(task: Task) -> str:
    named: ProgramName | None = getattr(task, "program_name", None)
    return named.uid if named is not None else f"task-{task.pk}@{dav_host()}"


def _written(task: Task, reader: User) -> bytes:
    one = Todo()
    one.add("uid", _uid(task))
    one.add("dtstamp", task.changed_at.astimezone(UTC))
    one.add("created", task.created_at.astimezone(UTC))
    one.add("last-modified", task.changed_at.astimezone(UTC))
    one.add("summary", task.title)
    if task.text:
        one.add("description", task.text)
    # A start after the deadline is refused by programs, and allowed here.
    if task.starts_at is not None and (task.deadline_at is None or task.starts_at < task.deadline_at):
        one.add("dtstart", task.starts_at.astimezone(UTC))
    if task.deadline_at is not None:
        one.add("due", task.deadline_at.astimezone(UTC))
    one.add("priority", _PRIORITIES[Task.Priority(task.priority)])
    one.add("status", _status(task, reader))
    if task.closed_at is not None:
        one.add("completed", task.closed_at.astimezone(UTC))
    if task.items_count and task.closed_at is None:
        one.add("percent-complete", 100 * task.items_done // task.items_count)
    if task.tags:
        one.add("categories", task.tags)
    if task.parent is not None:
        one.add("related-to", vText(_uid(task.parent)))
    one.add("url", f"{settings.PORTAL_URL}{task.get_absolute_url()}")
    found = Calendar()
    found.add("prodid", PRODUCT)
    found.add("version", "2.0")
    found.add_component(one)
    return bytes(found.to_ical())


def _status(task: Task, reader: User) -> str:
    """What is to be accepted is done for who did it, and to be done for who accepts it."""
    match State(task.state):
        case State.COMPLETED:
            return "COMPLETED"
        case State.IN_REVIEW:
            return "NEEDS-ACTION" if Role.MANAGES in roles_of(reader, task) else "COMPLETED"
        case State.IN_PROGRESS:
            return "IN-PROCESS"
    return "NEEDS-ACTION"


def _item(text: str, by: User) -> Item:
    try:
        found = read(text.encode(), zone=by.time_zone or TIME_ZONE.value)
    except NotCalendar as error:
        raise ValidationError(str(error)) from None
    item = next((one for one in found.items if one.kind == "VTODO"), None)
    if item is None:
        raise ValidationError(_("This is no task."))
    if item.rule:
        raise ValidationError(_("Tasks that recur are made in the portal, by a template."))
    return item


def _due(item: Item) -> datetime | None:
    """A day without a time ends with it, where the company is."""
    if item.ends_at is None or not item.is_all_day:
        return item.ends_at
    end = datetime.max.time().replace(second=0, microsecond=0)
    return local_moment(item.ends_at.date(), end, company_zone())


def _start(item: Item) -> datetime | None:
    if item.starts_at is None or not item.is_all_day:
        return item.starts_at
    return local_moment(item.starts_at.date(), datetime.min.time(), company_zone())


def _priority(item: Item) -> int:
    if 1 <= item.priority <= 4:
        return Task.Priority.HIGH
    return Task.Priority.LOW if item.priority > 5 else Task.Priority.NORMAL


def _tags(item: Item) -> tuple[str, ...]:
    lines = [one for one in item.kept.split("\n") if one.startswith("CATEGORIES")]
    found = (tag for line in lines for tag in line.partition(":")[2].split(","))
    return tuple(_tag(tag) for tag in found if tag.strip())


def _tag(text: str) -> str:
    return "-".join(text.split()).lower()


def _draft(item: Item, by: User) -> TaskDraft:
    if not can_create(by):
        raise PermissionDenied(_("Ask an administrator for the right to give tasks."))
    return TaskDraft(
        title=item.title or _("Without a title"), responsible=by, text=item.description,
        deadline_at=_due(item), starts_at=_start(item), priority=_priority(item), tags=_tags(item),
    )  # fmt: skip


def _changes(task: Task, item: Item, by: User) -> dict[str, Any]:
    """What differs from what the program was told: a calendar says less than is kept."""
    told, said = (_said(one, task) for one in (_item(_written(task, by).decode(), by), item))
    # A start that was left out of what the program got is not taken away by it.
    if item.starts_at is None:
        del said["starts_at"]
    return {name: value for name, value in said.items() if value != told[name]}


def _said(item: Item, task: Task) -> dict[str, Any]:
    own = {_tag(tag): tag for tag in task.tags}
    return {
        "title": item.title or task.title, "text": item.description.strip(), "deadline_at": _due(item),
        "starts_at": _start(item), "priority": _priority(item),
        "tags": [own.get(tag, tag) for tag in _tags(item)],
    }  # fmt: skip


def _step(task: Task, item: Item, by: User) -> None:
    """From what the program knew to what it says now."""
    before, after = _status(task, by), item.status or "NEEDS-ACTION"
    if item.completed_at is not None or item.percent == 100:
        after = "COMPLETED"
    if after in {before, "CANCELLED"}:
        return
    match after:
        case "COMPLETED" if task.state == State.IN_REVIEW:
            accept_task(task, by=by)
        case "COMPLETED":
            complete_task(task, by=by)
        case _ if before == "COMPLETED":
            return_task(task, by=by)
        case "IN-PROCESS":
            start_task(task, by=by)
        case _:
            pause_task(task, by=by)
