"""Tasks, for programs: the same actions and the same rules of who sees what as on their pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.actions.audiences import participants_of
from box.apps.tasks.actions.states import STEPS, take_over_state
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task, delegate_task, delete_tasks
from box.apps.tasks.actions.time import add_time
from box.apps.tasks.api import own_fields
from box.apps.tasks.api.bindings import FIELD as BINDINGS
from box.apps.tasks.api.bindings import BoundTo, bind, bindings_of, bound
from box.apps.tasks.api.transfer_fields import linked
from box.apps.tasks.events import TaskAdded, TaskChanged, TasksDeleted
from box.apps.tasks.models import KIND, Participant, Task, TaskFile, TimeEntry
from box.apps.tasks.quick_add import END_OF_DAY
from box.apps.tasks.states import State, Step
from box.core.accounts.models import User
from box.core.files.rest import from_drives
from box.core.groups.models import Group
from box.core.people.bbcode import bbcode_of, html_of
from box.core.registry.filtering import (
    ExternalId,
    Filterable,
    Keyword,
    Moment,
    Number,
    Related,
    Text,
    condition_of,
    order_of,
    several,
)
from box.core.registry.origin import is_importing, moment
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    HookEvent,
    Listing,
    ListParameters,
    MethodGroup,
    Parameters,
    Place,
    Scope,
    Several,
    Sorting,
    hook_events,
    listed,
    not_found,
    one_text,
    places,
    scopes,
    shaped,
    truth,
)
from box.lib.numbers import whole_number

_STATUS = {
    State.WAITING: "2",
    State.IN_PROGRESS: "3",
    State.IN_REVIEW: "4",
    State.COMPLETED: "5",
    State.DEFERRED: "6",
}
"""https://apidocs.bitrix24.com/api-reference/tasks/fields.html: STATUS"""
_STATES = {number: state for state, number in _STATUS.items()}
_STEP_TO = {
    State.WAITING: Step.PAUSE,
    State.IN_PROGRESS: Step.START,
    State.IN_REVIEW: Step.COMPLETE,
    State.COMPLETED: Step.COMPLETE,
    State.DEFERRED: Step.DEFER,
}
_YES_NO = {True: "Y", False: "N"}
_TASKS = MethodGroup(
    prefix="tasks.task.", room="tasks", scopes=("task",), source=f"{DOCS}tasks/tasks-task-{{}}.html"
)
_TIME = MethodGroup(
    prefix="task.elapseditem.", room="tasks", scopes=("task",), source=f"{DOCS}tasks/elapsed-item/index.html"
)


class Status(Keyword):
    """Of states by Bitrix24's numbers."""

    def condition(self, operator: str, value: Any) -> Any:
        states = {number: state.value for state, number in _STATUS.items()}
        given = value if isinstance(value, list) else [value]
        if any(str(one) not in states for one in given):
            raise ValidationError(_("A status is a number from 2 to 6."), code="status")
        return super().condition(operator, [states[str(one)] for one in given])


_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "TITLE": Text("title"),
    "STATUS": Status("state", tuple(State.values)),
    "REAL_STATUS": Status("state", tuple(State.values)),
    "PRIORITY": Number("priority"),
    "RESPONSIBLE_ID": Related("responsible"),
    "CREATED_BY": Related("created_by"),
    "GROUP_ID": Related("project"),
    "PARENT_ID": Related("parent"),
    "DEADLINE": Moment("deadline_at"),
    "CREATED_DATE": Moment("created_at"),
    "CHANGED_DATE": Moment("changed_at"),
    "CLOSED_DATE": Moment("closed_at"),
    "XML_ID": ExternalId("external_id"),
    BINDINGS: BoundTo(),
}
_ORDERS = {
    "ID": "id",
    "TITLE": "title",
    "DEADLINE": "deadline_at",
    "CREATED_DATE": "created_at",
    "CHANGED_DATE": "changed_at",
    "XML_ID": "external_id",
}


_ELAPSED_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "USER_ID": Related("user"),
    "CREATED_DATE": Moment("written_at"),
}
_ELAPSED_ORDERS = {"ID": "id", "USER_ID": "user", "CREATED_DATE": "written_at"}


class OfTask(Parameters):
    TASKID = forms.IntegerField(help_text=gettext_lazy("The task."))


class TaskGet(OfTask):
    SELECT = Several(required=False, help_text=gettext_lazy("All fields come in any case."))


