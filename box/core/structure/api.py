"""Departments, for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy

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
    Method,
    Scope,
    Sorting,
    listed,
    methods,
    scopes,
)
from box.core.structure.models import Department, Membership

# Where departments stand in Bitrix24's own order unless somebody says otherwise: here they go by name.
SORT = 500


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


def declare() -> None:
    scopes.add(
        "department",
        Scope(
            gettext_lazy("Departments"), gettext_lazy("Read the structure of the company."), room="structure"
        ),
    )
    methods.add(
        "department.get",
        Method(
            room="structure",
            scopes=("department",),
            about=gettext_lazy("Departments, with filters."),
            parameters=DepartmentGet,
            answer=departments,
            filters=_DEPARTMENT_FILTERS,
            result=listed(ID="string", NAME="string", SORT="integer", PARENT="string", UF_HEAD="string"),
            source=f"{DOCS}departments/department-get.html",
        ),
    )
