"""Fields of a company's own of tasks, for programs: `task.item.userfield.*`, and what stands in them.

A task has them under the portal's two ways to write a name: `UF_YARD` in what is sent, `ufYard` in what is
answered. Source: https://apidocs.bitrix24.com/api-reference/tasks/user-field/index.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy

from box.apps.tasks.fields import TASK_FIELDS
from box.core.fields import rest
from box.core.fields.definitions import FILTERS, KINDS, described
from box.core.fields.models import Field
from box.core.fields.values import finder, values_of, values_of_many
from box.core.files.rest import keeper
from box.core.portal.field_definitions import (
    BY_ITSELF,
    LISTED,
    add_definition,
    archive_definition,
    change_definition,
    definition,
    listed_definitions,
)
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    ListParameters,
    MethodGroup,
    Parameters,
    Sorting,
    in_small_letters,
    listed,
)

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.filtering import Filterable

ENTITY, PREFIX = "TASKS_TASK", "UF_"
_FIELDS = MethodGroup(
    prefix="task.item.userfield.",
    room="tasks",
    scopes=("task",),
    source=f"{DOCS}tasks/user-field/index.html",
)


class OfField(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The field."))


class FieldList(ListParameters):
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"SORT": "ASC"}.'))
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))


class NewField(Parameters):
    PARAMS = Conditions(help_text=gettext_lazy("The field: FIELD_NAME, USER_TYPE_ID, LABEL …"))


class ChangedField(OfField):
    DATA = Conditions(help_text=gettext_lazy("What changes of it."))


def definitions(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/user-field/task-item-user-field-get-list.html"""
    return listed_definitions(call, TASK_FIELDS, ENTITY)


def one(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/user-field/task-item-user-field-get.html"""
    return described(definition(call.values["ID"], TASK_FIELDS), ENTITY, language="")


def add(call: Call) -> Field:
    """https://apidocs.bitrix24.com/api-reference/tasks/user-field/task-item-user-field-add.html"""
    return add_definition(TASK_FIELDS, call.values["PARAMS"], call, prefix=PREFIX)


def update(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/user-field/task-item-user-field-update.html"""
    return change_definition(TASK_FIELDS, call.values["DATA"], call)


def delete(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/user-field/task-item-user-field-delete.html"""
    return archive_definition(TASK_FIELDS, call)


def types(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/user-field/task-item-user-field-get-types.html"""
    return [{"ID": name, "title": str(kind.label)} for name, kind in KINDS.items()]


# What stands in them


def filters() -> Mapping[str, Filterable]:
    return rest.filters(TASK_FIELDS.fields)


def is_own(name: str) -> bool:
    """Whether a task has a field of the company's own under this name."""
    return any(field.code == name for field in TASK_FIELDS.fields)


def answered(tasks: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By task what stands in all of them, in one query."""
    values = values_of_many(TASK_FIELDS, tasks)
    return {
        pk: {
            in_small_letters(code): value
            for code, value in rest.answered(TASK_FIELDS.fields, values.get(pk, {})).items()
        }
        for pk in tasks
    }


def given(
    sent: Mapping[str, Any], *, reader: User, by: User, task: int | None = None
) -> dict[Field, tuple[Any, ...]]:
    """Of what was sent by the names of fields; files become `by`'s. What a `task` has may be sent back as it
    was answered. Raises ValidationError, StoreUnavailable."""
    fields = TASK_FIELDS.fields
    kept = values_of(fields, task) if task is not None else None
    return rest.given(fields, sent, finder(reader), keep=keeper(by), kept=kept)


def declare() -> None:
    yes = {"type": "boolean"}
    several = {"type": "array", "items": LISTED}
    _FIELDS.add(
        "getlist", gettext_lazy("Own fields of tasks."), FieldList, definitions, several, filters=FILTERS
    )
    _FIELDS.add("get", gettext_lazy("An own field of tasks, with its labels."), OfField, one, BY_ITSELF)
    adds = gettext_lazy("Adds an own field of tasks; answers with its number.")
    _FIELDS.add("add", adds, NewField, add, {"type": "integer"}, makes=Field)
    changes = gettext_lazy("Changes labels, rules and list of an own field of tasks.")
    _FIELDS.add("update", changes, ChangedField, update, yes)
    hides = gettext_lazy("Takes an own field of tasks out of sight; what stands in it is kept.")
    _FIELDS.add("delete", hides, OfField, delete, yes)
    kinds = gettext_lazy("Which kinds of own fields there are.")
    _FIELDS.add("gettypes", kinds, Parameters, types, listed(ID="string", title="string"))
