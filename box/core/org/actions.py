"""Every write to the structure."""

from __future__ import annotations

from django.db import transaction

from box.core.access.actions import renew_codes
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.org.events import DepartmentCreated, MemberAdded, MemberRemoved
from box.core.org.models import Department, Membership


@transaction.atomic
def create_department(name: str, *, parent: Department | None, by: User | None) -> Department:
    department = Department(name=name.strip(), parent=parent)
    department.full_clean()
    department.save()
    department.path = [*(parent.path if parent else []), department.pk]
    department.save(update_fields=["path"])
    emit(DepartmentCreated(department_id=department.pk, by_id=by.pk if by else None))
    return department


@transaction.atomic
def add_member(
    department: Department,
    person: User,
    *,
    role: Membership.Role = Membership.Role.MEMBER,
    by: User | None,
) -> None:
    """Makes the person a member in this role, or gives a member the role. A head before becomes a member."""
    if role == Membership.Role.HEAD:
        department.memberships.filter(role=role).exclude(user=person).update(role=Membership.Role.MEMBER)
    Membership.objects.update_or_create(department=department, user=person, defaults={"role": role})
    renew_codes([person.pk])
    emit(MemberAdded(department_id=department.pk, user_id=person.pk, by_id=by.pk if by else None))


@transaction.atomic
def remove_member(department: Department, person: User, *, by: User | None) -> None:
    department.memberships.filter(user=person).delete()
    renew_codes([person.pk])
    emit(MemberRemoved(department_id=department.pk, user_id=person.pk, by_id=by.pk if by else None))
