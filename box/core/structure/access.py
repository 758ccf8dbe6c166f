"""Which principals of the structure a person is, and who may change it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from box.core.access.principals import Held, Provider
from box.core.access.rights import has_right
from box.core.accounts.access import can_manage, console_codes, console_holders
from box.core.accounts.models import User
from box.core.structure.models import Department, Membership
from box.lib.prepared import Asked, Param, Prepared, Rows

EDIT_STRUCTURE = "company.edit_structure"


def _places() -> QuerySet[Department, tuple[int, list[int], list[int], list[int], str]]:
    gone = Department.objects.filter(merged_into__id__in_array=OuterRef("path"))
    own = Department.objects.filter(memberships__user=Param("user", BigIntegerField())).annotate(
        gone_above=ArraySubquery(gone.values("id")),
        gone_here=ArraySubquery(gone.filter(merged_into=OuterRef("id")).values("id")),
    )
    return own.values_list("id", "path", "gone_above", "gone_here", "memberships__role")


_PLACES = Prepared(_places)


def _query(user: User) -> Asked:
    return _PLACES.asked(user=user.pk)


def _held(rows: Rows) -> Iterator[Held]:
    for pk, path, gone_above, gone_here, role in rows:
        yield from (Held(f"D{answered}") for answered in (pk, *gone_here))
        yield from (Held(f"DR{answered}") for answered in (*path, *gone_above))
        if role != Membership.Role.MEMBER:
            yield from (Held(f"H{answered}") for answered in (pk, *gone_here))


DEPARTMENT_CODES = Provider(_query, _held)
"""`D` of the person's own departments, `DR` of these and of all above them, `H` of those that they lead.

Whoever answers to a department also answers to those that were merged into it.
"""


def can_edit_structure(user: User) -> bool:
    return has_right(user, EDIT_STRUCTURE)


def codes_of_places(roles: Mapping[int, str]) -> frozenset[str]:
    """What whoever has these roles in these departments answers to, as `DEPARTMENT_CODES` has it: also of
    somebody who is not there yet."""
    paths = dict(Department.objects.filter(pk__in=roles).values_list("pk", "path"))
    gone = list(
        Department.objects.filter(merged_into__in={pk for path in paths.values() for pk in path}).values_list(
            "pk", "merged_into"
        )
    )
    rows: Rows = [
        [
            pk,
            path,
            [merged for merged, into in gone if into in path],
            [merged for merged, into in gone if into == pk],
            roles[pk],
        ]
        for pk, path in paths.items()
    ]
    return frozenset(held.code for held in _held(rows))


def why_not_place(user: User, person: User, before: Mapping[int, str], after: Mapping[int, str]) -> str:
    """Why somebody who may edit people may not have this person belong to these departments, in these roles,
    and what to do about it; empty where they may.

    Where everybody belongs is for who may change the structure. Whoever edits people says where somebody
    comes to who belongs nowhere yet, and who heads a department after its head: one of its own people, or who
    heads one above it. Neither of themselves, nor where rights in the console come with it: they could give
    them to themselves.
    """
    member = Membership.Role.MEMBER
    gained = {pk: role for pk, role in after.items() if pk not in before or role not in (before[pk], member)}
    left = before.keys() - after.keys()
    if can_edit_structure(user) or not (gained or left):
        return ""
    new = gained.keys() - before.keys() - _below(before, gained)
    is_moved = left or (new and before) or any(gained[pk] != member for pk in new)
    if is_moved or user.pk == person.pk:
        return _(
            "Who belongs to which department, and heads it, is for whoever may change the structure: ask"
            " them, or an administrator."
        )
    if not codes_of_places(gained).isdisjoint(console_codes()):
        return _(
            "Rights in the console come with this department: only whoever may change the structure puts"
            " somebody there. Ask them, or an administrator."
        )
    return ""


def _below(roles: Mapping[int, str], led: Mapping[int, str]) -> set[int]:
    """Of the departments to be headed those that stand below one which whoever has these roles heads."""
    heads = {pk for pk, role in roles.items() if role == Membership.Role.HEAD}
    wanted = [pk for pk, role in led.items() if role == Membership.Role.HEAD and heads]
    if not wanted:
        return set()
    paths = Department.objects.filter(pk__in=wanted).values_list("pk", "path")
    return {pk for pk, path in paths if not heads.isdisjoint(path)}


def members_of_departments(codes: Collection[str]) -> Q:
    """See `box.core.access.principals.members`. What was merged means what it was merged into."""
    asked = {kind: _ids(codes, kind) for kind in ("D", "DR", "H")}
    ids = asked["D"] | asked["DR"] | asked["H"]
    merged = dict(
        Department.objects.filter(pk__in=ids, merged_into__isnull=False).values_list("pk", "merged_into")
    )
    here = [merged.get(pk, pk) for pk in asked["D"]]
    below = [merged.get(pk, pk) for pk in asked["DR"]]
    led = Membership.objects.leading().filter(department__in=[merged.get(pk, pk) for pk in asked["H"]])
    found = Q(memberships__department__in=here) | Q(memberships__department__path__overlap=below)
    return found | Q(pk__in=led.order_by().values("user")) if asked["H"] else found


def heads_over(user_ids: Iterable[int]) -> set[str]:
    """The codes of whoever leads these people: `H` of their departments and of all above. It is for what a
    head sees of others' work: nobody is their own head, and a deputy is led by the head beside them.

    Whoever writes them into an audience renews it on `AccessChanged`: people move, and departments do.
    """
    places = Membership.objects.filter(user__in=set(user_ids)).values_list("department__path", "role")
    is_head = Membership.Role.HEAD
    return {f"H{pk}" for path, role in places for pk in (path[:-1] if role == is_head else path)}


def _ids(codes: Collection[str], kind: str) -> set[int]:
    found = (re.fullmatch(rf"{kind}(\d{{1,18}})", code) for code in codes)
    return {int(match[1]) for match in found if match}


def must_manage(user: User, person: User) -> None:
    """Raises PermissionDenied, with a word, for whoever may not change this account."""
    if person.merged_into_id is not None:
        raise PermissionDenied(_("This account was merged into another: that one is the person."))
    if not can_manage(user, person):
        raise PermissionDenied(_("Only administrators change other administrators."))


def must_hand_links(user: User, people: Iterable[User]) -> None:
    """The same for the links by which these people join. Whoever has such a link is that person: of those who
    have rights in the console it is for administrators alone, as their merger is."""
    people = list(people)
    for person in people:
        must_manage(user, person)
    holders = frozenset() if user.is_administrator else console_holders()
    for person in people:
        if person.pk in holders:
            said = _("%(name)s has rights in the console: ask an administrator to invite them.")
            raise PermissionDenied(said % {"name": person.name})
