"""Departments as rows: out of an older state of the portal, and back."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.actions import renew_codes
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.capabilities import Kept, Rows
from box.core.registry.rows import packed, put_in, stands, values_of
from box.core.structure import actions
from box.core.structure.access import can_edit_structure
from box.core.structure.events import DepartmentCreated
from box.core.structure.models import Department, Membership

KIND = "org.department"


def find(text: str, reader: User) -> Iterator[Kept]:
    """For those who change the structure."""
    if not can_edit_structure(reader):
        return
    for one in Department.objects.standing().filter(name__icontains=text).select_related("parent").by_name():
        yield Kept(one.pk, one.name, one.parent.name if one.parent else "", timezone.now())


def pack(pk: int) -> Rows:
    department = Department.objects.get(pk=pk)
    return packed(department, *department.memberships.all())


def is_there(rows: Rows) -> bool:
    return stands(rows, Department.objects.standing())


def is_same(rows: Rows) -> bool:
    return stands(rows, Department.objects.all(), "name", "parent_id")


def put_back(rows: Rows, by: User) -> str:
    """Under its name, where it stood. One that was taken away or merged comes back with those of its people
    who belong nowhere else; where the others belong now is not touched."""
    if not can_edit_structure(by):
        raise ValidationError(_("The structure is changed by those whom the administrators have named."))
    values = values_of(rows, Department)
    there = Department.objects.standing().filter(pk=values["id"]).first()
    above = Department.objects.standing().filter(pk=values["parent_id"]).first()
    if there is not None:
        actions.rename_department(there, values["name"], by=by)
        if above is not None and there.parent_id != above.pk:
            actions.move_department(there, above, by=by)
        return _address(there)
    above = above or Department.objects.standing().filter(parent=None).order_by("pk").first()
    actions.lock()
    # One that was merged is there still, as what leads to the other: it becomes itself again.
    path = [*(above.path if above else []), values["id"]]
    put_in(rows[:1], parent_id=above.pk if above else None, path=path)
    Department.objects.filter(pk=values["id"]).update(
        name=values["name"], parent=above, path=path, merged_into=None
    )
    placed = set(Membership.objects.values_list("user", flat=True))
    people = [row for row in rows[1:] if row["values"]["user_id"] not in placed]
    put_in(people)
    department = Department.objects.get(pk=values["id"])
    renew_codes(list(department.memberships.values_list("user", flat=True)))
    emit(DepartmentCreated(department_id=department.pk, by_id=by.pk))
    actions.renew_structure(by.pk)
    return _address(department)


def _address(department: Department) -> str:
    return reverse("structure:department", args=[department.pk])
