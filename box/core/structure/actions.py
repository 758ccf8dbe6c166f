"""Every write to the structure.

Whoever changes the tree, or who belongs where, holds one lock for the whole of it: such writes are rare, and
two of them at once could make a cycle that neither makes alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from box.core.access.actions import renew_codes
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.settings import raise_version
from box.core.structure import access_changes
from box.core.structure.access import why_not_place
from box.core.structure.events import (
    DepartmentCreated,
    DepartmentDeleted,
    DepartmentMerged,
    DepartmentMoved,
    DepartmentRenamed,
    MemberAdded,
    MemberRemoved,
    StructureChanged,
)
from box.core.structure.models import Department, Membership

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

Role = Membership.Role

_LOCK = 0x6F7267


class StructureRefused(ValidationError):
    """The structure would not be one any more, or is not ours to change."""

    def __init__(self, message: _StrOrPromise) -> None:
        super().__init__(message, code="structure")


class PlaceForbidden(StructureRefused):
    """Whoever asks may not put this person there."""


@transaction.atomic
def create_department(
    name: str,
    *,
    parent: Department | None,
    by: User | None,
    source: str = "",
    number: int | None = None,
) -> Department:
    """`number` is that of a department which was deleted and is there again: what was addressed to it reaches
    this one. Raises ValidationError where another has it."""
    lock()
    parent = _again(parent) if parent else None
    department = Department(pk=number, name=name.strip(), parent=parent, source=source)
    department.full_clean()
    department.save(force_insert=True)
    department.path = [*(parent.path if parent else []), department.pk]
    department.save(update_fields=["path"])
    emit(DepartmentCreated(department_id=department.pk, by_id=_id(by)))
    renew_structure(_id(by))
    return department


@transaction.atomic
def rename_department(department: Department, name: str, *, by: User | None) -> None:
    _refuse_if_owned(department, by)
    name = name.strip()
    if name == department.name:
        return
    department.name = name
    department.clean_fields(exclude=["parent"])
    department.save(update_fields=["name"])
    emit(DepartmentRenamed(department_id=department.pk, by_id=_id(by)))
    renew_structure(_id(by))


@transaction.atomic
def move_department(department: Department, under: Department, *, by: User | None) -> None:
    """Puts the department, with all below it, under another. Raises StructureRefused for what would be a
    cycle, and for the one at the top, under which everything stands."""
    lock()
    department, under = _again(department), _again(under)
    if department.parent_id == under.pk:
        return
    refuse_move(department, under, by=by)
    change = access_changes.change_of_move(department, under)
    _move(department, under)
    renew_codes(change.people)
    emit(
        DepartmentMoved(
            department_id=department.pk, from_id=department.parent_id, to_id=under.pk, by_id=_id(by)
        )
    )
    renew_structure(_id(by))


def refuse_move(department: Department, under: Department, *, by: User | None) -> None:
    """Raises what moving it there would raise."""
    _refuse_if_owned(department, by)
    _refuse_top(department)
    if department.pk in under.path:
        raise StructureRefused(
            _("%(under)s is part of %(name)s: choose a department outside of it.")
            % {"under": under.name, "name": department.name}
        )


def _move(department: Department, under: Department) -> None:
    """One statement writes the new way from the root of all that moves."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE org_department"
            " SET path = %(head)s::bigint[] || path[%(depth)s:],"
            " parent_id = CASE WHEN id = %(id)s THEN %(under)s ELSE parent_id END"
            " WHERE path @> ARRAY[%(id)s]::bigint[]",
            {"head": under.path, "depth": len(department.path), "id": department.pk, "under": under.pk},
        )


@transaction.atomic
def merge_departments(department: Department, into: Department, *, by: User | None) -> None:
    """Makes one department of two. What was addressed to the first reaches the people of the second.

    Heads and deputies of the first become members: the second has its own.
    """
    lock()
    department, into = _again(department), _again(into)
    refuse_move(department, into, by=by)
    change = access_changes.change_of_merger(department, into)
    for child in department.children.standing():
        _move(child, into)
    there = set(into.memberships.values_list("user", flat=True))
    department.memberships.filter(user__in=there).delete()
    department.memberships.update(department=into, role=Role.MEMBER)
    Department.objects.filter(merged_into=department).update(merged_into=into)
    Department.objects.filter(pk=department.pk).update(merged_into=into, parent=None, path=[department.pk])
    renew_codes(change.people)
    emit(DepartmentMerged(department_id=department.pk, into_id=into.pk, by_id=_id(by)))
    renew_structure(_id(by))


