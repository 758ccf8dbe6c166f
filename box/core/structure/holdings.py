"""The departments that a person heads: they pass on when the person leaves, and say who their manager is."""

from __future__ import annotations

from box.core.accounts.models import User
from box.core.structure import actions
from box.core.structure.models import Department, Membership


def headed_by(person: User) -> list[str]:
    """The names of the departments that the person heads."""
    headed = Department.objects.filter(memberships__user=person, memberships__role=Membership.Role.HEAD)
    return list(headed.by_name().values_list("name", flat=True))


def hand_over_departments(person: User, successor: User | None, by: User) -> None:
    """The successor heads them from now on."""
    headed = Department.objects.filter(memberships__user=person, memberships__role=Membership.Role.HEAD)
    for department in headed.order_by("id"):
        if successor is not None:
            actions.add_member(department, successor, role=Membership.Role.HEAD, by=by)
        else:
            actions.add_member(department, person, role=Membership.Role.MEMBER, by=by)


def manager_of(person: User) -> User | None:
    """The head of the person's own department; of the nearest one above it that has another head."""
    own = min(person.memberships.all(), key=lambda place: place.pk, default=None)
    if own is None:
        return None
    heads = Membership.objects.filter(
        department__in=own.department.path, role=Membership.Role.HEAD, user__status=User.Status.ACTIVE
    ).exclude(user=person)
    by_department = {head.department_id: head.user for head in heads.select_related("user")}
    return next((by_department[pk] for pk in reversed(own.department.path) if pk in by_department), None)
