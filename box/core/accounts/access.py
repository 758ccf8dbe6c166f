"""Who may do what to people."""

from __future__ import annotations

from box.core.access import roles
from box.core.access.principals import people_behind
from box.core.access.rights import has_right, rights
from box.core.accounts.models import User

EDIT_PEOPLE = "company.edit_people"
EDITORS_OF_PEOPLE = "accounts:editors"
"""Whoever has that right, as a principal: of files that only they and the person may see."""


def can_manage_people(user: User) -> bool:
    return has_right(user, EDIT_PEOPLE)


def codes_of_editors(user: User) -> frozenset[str]:
    """For `box.core.access.principals.expanders`."""
    return frozenset({EDITORS_OF_PEOPLE} if can_manage_people(user) else ())


def can_manage(user: User, person: User) -> bool:
    """Who administers the box is changed by administrators alone: the right to edit people is no way up.
    Nothing is changed about an account that is another's now."""
    if person.merged_into_id is not None:
        return False
    return can_manage_people(user) and (user.is_administrator or not person.is_administrator)


def can_edit_profile(user: User, person: User) -> bool:
    return user.pk == person.pk or can_manage(user, person)


def can_see_company(user: User) -> bool:
    """The list of employees is for employees: an outside guest sees only the groups that invited them."""
    return user.is_active and not user.is_extranet


def can_edit_roles(user: User) -> bool:
    """No right for it: whoever had one could grant themselves all the others."""
    return user.is_active and user.is_administrator


def console_codes() -> frozenset[str]:
    """The principals that roles with rights of the console are granted to: whoever is put among them holds
    these."""
    return frozenset(
        code
        for role in roles.read_anew().all
        if not (role.is_employees or role.is_administrators)
        and any(rights[key].section == "console" for key in role.rights)
        for code in role.grantees
    )


def console_holders() -> frozenset[int]:
    """Whose account is no way up for others: administrators, and whoever holds a role with rights of the
    console. No directory takes them over, and only administrators merge them."""
    holders = set(User.objects.filter(is_administrator=True).values_list("pk", flat=True))
    if codes := console_codes():
        holders.update(User.objects.filter(people_behind(codes)).values_list("pk", flat=True))
    return frozenset(holders)