class TaskList(ListParameters):
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"DEADLINE": "ASC"}.'))
    SELECT = Several(required=False, help_text=gettext_lazy("All fields come in any case."))


class TaskAdd(Parameters):
    FIELDS = Conditions(help_text=gettext_lazy("The task by its fields: TITLE, RESPONSIBLE_ID …"))


class TaskUpdate(TaskAdd, OfTask):
    pass


class Delegate(OfTask):
    USERID = forms.IntegerField(help_text=gettext_lazy("Who does it from now on."))


class ElapsedList(OfTask, ListParameters):
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"ID": "ASC"}.'))
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))


class ElapsedAdd(OfTask):
    ARFIELDS = Conditions(help_text=gettext_lazy("SECONDS and COMMENT_TEXT."))


def found(call: Call) -> Task:
    return task_seen(call.values["TASKID"], call.user)


def task_seen(pk: int, user: User) -> Task:
    seen = Task.objects.each_visible_to(user).there().as_shown().select_related("thread")
    task = seen.filter(pk=pk).first()
    if task is None:
        raise not_found(_("There is no such task, or you don't see it."))
    return task


def sees(task: Task, call: Call) -> bool:
    return Task.objects.each_visible_to(call.user).there().filter(pk=task.pk).exists()


def _one(task: Task, reader: User) -> Any:
    return {"task": _shown([task], reader)[0]}


