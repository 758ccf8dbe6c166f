"""What a person may, or might at some moment, and through which roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from box.core.access.models import Grant, Role, RoleRights, Standing
from box.core.access.principals import EVERYONE, codes_of
from box.core.access.rights import rights
from box.core.access.roles import BUILT_IN, effective

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.utils.functional import _StrOrPromise

    from box.core.access.rights import Right
    from box.core.accounts.models import User


@dataclass(frozen=True)
class Through:
    """A role and the principals through which the person held it, each with when that was granted."""

    role: _StrOrPromise
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True)
class HeldRight:
    right: Right
    through: tuple[Through, ...]


@dataclass(frozen=True)
class Report:
    """`is_recorded` is false where it was not written down what the person answered to: then their present
    memberships were taken."""

    held: tuple[HeldRight, ...]
    codes: frozenset[str]
    is_administrator: bool
    is_recorded: bool


def rights_of(person: User, *, at: datetime) -> Report:
    # Also of the accounts that were merged into this one since: then they were two, and one person.
    standings = list(
        Standing.objects.at(at)
        .filter(Q(user=person) | Q(user__merged_into=person))
        .order_by("user", "-since")
        .distinct("user")
    )
    codes = frozenset(code for one in standings for code in one.codes) if standings else codes_of(person)
    administered = any(one.is_administrator for one in standings) if standings else person.is_administrator
    is_administrator = bool(codes) and administered
    held: dict[str, list[Through]] = {}
    if is_administrator:
        _add(held, effective(Role.Key.ADMINISTRATORS, (), ()), Through(BUILT_IN[Role.Key.ADMINISTRATORS]))
    grants: dict[int, list[Grant]] = {}
    for grant in Grant.objects.at(at).filter(code__in=codes).select_related("granted_by").order_by("since"):
        grants.setdefault(grant.role_id, []).append(grant)
    rows = RoleRights.objects.at(at).select_related("role").order_by("role__name")
    for row in rows.filter(role__in=grants):
        _add(held, effective("", row.rights, ()), Through(row.role.name, tuple(grants[row.role_id])))
    if EVERYONE in codes:
        own = rows.filter(role__key=Role.Key.EMPLOYEES).first()
        usual = effective(Role.Key.EMPLOYEES, own.rights if own else (), own.withdrawn if own else ())
        _add(held, usual, Through(BUILT_IN[Role.Key.EMPLOYEES]))
    return Report(
        held=tuple(HeldRight(right, tuple(held[key])) for key, right in rights.items() if key in held),
        codes=codes,
        is_administrator=is_administrator,
        is_recorded=bool(standings),
    )


def _add(held: dict[str, list[Through]], keys: Iterable[str], through: Through) -> None:
    for key in keys:
        held.setdefault(key, []).append(through)