@transaction.atomic
def delete_department(department: Department, *, by: User | None) -> None:
    """Takes an empty department away. Raises StructureRefused for one with people or departments in it."""
    lock()
    department = _again(department)
    _refuse_if_owned(department, by)
    _refuse_top(department)
    if department.memberships.exists() or department.children.exists():
        raise StructureRefused(
            _("%(name)s is not empty: merge it into another one, or move everything out of it first.")
            % {"name": department.name}
        )
    emit(DepartmentDeleted(department_id=department.pk, name=department.name, by_id=_id(by)))
    renew_structure(_id(by))
    department.delete()


@transaction.atomic
def add_member(
    department: Department, person: User, *, role: Membership.Role = Role.MEMBER, by: User | None
) -> None:
    """Makes the person a member in this role, or gives a member the role. A head before becomes a member."""
    lock()
    place(person, {**roles_of(person), department.pk: role}, by=by)


@transaction.atomic
def remove_member(department: Department, person: User, *, by: User | None) -> None:
    lock()
    place(person, {pk: role for pk, role in roles_of(person).items() if pk != department.pk}, by=by)


@transaction.atomic
def move_member(person: User, out_of: Department, to: Department, *, by: User | None) -> None:
    """From one department to another, of which the person becomes a member; a role is of its department."""
    lock()
    roles = roles_of(person)
    if out_of.pk not in roles:
        raise StructureRefused(
            _("%(name)s is not in %(department)s any more: reload the page.")
            % {"name": person.name, "department": out_of.name}
        )
    roles.pop(out_of.pk)
    place(person, {to.pk: Role.MEMBER, **roles}, by=by)


def roles_of(person: User) -> dict[int, str]:
    """The departments that the person belongs to, with the role in each."""
    return dict(Membership.objects.filter(user=person).values_list("department", "role"))


@transaction.atomic
def place(person: User, roles: Mapping[int, str], *, by: User | None) -> None:
    """Makes the person belong to exactly these departments, in these roles; nothing happens where that is so.

    Raises StructureRefused for a department that is gone, or a person whose place an outside source decides;
    PlaceForbidden for what is not `by`'s to say.
    """
    lock()
    before = roles_of(person)
    changed = {pk: role for pk, role in roles.items() if before.get(pk) != role}
    left = before.keys() - roles.keys()
    if not changed and not left:
        return
    if said := why_not_place(by, person, before, roles) if by is not None else "":
        raise PlaceForbidden(said)
    if source := person.owners.get("departments") if by is not None else None:
        raise StructureRefused(
            _("%(source)s decides where %(name)s belongs: change it there.")
            % {"source": source, "name": person.name}
        )
    if Department.objects.standing().filter(pk__in=changed).count() != len(changed):
        raise StructureRefused(_("This department is gone: reload the page."))
    headed = [pk for pk, role in changed.items() if role == Role.HEAD]
    demoted = Membership.objects.filter(department__in=headed, role=Role.HEAD)
    # To lead is a code of its own: whoever has led until now loses it at once.
    renewed = {person.pk, *demoted.values_list("user", flat=True)}
    demoted.update(role=Role.MEMBER)
    Membership.objects.filter(user=person, department__in=left).delete()
    Membership.objects.bulk_create(
        [Membership(user=person, department_id=pk, role=role) for pk, role in changed.items()],
        update_conflicts=True, unique_fields=["user", "department"], update_fields=["role"],
    )  # fmt: skip
    renew_codes(renewed)
    for pk in sorted(left):
        emit(MemberRemoved(department_id=pk, user_id=person.pk, by_id=_id(by)))
    for pk, role in changed.items():
        emit(MemberAdded(department_id=pk, user_id=person.pk, by_id=_id(by), role=role))
    renew_structure(_id(by))


def renew_structure(by_id: int | None) -> None:
    """Has everybody read the structure anew, and whoever looks at it hear of that."""
    raise_version()
    emit(StructureChanged(by_id=by_id))


def renew_leader(user_id: int, by_id: int | None) -> None:
    """What the structure shows of heads and deputies has changed of this person, if they are one."""
    if Membership.objects.leading().filter(user=user_id).exists():
        renew_structure(by_id)


def lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _again(department: Department) -> Department:
    """As it is now that the lock is ours."""
    try:
        return Department.objects.standing().get(pk=department.pk)
    except Department.DoesNotExist:
        raise StructureRefused(_("This department is gone: reload the page.")) from None


def _refuse_if_owned(department: Department, by: User | None) -> None:
    """What an outside source owns only the box itself changes, in the source's name."""
    if department.source and by is not None:
        raise StructureRefused(
            _("%(name)s comes from %(source)s: change it there.")
            % {"name": department.name, "source": department.source}
        )


def _refuse_top(department: Department) -> None:
    if department.parent_id is None:
        raise StructureRefused(
            _("%(name)s stands at the top: everything is under it.") % {"name": department.name}
        )


def _id(by: User | None) -> int | None:
    return by.pk if by else None
