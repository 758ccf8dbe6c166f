"""Tasks in version 3 of the REST API: other names, numbers as numbers, what is empty as null.

Source: https://apidocs.bitrix24.com/api-reference/rest-v3/tasks/fields.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.actions.tasks import delete_tasks
from box.apps.tasks.api.tasks import apply, create, said, sees, task_seen
from box.apps.tasks.models import Participant, Task
from box.apps.tasks.states import State
from box.core.people.api.reading import BASIC, WHOLE
from box.core.people.bbcode import bbcode_of
from box.core.registry.rest import (
    DOCS,
    ApiRefused,
    Call,
    Conditions,
    MethodGroup,
    Parameters,
    Several,
    methods_of_v3,
    shaped,
)

if TYPE_CHECKING:
    from box.core.accounts.models import User

_TASKS = MethodGroup(
    prefix="tasks.task.",
    room="tasks",
    scopes=("task",),
    source=f"{DOCS}rest-v3/tasks/tasks-task-{{}}.html",
    offers=methods_of_v3,
)
# By its name there what a field is called by the methods of before.
_FIELDS = {
    "title": "TITLE", "description": "DESCRIPTION", "creatorId": "CREATED_BY",
    "responsibleId": "RESPONSIBLE_ID", "deadline": "DEADLINE", "needsControl": "TASK_CONTROL",
    "startPlan": "START_DATE_PLAN", "endPlan": "END_DATE_PLAN", "groupId": "GROUP_ID", "priority": "PRIORITY",
    "status": "STATUS", "accomplices": "ACCOMPLICES", "auditors": "AUDITORS", "parentId": "PARENT_ID",
    "estimatedTime": "TIME_ESTIMATE", "allowsChangeDeadline": "ALLOW_CHANGE_DEADLINE",
}  # fmt: skip
_STATUS = {
    State.WAITING: "pending",
    State.IN_PROGRESS: "in_progress",
    State.IN_REVIEW: "supposedly_completed",
    State.COMPLETED: "completed",
    State.DEFERRED: "deferred",
}
_NUMBERS = {name: str(number) for number, name in enumerate(_STATUS.values(), 2)}
_PRIORITIES = {"low": 0, "average": 1, "high": 2}
_WORDS: Mapping[str, Mapping[str, Any]] = {"status": _NUMBERS, "priority": _PRIORITIES}
_USER = ("id", "name", "email")
_RELATIONS: Mapping[str, tuple[str, ...]] = {
    "creator": _USER,
    "responsible": _USER,
    "closedBy": _USER,
    "group": ("id", "name"),
    "parent": ("id", "title"),
}


class OfTask(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The task."))


class TaskGet(OfTask):
    SELECT = Several(
        required=False, help_text=gettext_lazy("Fields of what belongs to it, such as responsible.name.")
    )


class TaskAdd(Parameters):
    FIELDS = Conditions(help_text=gettext_lazy("The task by its fields: title, responsibleId …"))


class TaskUpdate(TaskAdd, OfTask):
    pass


def get(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/rest-v3/tasks/tasks-task-get.html"""
    return {"item": _item(task_seen(call.values["ID"], call.user), call)}


def add(call: Call) -> Task:
    """https://apidocs.bitrix24.com/api-reference/rest-v3/tasks/tasks-task-add.html"""
    return create(_older(call.values["FIELDS"]), call)


