"""Taking back what was just done to the structure, within some seconds, unless it was changed since.

Nothing is stored: what was and what became of it travel in a signed note to the page that did it, and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.structure import actions
from box.core.structure.actions import StructureRefused
from box.core.structure.models import Department, Membership

SALT = "org.undo"
# The note is shown for ten seconds; whoever points at it, or has a slow line, gets a little more.
SECONDS = 30

type Roles = dict[str, dict[str, str]]
"""By the id of a person the role in each of their departments, all as JSON has it."""


def roles_of(people: Iterable[int]) -> Roles:
    found: Roles = {str(pk): {} for pk in people}
    for person, department, role in Membership.objects.filter(user__in=[int(pk) for pk in found]).values_list(
        "user", "department", "role"
    ):
        found[str(person)][str(department)] = role
    return found


def note_of_move(department: Department, *, became: Department, by: User) -> str:
    """`department` is as it was."""
    return _note("place", by, pk=department.pk, was=department.parent_id, became=became.pk)


def note_of_name(department: Department, *, was: str, by: User) -> str:
    return _note("name", by, pk=department.pk, was=was, became=department.name)


def note_of_roles(was: Roles, *, by: User) -> str:
    """For all people whose places or roles the change touched."""
    return _note("roles", by, was=was, became=roles_of(map(int, was)))


def _note(kind: str, by: User, **what: Any) -> str:
    return signing.dumps({"kind": kind, "by": by.pk, **what}, salt=SALT, compress=True)


@transaction.atomic
def undo(note: str, *, by: User) -> None:
    """Makes it what it was. Raises StructureRefused where the note is too old, of somebody else, or where
    something was changed since."""
    try:
        what: Mapping[str, Any] = signing.loads(note, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        raise StructureRefused(_("It is too late to undo this: change it back by hand.")) from None
    if what["by"] != by.pk:
        raise StructureRefused(_("Somebody else did this."))
    actions.lock()
    if what["kind"] == "roles":
        if roles_of(map(int, what["was"])) != what["became"]:
            raise _changed_since()
        # Whoever was a head before takes the place from whoever became one, so they come last.
        for person in sorted(what["was"], key=lambda pk: "head" in what["was"][pk].values()):
            roles = {int(pk): role for pk, role in what["was"][person].items()}
            actions.place(User.objects.get(pk=int(person)), roles, by=by)
        return
    department = Department.objects.standing().filter(pk=what["pk"]).first()
    is_place = what["kind"] == "place"
    if department is None or (department.parent_id if is_place else department.name) != what["became"]:
        raise _changed_since()
    if is_place:
        actions.move_department(department, Department(pk=what["was"]), by=by)
    else:
        actions.rename_department(department, what["was"], by=by)


def _changed_since() -> StructureRefused:
    return StructureRefused(_("It was changed since: undo is no longer possible."))
