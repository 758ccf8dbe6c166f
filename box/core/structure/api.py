"""Departments, for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.registry.filtering import (
    Among,
    Filterable,
    Number,
    Text,
    condition_of,
    order_of,
)
from box.core.registry.rest import (
    DOCS,
    Call,
    Listing,
    ListParameters,
    MethodGroup,
    Parameters,
    Scope,
    Sorting,
    listed,
    not_found,
    scopes,
)
from box.core.structure import actions
from box.core.structure.access import can_edit_structure
from box.core.structure.models import Department, Membership

# Where departments stand in Bitrix24's own order unless somebody says otherwise: here they go by name.
SORT = 500

_DEPARTMENTS = MethodGroup(
    prefix="department.",
    room="structure",
    scopes=("department",),
    source=f"{DOCS}departments/department-{{}}.html",
)


class DepartmentGet(ListParameters):
    SORT = forms.CharField(required=False, help_text=gettext_lazy("The field to sort by."))
    ORDER = Sorting(required=False, help_text=gettext_lazy("ASC or DESC."))


def departments(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/departments/department-get.html"""
    known = Department.objects.none() if call.user.is_extranet else Department.objects.standing()
    order = order_of(call.values["SORT"], call.values["ORDER"], _DEPARTMENT_ORDERS, usual=("name", "id"))
    return Listing(
        known.filter(condition_of(call.parameters.others, _DEPARTMENT_FILTERS)), _departments_shown, order
    )


def _headed_by(ids: list[int]) -> Q:
    heads = Membership.objects.filter(user__in=ids, role=Membership.Role.HEAD)
    return Q(pk__in=heads.values("department"))


_DEPARTMENT_ORDERS = {"ID": "id", "NAME": "name", "SORT": "name", "PARENT": "parent"}
_DEPARTMENT_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "NAME": Text("name"),
    "PARENT": Number("parent"),
    "UF_HEAD": Among(_headed_by),
}


def _departments_shown(rows: Sequence[Department]) -> list[dict[str, Any]]:
    """The root has no parent, and who has no head no UF_HEAD, as Bitrix24 has it."""
    heads = dict(
        Membership.objects.filter(department__in=rows, role=Membership.Role.HEAD).values_list(
            "department_id", "user_id"
        )
    )
    return [
        {
            "ID": str(one.pk),
            "NAME": one.name,
            "SORT": SORT,
            **({"PARENT": str(one.parent_id)} if one.parent_id else {}),
            **({"UF_HEAD": str(heads[one.pk])} if one.pk in heads else {}),
        }
        for one in rows
    ]


class _Fields(Parameters):
    PARENT = forms.IntegerField(required=False, help_text=gettext_lazy("The department above it."))
    UF_HEAD = forms.IntegerField(required=False, help_text=gettext_lazy("Who leads it; 0: nobody."))
    SORT = forms.IntegerField(required=False, help_text=gettext_lazy("Nothing: departments go by name here."))


class DepartmentAdd(_Fields):
    NAME = forms.CharField(help_text=gettext_lazy("What it is called."))
    PARENT = forms.IntegerField(
        required=False, help_text=gettext_lazy("The department above it; of the first one there is none.")
    )


class DepartmentUpdate(_Fields):
    ID = forms.IntegerField(help_text=gettext_lazy("The department."))
    NAME = forms.CharField(required=False, help_text=gettext_lazy("What it is called."))


class DepartmentDelete(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The department, with nobody and nothing in it."))


@transaction.atomic
def add(call: Call) -> Department:
    """https://apidocs.bitrix24.com/api-reference/departments/department-add.html"""
    _refuse_others(call)
    above = _department(call.values["PARENT"]) if call.values["PARENT"] else None
    if above is None and Department.objects.standing().exists():
        raise ValidationError(f"PARENT: {_('One department alone stands at the top.')}", code="parent")
    head = _head(call)
    made = actions.create_department(call.values["NAME"], parent=above, by=call.user)
    if head is not None:
        actions.add_member(made, head, role=Membership.Role.HEAD, by=call.user)
    return made


@transaction.atomic
def update(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/departments/department-update.html"""
    _refuse_others(call)
    one, values = _department(call.values["ID"]), call.values
    if values["NAME"]:
        actions.rename_department(one, values["NAME"], by=call.user)
    if values["PARENT"] is not None and values["PARENT"] != one.parent_id:
        actions.move_department(one, _department(values["PARENT"]), by=call.user)
    if values["UF_HEAD"] is not None:
        _lead(one, _head(call), call)
    return True


@transaction.atomic
def delete(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/departments/department-delete.html"""
    _refuse_others(call)
    actions.delete_department(_department(call.values["ID"]), by=call.user)
    return True


def _refuse_others(call: Call) -> None:
    if not can_edit_structure(call.user):
        raise PermissionDenied(_("The structure is changed by those whom the administrators have named."))


def _department(pk: int) -> Department:
    found: Department | None = Department.objects.standing().filter(pk=pk).first()
    if found is None:
        raise not_found(_("There is no such department."))
    return found


def _head(call: Call) -> User | None:
    if not call.values["UF_HEAD"]:
        return None
    head: User | None = User.objects.employees().filter(pk=call.values["UF_HEAD"]).first()
    if head is None:
        raise not_found(_("There is no such person, or they don't work here."))
    return head


def _lead(one: Department, head: User | None, call: Call) -> None:
    """Whoever has led until now stays a member."""
    if head is not None:
        actions.add_member(one, head, role=Membership.Role.HEAD, by=call.user)
        return
    for before in one.memberships.filter(role=Membership.Role.HEAD).select_related("user"):
        actions.add_member(one, before.user, by=call.user)


def declare() -> None:
    scopes.add(
        "department",
        Scope(
            gettext_lazy("Departments"),
            gettext_lazy("Read the structure of the company, and change it as you may."),
            room="structure",
        ),
    )
    rows = listed(ID="string", NAME="string", SORT="integer", PARENT="string", UF_HEAD="string")
    reads = gettext_lazy("Departments, with filters.")
    _DEPARTMENTS.add("get", reads, DepartmentGet, departments, rows, filters=_DEPARTMENT_FILTERS)
    flag: Mapping[str, Any] = {"type": "boolean"}
    made = gettext_lazy("Makes a department; answers with its number.")
    _DEPARTMENTS.add("add", made, DepartmentAdd, add, {"type": "integer"}, makes=Department)
    changed = gettext_lazy("Renames a department, moves it, or says who leads it.")
    _DEPARTMENTS.add("update", changed, DepartmentUpdate, update, flag)
    _DEPARTMENTS.add(
        "delete", gettext_lazy("Takes an empty department away."), DepartmentDelete, delete, flag
    )
