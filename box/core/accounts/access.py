"""Who may do what to people."""

from __future__ import annotations

from box.core.accounts.models import User


def can_manage_people(user: User) -> bool:
    return user.is_active and user.is_administrator


def can_edit_profile(user: User, person: User) -> bool:
    return user.pk == person.pk or can_manage_people(user)


def can_see_company(user: User) -> bool:
    """The list of employees is for employees: an outside guest sees only the groups that invited them."""
    return user.is_active and not user.is_extranet