def get(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/tasks-task-get.html"""
    return _one(found(call), call.user)


def tasks(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/tasks-task-list.html"""
    rows = Task.objects.visible_to(call.user).there().as_shown()
    known = {**_FILTERS, **own_fields.filters(), BINDINGS: BoundTo(call.user)}
    rows = rows.filter(condition_of(call.values["FILTER"], known))
    order = order_of("", call.values["ORDER"], _ORDERS, usual=("-id",))

    def shown(page: Sequence[Task]) -> list[dict[str, Any]]:
        found = _shown(page, call.user)
        # What it has beside Bitrix24's fields is of use to whoever moves it.
        return (
            [one | more for one, more in zip(found, linked(page), strict=True)]
            if call.may_transfer
            else found
        )

    return Listing(rows, shown, order, within="tasks")


def add(call: Call) -> Task:
    """https://apidocs.bitrix24.com/api-reference/tasks/tasks-task-add.html"""
    return create(call.values["FIELDS"], call)


def create(fields: Mapping[str, Any], call: Call) -> Task:
    """A task by Bitrix24's names of fields."""
    values = _read(fields, call.user)
    by, state = giver(values.pop("created_by", None), call), values.pop("state", None)
    hanging, own = values.pop("files", None), values.pop("own", {})
    values.setdefault("responsible", by)
    if not values.get("title"):
        raise ValidationError(_("Say in a few words what is to be done."), code="title")
    with transaction.atomic():
        values["file_ids"] = from_drives(hanging, reader=call.user, by=by)
        values["fields"] = own_fields.given(own, reader=call.user, by=by)
        task = add_task(TaskDraft(**values), by=by)
        if state is not None:
            _set_state(task, state, call)
    return task


def giver(named: User | None, call: Call) -> User:
    """Who gives it: another than who calls is for a migration to say. Raises PermissionDenied."""
    if named is None or named.pk == call.author.pk:
        return call.author
    if not call.may_transfer:
        raise PermissionDenied(_("A webhook writes in the name of who made it, and of nobody else."))
    return named


def _set_state(task: Task, state: State, call: Call) -> None:
    """By the steps of people; what is taken over stands as it stood."""
    if is_importing():
        take_over_state(task, state, by=call.author)
    elif state != task.state:
        STEPS[_STEP_TO[state]](task, by=call.user)


def update(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/tasks-task-update.html"""
    apply(found(call), call.values["FIELDS"], call)
    return {"task": True}


def apply(task: Task, fields: Mapping[str, Any], call: Call) -> None:
    values = _read(fields, call.user)
    to, state = values.pop("responsible", None), values.pop("state", None)
    related, own = values.pop("related", None), values.pop("own", {})
    if values.pop("created_by", task.created_by) != task.created_by:
        raise ValidationError(_("Who has given a task stays so."), code="created_by")
    if "files" in values:
        said_files = _("Files are hung on a task when it is given; later ones on a comment.")
        raise ValidationError(f"UF_TASK_WEBDAV_FILES: {said_files}", code="files")
    with transaction.atomic():
        if own:
            values["fields"] = own_fields.given(own, reader=call.user, by=call.user, task=task.pk)
        if values:
            task = change_task(task, values, by=call.user)
        if related is not None:
            bind(task, related, by=call.user)
        if to is not None:
            task = delegate_task(task, to, by=call.user)
        if state is not None:
            _set_state(task, state, call)


def delete(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/tasks-task-delete.html"""
    delete_tasks([found(call)], by=call.user)
    return {"task": True}


def delegate(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/tasks-task-delegate.html"""
    delegate_task(found(call), person_named(call.values["USERID"], call.user), by=call.user)
    return {"task": True}


def _stepping(step: Step) -> Callable[[Call], Any]:
    def answer(call: Call) -> Any:
        STEPS[step](found(call), by=call.user)
        return _one(found(call), call.user)

    return answer


def add_elapsed(call: Call) -> TimeEntry:
    """https://apidocs.bitrix24.com/api-reference/tasks/elapsed-item/task-elapsed-item-add.html"""
    given = {name.upper(): value for name, value in call.values["ARFIELDS"].items()}
    seconds = number_in(given.get("SECONDS"), "SECONDS")
    minutes = max(1, seconds // 60) if is_importing() else -(-seconds // 60)
    note = str(given.get("COMMENT_TEXT", ""))
    exact = {"seconds": seconds} if is_importing() else {}
    on = timezone.localdate(moment())
    return add_time(found(call), minutes, on=on, note=note, by=call.author, **exact)


def elapsed(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/elapsed-item/task-elapsed-item-get-list.html"""
    rows = found(call).time_entries.over().filter(condition_of(call.values["FILTER"], _ELAPSED_FILTERS))
    return Listing(rows, _elapsed_shown, order_of("", call.values["ORDER"], _ELAPSED_ORDERS, usual=("-id",)))


def _elapsed_shown(rows: Sequence[TimeEntry]) -> list[dict[str, Any]]:
    return [
        {
            "ID": str(one.pk),
            "TASK_ID": str(one.task_id),
            "USER_ID": str(one.user_id),
            "COMMENT_TEXT": one.note,
            "SECONDS": str(one.seconds),
            "MINUTES": str(one.seconds // 60),
            "CREATED_DATE": said(one.written_at),
            "DATE_START": said(one.started_at),
            "DATE_STOP": said(one.ended_at),
        }
        for one in rows
    ]


# What fields mean


def _read(given: Mapping[str, Any], by: User) -> dict[str, Any]:
    """As the actions take them, and under `own` the company's own as they were sent. Raises ValidationError
    for a field that is not known: none is passed over."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if own_fields.is_own(name.upper()):
            values.setdefault("own", {})[name.upper()] = value
            continue
        if name.upper() not in _FIELDS:
            raise ValidationError(_("%(name)s is no field of tasks.") % {"name": name[:40]}, code="unknown")
        key, read = _FIELDS[name.upper()]
        values[key] = read(value, by)
    return values


def _moment(value: Any, by: User) -> datetime | None:
    """A moment, or a day, whose end is the working day's; nothing takes it away."""
    if value in (None, "", 0, "0", False):
        return None
    text = str(value)
    try:
        is_day = len(text) == len("2026-01-31")
        day = parse_date(text) if is_day else None
        moment = datetime.combine(day, END_OF_DAY) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ValidationError(_("Write a moment such as 2026-01-31T18:00:00+03:00."), code="moment")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def number_in(value: Any, name: str = "") -> int:
    """A whole one, without a sign. Raises ValidationError."""
    text = str(value)
    number = whole_number(text)
    if number is None:
        raise ValidationError(_("%(name)s: write a number.") % {"name": name or text[:40]}, code="number")
    return number


def person_named(value: Any, by: User) -> User:
    people = User.objects.visible_to(by).filter(pk=number_in(value))
    # What is taken over stays theirs who have left.
    person: User | None = (people if is_importing() else people.active()).first()
    if person is None:
        raise ValidationError(_("There is no such person, or you don't see them."), code="people")
    return person


def _state(value: Any, by: User) -> State:
    if str(value) not in _STATES:
        raise ValidationError(_("A status is a number from 2 to 6."), code="status")
    return _STATES[str(value)]


def _people(value: Any, by: User) -> tuple[int, ...]:
    given = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    return tuple(number_in(one) for one in given if one not in (None, ""))


def _group(value: Any, by: User) -> Group | None:
    pk = number_in(value or 0)
    found_ = Group.objects.visible_to(by).filter(pk=pk).first() if pk else None
    if pk and found_ is None:
        raise ValidationError(_("There is no such group, or you don't see it."), code="group")
    return found_


def _parent(value: Any, by: User) -> Task | None:
    pk = number_in(value or 0)
    above = Task.objects.each_visible_to(by).there().filter(pk=pk).first() if pk else None
    if pk and above is None:
        raise ValidationError(_("The task above is not there any more."), code="parent")
    return above


def _tags(value: Any, by: User) -> tuple[str, ...]:
    return tuple(str(one) for one in (value.split(",") if isinstance(value, str) else several(value or [])))


def _minutes(value: Any, by: User) -> int | None:
    seconds = number_in(value or 0)
    return -(-seconds // 60) or None


_FIELDS: Mapping[str, tuple[str, Callable[[Any, User], Any]]] = {
    "TITLE": ("title", lambda value, by: one_text(value)),
    "DESCRIPTION": ("html", lambda value, by: html_of(one_text(value))),
    "RESPONSIBLE_ID": ("responsible", person_named),
    "CREATED_BY": ("created_by", person_named),
    "STATUS": ("state", _state),
    "ACCOMPLICES": ("accomplice_ids", _people),
    "AUDITORS": ("observer_ids", _people),
    "DEADLINE": ("deadline_at", _moment),
    "START_DATE_PLAN": ("starts_at", _moment),
    "END_DATE_PLAN": ("ends_at", _moment),
    "PRIORITY": ("priority", lambda value, by: number_in(value)),
    "GROUP_ID": ("project", _group),
    "PARENT_ID": ("parent", _parent),
    "TAGS": ("tags", _tags),
    "TIME_ESTIMATE": ("estimate_minutes", _minutes),
    "TASK_CONTROL": ("needs_acceptance", lambda value, by: truth(value)),
    "UF_TASK_WEBDAV_FILES": ("files", lambda value, by: value),
    "ALLOW_CHANGE_DEADLINE": ("may_move_deadline", lambda value, by: truth(value)),
    "XML_ID": ("external_id", lambda value, by: one_text(value)),
    BINDINGS: ("related", bound),
}


# What is answered


def said(moment: datetime | None) -> str | None:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else None


def _shown(rows: Sequence[Task], reader: User) -> list[dict[str, Any]]:
    people = participants_of([task.pk for task in rows])
    bindings = bindings_of([task.pk for task in rows], reader)
    own = own_fields.answered([task.pk for task in rows])
    files: dict[int, list[int]] = {task.pk: [] for task in rows}
    for tie in TaskFile.objects.filter(task__in=rows).order_by("pk"):
        files[tie.task_id].append(tie.file_id)
    role = Participant.Role
    return [
        {
            "id": str(task.pk),
            "title": task.title,
            "description": bbcode_of(task.html, files[task.pk]),
            "status": _STATUS[State(task.state)],
            "priority": str(task.priority),
            "responsibleId": str(task.responsible_id),
            "createdBy": str(task.created_by_id),
            "accomplices": [str(one.user_id) for one in people[task.pk] if one.role == role.ACCOMPLICE],
            "auditors": [str(one.user_id) for one in people[task.pk] if one.role == role.OBSERVER],
            "groupId": str(task.project_id or 0),
            "parentId": str(task.parent_id or 0),
            "deadline": said(task.deadline_at),
            "startDatePlan": said(task.starts_at),
            "endDatePlan": said(task.ends_at),
            "createdDate": said(task.created_at),
            "changedDate": said(task.changed_at),
            "closedDate": said(task.closed_at),
            "closedBy": str(task.closed_by_id or 0),
            "ufTaskWebdavFiles": files[task.pk] or False,
            "ufCrmTask": bindings[task.pk] or False,
            "tags": list(task.tags),
            "timeEstimate": str((task.estimate_minutes or 0) * 60),
            "timeSpentInLogs": str(task.spent_seconds),
            "taskControl": _YES_NO[task.needs_acceptance],
            "allowChangeDeadline": _YES_NO[task.may_move_deadline],
            "xmlId": task.external_id or None,
            **own[task.pk],
        }
        for task in rows
    ]


_TASK = {
    **dict.fromkeys(
        ("id", "title", "description", "status", "priority", "responsibleId", "createdBy"), "string"
    ),
    **dict.fromkeys(("accomplices", "auditors", "tags"), "array of string"),
    **dict.fromkeys(("groupId", "parentId", "timeEstimate", "timeSpentInLogs"), "string"),
    "closedBy": "string",
    **dict.fromkeys(("deadline", "startDatePlan", "endDatePlan", "closedDate", "xmlId"), "string?"),
    **dict.fromkeys(("createdDate", "changedDate", "taskControl", "allowChangeDeadline"), "string"),
}
_WHOLE = shaped(**_TASK)
_WHOLE["properties"]["ufTaskWebdavFiles"] = {"type": ["array", "boolean"], "items": {"type": "integer"}}
_WHOLE["properties"]["ufCrmTask"] = {"type": ["array", "boolean"], "items": {"type": "string"}}
_ONE = {"type": "object", "properties": {"task": _WHOLE}}
_DONE = shaped(task="boolean")
_SEVERAL = {"type": "object", "properties": {"tasks": {"type": "array", "items": _WHOLE}}}


def declare() -> None:
    for name, label, event in (
        ("ONTASKADD", gettext_lazy("A task was given"), TaskAdded),
        ("ONTASKUPDATE", gettext_lazy("A task was changed"), TaskChanged),
        ("ONTASKDELETE", gettext_lazy("A task was deleted"), TasksDeleted),
    ):
        hook_events.add(name, HookEvent("tasks", label, event, _told))
    scopes.add(
        "task",
        Scope(
            gettext_lazy("Tasks"),
            gettext_lazy("Read the tasks that you see, give tasks and work on them in your name."),
            room="tasks",
        ),
    )
    places.add("TASK_VIEW_TAB", Place("tasks", "task", kind=KIND, key="taskId", by_group=True))
    _TASKS.add("get", gettext_lazy("One task."), TaskGet, get, _ONE)
    _TASKS.add("list", gettext_lazy("Tasks, with filters."), TaskList, tasks, _SEVERAL, filters=_FILTERS)
    _TASKS.add(
        "add",
        gettext_lazy("Gives a task."),
        TaskAdd,
        add,
        _ONE,
        makes=Task,
        takes_over=True,
        made=lambda task, call: _one(task, call.user),
        sees=sees,
    )
    _TASKS.add("update", gettext_lazy("Changes a task."), TaskUpdate, update, _DONE, takes_over=True)
    _TASKS.add("delete", gettext_lazy("Throws a task away, for a month."), OfTask, delete, _DONE)
    _TASKS.add("delegate", gettext_lazy("Passes a task on."), Delegate, delegate, _DONE)
    for name, step, about in (
        ("start", Step.START, gettext_lazy("Begins with a task.")),
        ("pause", Step.PAUSE, gettext_lazy("Pauses a task.")),
        ("defer", Step.DEFER, gettext_lazy("Puts a task off.")),
        ("complete", Step.COMPLETE, gettext_lazy("Completes a task, or asks to accept what was done.")),
        ("approve", Step.ACCEPT, gettext_lazy("Accepts what was done.")),
        ("disapprove", Step.RETURN, gettext_lazy("Returns a task.")),
    ):
        _TASKS.add(name, about, OfTask, _stepping(step), _ONE)
    for path, about, parameters, answer, result in (
        ("add", gettext_lazy("Writes down time; answers with its number."), ElapsedAdd, add_elapsed, INTEGER),
        ("getlist", gettext_lazy("The time that was spent on a task."), ElapsedList, elapsed, _ELAPSED),
    ):
        is_new = path == "add"
        filters = {} if is_new else {"filters": _ELAPSED_FILTERS}
        _TIME.add(
            path, about, parameters, answer, result, makes=TimeEntry if is_new else None, takes_over=is_new,
            **filters,
        )  # fmt: skip


INTEGER: Mapping[str, Any] = {"type": "integer"}
_ELAPSED = listed(
    ID="string",
    TASK_ID="string",
    USER_ID="string",
    COMMENT_TEXT="string",
    SECONDS="string",
    MINUTES="string",
    CREATED_DATE="string",
    DATE_START="string",
    DATE_STOP="string?",
)


def _told(event: TaskAdded | TaskChanged | TasksDeleted) -> Mapping[str, Any] | None:
    """https://apidocs.bitrix24.com/api-reference/tasks/events-tasks/index.html"""
    pk = event.task_ids[0] if isinstance(event, TasksDeleted) else event.task_id
    return {"FIELDS_BEFORE": {"ID": pk}, "FIELDS_AFTER": {"ID": pk}}
