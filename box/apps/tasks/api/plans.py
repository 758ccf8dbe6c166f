"""How work is planned, for programs: stages made and kept, and what waits for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.actions.dependencies import add_dependency, remove_dependency
from box.apps.tasks.actions.stages import (
    add_stage,
    change_stage,
    delete_stage,
    move_stage,
    stages_of,
)
from box.apps.tasks.api.parts import owner_meant, stage_seen, upper
from box.apps.tasks.api.tasks import INTEGER, number_in, task_seen
from box.apps.tasks.api.transfer_fields import LINK_TYPES
from box.apps.tasks.models import Dependency, TaskStage
from box.core.registry.rest import DOCS, Call, Conditions, MethodGroup, Parameters, not_found, one_text

_STAGES = MethodGroup(
    prefix="task.stages.", room="tasks", scopes=("task",), source=f"{DOCS}tasks/stages/index.html"
)
_LINKED = MethodGroup(
    prefix="task.dependence.", room="tasks", scopes=("task",), source=f"{DOCS}tasks/index.html"
)


class StageAdd(Parameters):
    FIELDS = Conditions(
        help_text=gettext_lazy("TITLE, COLOR, ENTITY_ID (a group; 0: one's own plan), AFTER_ID.")
    )


class OfStage(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The stage."))


class StageUpdate(OfStage):
    FIELDS = Conditions(help_text=gettext_lazy("TITLE, COLOR, AFTER_ID."))


class Linked(Parameters):
    TASKIDFROM = forms.IntegerField(help_text=gettext_lazy("The task that is waited for."))
    TASKIDTO = forms.IntegerField(help_text=gettext_lazy("The task that waits."))


class Link(Linked):
    LINKTYPE = forms.IntegerField(
        min_value=0, max_value=3,
        help_text=gettext_lazy("0: start to start, 1: start to end, 2: end to start, 3: end to end."),
    )  # fmt: skip


def new_stage(call: Call) -> TaskStage:
    """https://apidocs.bitrix24.com/api-reference/tasks/stages/task-stages-add.html"""
    given = upper(call.values["FIELDS"], "TITLE", "COLOR", "AFTER_ID", "ENTITY_ID")
    owner = owner_meant(number_in(given.get("ENTITY_ID") or 0, "ENTITY_ID"), call.user)
    with transaction.atomic():
        made = add_stage(owner, one_text(given.get("TITLE")), color=_color(given), by=call.user)
        _place(made, _after(given), call)
    return made


def update_stage(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/stages/task-stages-update.html"""
    given = upper(call.values["FIELDS"], "TITLE", "COLOR", "AFTER_ID")
    stage = stage_seen(call.values["ID"], call.user)
    values = {"name": one_text(given["TITLE"])} if "TITLE" in given else {}
    if color := _color(given):
        values["color"] = color
    with transaction.atomic():
        if values:
            change_stage(stage, values, by=call.user)
        if "AFTER_ID" in given:
            _place(stage, _after(given), call)
    return True


def drop_stage(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/stages/task-stages-delete.html"""
    delete_stage(stage_seen(call.values["ID"], call.user), by=call.user)
    return True


def _after(given: Mapping[str, Any]) -> int:
    return number_in(given.get("AFTER_ID") or 0, "AFTER_ID")


def _place(stage: TaskStage, after_id: int, call: Call) -> None:
    """Behind this one; 0: before all others."""
    stage = TaskStage.objects.select_related("project", "user").get(pk=stage.pk)
    ids = [one.pk for one in stages_of(stage.project or call.user)]
    others = [pk for pk in ids if pk != stage.pk]
    if after_id and after_id not in others:
        raise not_found(_("There is no such stage, or it is not yours."))
    place = others.index(after_id) + 1 if after_id else 0
    move_stage(stage, place - ids.index(stage.pk), by=call.user)


def _color(given: Mapping[str, Any]) -> str:
    """Programs write it without its sign; nothing: it stays."""
    text = one_text(given.get("COLOR"))
    return f"#{text.removeprefix('#')}" if text else ""


def link(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/task-dependence-add.html"""
    before, after = (task_seen(call.values[name], call.user) for name in ("TASKIDFROM", "TASKIDTO"))
    add_dependency(before, after, LINK_TYPES[call.values["LINKTYPE"]], by=call.user)
    return []


def unlink(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/task-dependence-delete.html"""
    before, after = (task_seen(call.values[name], call.user) for name in ("TASKIDFROM", "TASKIDTO"))
    found = Dependency.objects.select_related("after").filter(before=before, after=after).first()
    if found is None:
        raise not_found(_("These tasks are not linked."))
    remove_dependency(found, by=call.user)
    return []


def declare() -> None:
    done: Mapping[str, Any] = {"type": "boolean"}
    nothing: Mapping[str, Any] = {"type": "array", "maxItems": 0}
    stage = gettext_lazy("Makes a stage; answers with its number.")
    _STAGES.add("add", stage, StageAdd, new_stage, INTEGER, makes=TaskStage)
    changes = gettext_lazy("Changes a stage, or its place.")
    _STAGES.add("update", changes, StageUpdate, update_stage, done)
    _STAGES.add("delete", gettext_lazy("Removes a stage."), OfStage, drop_stage, done)
    waits = gettext_lazy("One task waits for another.")
    _LINKED.add("add", waits, Link, link, nothing)
    _LINKED.add("delete", gettext_lazy("It waits no more."), Linked, unlink, nothing)