def update(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/rest-v3/tasks/tasks-task-update.html"""
    apply(task_seen(call.values["ID"], call.user), _older(call.values["FIELDS"]), call)
    return {"result": True}


def delete(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/rest-v3/tasks/tasks-task-delete.html"""
    delete_tasks([task_seen(call.values["ID"], call.user)], by=call.user)
    return {"result": True}


def _older(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ApiRefused, ValidationError."""
    older = {}
    for name, value in fields.items():
        if name not in _FIELDS:
            raise _unknown(name)
        words = _WORDS.get(name)
        if words is not None and str(value) not in words:
            said_words = _("Write one of: %(words)s.") % {"words": ", ".join(words)}
            raise ValidationError(f"{name}: {said_words}", code="word")
        older[_FIELDS[name]] = words[str(value)] if words is not None else value
    return older


def _unknown(name: str) -> ApiRefused:
    return ApiRefused(
        "BITRIX_REST_V3_EXCEPTION_UNKNOWNDTOPROPERTYEXCEPTION",
        _("There is no field %(names)s.") % {"names": name[:80]},
    )


def _item(task: Task, call: Call) -> dict[str, Any]:
    people: dict[str, list[int]] = {Participant.Role.ACCOMPLICE: [], Participant.Role.OBSERVER: []}
    for role, pk in Participant.objects.filter(task=task).order_by("pk").values_list("role", "user"):
        people.setdefault(role, []).append(pk)
    items = list(task.items.order_by("pk").values_list("pk", flat=True))
    item = {
        "id": task.pk,
        "title": task.title,
        "description": bbcode_of(task.html),
        "creatorId": task.created_by_id,
        "created": said(task.created_at),
        "responsibleId": task.responsible_id,
        "deadline": said(task.deadline_at),
        "needsControl": task.needs_acceptance,
        "startPlan": said(task.starts_at),
        "endPlan": said(task.ends_at),
        "checklist": items,
        "containsChecklist": bool(items),
        "groupId": task.project_id,
        "priority": "high" if task.priority == Task.Priority.HIGH else "average",
        "status": _STATUS[State(task.state)],
        "accomplices": people[Participant.Role.ACCOMPLICE],
        "auditors": people[Participant.Role.OBSERVER],
        "parentId": task.parent_id,
        "estimatedTime": (task.estimate_minutes or 0) * 60,
        "changed": said(task.changed_at),
        "closed": said(task.closed_at),
        "closedById": task.closed_by_id,
        "allowsChangeDeadline": task.may_move_deadline,
        "link": f"{settings.PORTAL_URL}{task.get_absolute_url()}",
    }
    return item | _related(task, call, item)


def _related(task: Task, call: Call, item: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for as `responsible.name`; plain fields come in any case. Raises ApiRefused."""
    found: dict[str, Any] = {}
    for asked in call.values["SELECT"]:
        relation, dot, field = asked.partition(".")
        if not dot and relation in item:
            continue
        if field not in _RELATIONS.get(relation, ()):
            raise _unknown(asked)
        if field == "email" and call.scopes.isdisjoint((WHOLE, BASIC)):
            said_scopes = f"The current method required more scopes. ({BASIC})"
            raise ApiRefused("insufficient_scope", said_scopes, status=403)
        of = _of(task, relation, call.user)
        if of is None:
            found[relation] = None
        else:
            found.setdefault(relation, {})[field] = of.pk if field == "id" else getattr(of, field)
    return found


def _of(task: Task, relation: str, reader: User) -> Any:
    """Of what the task is part of no more than whoever asks sees of it."""
    ours: Mapping[str, Callable[[], User | Any]] = {
        "creator": lambda: task.created_by,
        "responsible": lambda: task.responsible,
        "closedBy": lambda: task.closed_by,
        "group": lambda: task.project,
        "parent": lambda: Task.objects.each_visible_to(reader).there().filter(pk=task.parent_id or 0).first(),
    }
    return ours[relation]()


def declare() -> None:
    item = {"type": "object", "properties": {"item": {"type": "object", "additionalProperties": True}}}
    done = shaped(result="boolean")
    _TASKS.add("get", gettext_lazy("One task."), TaskGet, get, item)
    adds = gettext_lazy("Gives a task.")
    _TASKS.add("add", adds, TaskAdd, add, item, makes=Task, made=_made, sees=sees, takes_over=True)
    _TASKS.add("update", gettext_lazy("Changes a task."), TaskUpdate, update, done, takes_over=True)
    _TASKS.add("delete", gettext_lazy("Throws a task away, for a month."), OfTask, delete, done)


def _made(task: Task, call: Call) -> Any:
    call.values.setdefault("SELECT", [])
    return {"item": _item(task, call)}
