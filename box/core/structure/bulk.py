"""Places of many people at once: what `actions.place` does for one, in a handful of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from box.core.access.actions import renew_codes
from box.core.events.outbox import emit_all
from box.core.structure.actions import Role, StructureRefused, lock, renew_structure
from box.core.structure.events import MemberAdded, MemberRemoved
from box.core.structure.models import Department, Membership

type Places = Mapping[int, Mapping[int, str]]
"""By person the departments with the role in each."""


def roles_of_all(people: Collection[int]) -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = defaultdict(dict)
    rows = Membership.objects.filter(user__in=people).values_list("user", "department", "role")
    for person, department, role in rows:
        found[person][department] = role
    return {person: found.get(person, {}) for person in people}


@transaction.atomic
def place_all(places: Places) -> None:
    """Makes these people belong to exactly these departments, in an outside source's name.

    Of two heads of one department the last named is it. Raises StructureRefused for a department that is no
    more.
    """
    lock()
    before = roles_of_all(places.keys())
    changed = {
        (person, pk): role
        for person, roles in places.items()
        for pk, role in roles.items()
        if before[person].get(pk) != role
    }
    left = [(person, pk) for person, roles in before.items() for pk in roles.keys() - places[person].keys()]
    if not changed and not left:
        return
    wanted = {pk for _person, pk in changed}
    if Department.objects.standing().filter(pk__in=wanted).count() != len(wanted):
        raise StructureRefused(_("This department is gone: reload the page."))
    heads = {pk: person for (person, pk), role in changed.items() if role == Role.HEAD}
    changed = {
        (person, pk): Role.MEMBER if role == Role.HEAD and heads[pk] != person else role
        for (person, pk), role in changed.items()
    }
    demoted = Membership.objects.filter(department__in=heads, role=Role.HEAD)
    renewed = set(demoted.values_list("user", flat=True))
    demoted.update(role=Role.MEMBER)
    gone: dict[int, list[int]] = defaultdict(list)
    for person, pk in left:
        gone[pk].append(person)
    for pk, people in gone.items():
        Membership.objects.filter(department=pk, user__in=people).delete()
    Membership.objects.bulk_create(
        [Membership(user_id=person, department_id=pk, role=role) for (person, pk), role in changed.items()],
        update_conflicts=True, unique_fields=["user", "department"], update_fields=["role"], batch_size=2000,
    )  # fmt: skip
    renew_codes(renewed | {person for person, _pk in changed} | {person for person, _pk in left})
    emit_all(
        [
            *(MemberRemoved(department_id=pk, user_id=person, by_id=None) for person, pk in left),
            *(
                MemberAdded(department_id=pk, user_id=person, by_id=None, role=role)
                for (person, pk), role in changed.items()
            ),
        ]
    )
    renew_structure(None)


@transaction.atomic
def set_source(departments: Collection[int] | QuerySet[Any, int], source: str) -> None:
    """From now on this outside source owns these departments; an empty one gives them back to the portal."""
    if Department.objects.filter(pk__in=departments).exclude(source=source).update(source=source):
        renew_structure(None)
