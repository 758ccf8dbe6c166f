"""Which roles there are and what they allow, in one picture that every process remembers.

A change raises the portal's version (`registry.settings`), which came with the row of the person who asks:
so a picture that is out of date allows nothing, whoever the role was granted to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.access.models import Grant, Role, RoleRights
from box.core.access.principals import EVERYONE, memberships_of
from box.core.access.rights import rights
from box.core.registry.settings import Remembered

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User

BUILT_IN: Mapping[str, _StrOrPromise] = {
    Role.Key.ADMINISTRATORS: _("Administrators"),
    Role.Key.EMPLOYEES: _("All employees"),
}


# By identity: what follows from roles is remembered under them.
@dataclass(frozen=True, eq=False)
class RoleNow:
    """A role as it is now. Who administers is said of the person: nobody is granted that by a code."""

    id: int | None
    key: str
    own_name: str
    rights: frozenset[str]
    grantees: frozenset[str]
    needs_second_factor: bool = False
    networks: tuple[str, ...] = ()

    @property
    def name(self) -> _StrOrPromise:
        return BUILT_IN[self.key] if self.key else self.own_name

    @property
    def slug(self) -> str:
        """How addresses name it."""
        return self.key or str(self.id)

    @property
    def is_administrators(self) -> bool:
        return self.key == Role.Key.ADMINISTRATORS

    @property
    def is_employees(self) -> bool:
        return self.key == Role.Key.EMPLOYEES

    def is_held_by(self, user: User) -> bool:
        if self.is_administrators:
            return user.is_active and user.is_administrator
        return user.is_active and not memberships_of(user).isdisjoint(self.grantees)


@dataclass(frozen=True)
class Roles:
    """Every role there is: the built-in ones first, then by name."""

    all: tuple[RoleNow, ...]

    @cached_property
    def holders(self) -> Mapping[str, frozenset[str]]:
        """The principals that hold each right; administrators, who hold them all, apart."""
        return {
            key: frozenset(code for role in self.all if key in role.rights for code in role.grantees)
            for key, _right in rights.items()
        }

    @cached_property
    def with_networks(self) -> tuple[RoleNow, ...]:
        return tuple(role for role in self.all if role.networks)

    def of(self, user: User) -> list[RoleNow]:
        return [role for role in self.all if role.is_held_by(user)]


def effective(key: str, chosen: Iterable[str], withdrawn: Iterable[str]) -> frozenset[str]:
    """The rights of a role with this key. What a new version of the box brings for everybody, employees hold
    without anybody's doing; administrators hold all there is."""
    known = {name for name, _right in rights.items()}
    if key == Role.Key.ADMINISTRATORS:
        return frozenset(known)
    held = set(chosen)
    if key == Role.Key.EMPLOYEES:
        held |= usual() - set(withdrawn)
    return frozenset(held & known)


def usual() -> frozenset[str]:
    """The rights that all employees hold unless it was decided otherwise."""
    return frozenset(name for name, right in rights.items() if EVERYONE in right.default)


def _read() -> Roles:
    grantees: dict[int, set[str]] = {}
    for role_id, code in Grant.objects.current().values_list("role_id", "code"):
        grantees.setdefault(role_id, set()).add(code)
    rows = {row.role_id: row for row in RoleRights.objects.current()}
    found = list(Role.objects.filter(deleted_at=None))
    built_in = {role.key: role for role in found if role.key}
    own = sorted((role for role in found if not role.key), key=lambda role: role.name.lower())
    # A built-in role needs no row as long as nobody has changed it.
    ordered = [*(built_in.get(key) or Role(key=key) for key in BUILT_IN), *own]
    return Roles(
        tuple(_now(role, rows.get(role.pk), frozenset(grantees.get(role.pk, ()))) for role in ordered)
    )


def _now(role: Role, row: RoleRights | None, grantees: frozenset[str]) -> RoleNow:
    is_administrators = role.key == Role.Key.ADMINISTRATORS
    needs = is_administrators if role.needs_second_factor is None else role.needs_second_factor
    return RoleNow(
        id=role.pk,
        key=role.key,
        own_name=role.name,
        rights=effective(role.key, row.rights if row else (), row.withdrawn if row else ()),
        grantees=frozenset({EVERYONE}) if role.key == Role.Key.EMPLOYEES else grantees,
        needs_second_factor=needs,
        networks=tuple(role.networks),
    )


_remembered = Remembered(_read)


def current() -> Roles:
    """In a request at most two queries, and none if nothing has changed since the last one."""
    return _remembered.value


def read_anew() -> Roles:
    """For whoever has just changed them: what is remembered is as old as the request."""
    return _read()


def may_come_from(user: User, address: str, roles: Roles | None = None) -> bool:
    """Whether no role of theirs keeps them out from there. Costs nothing where no role asks for networks."""
    restricting = [role for role in (roles or current()).with_networks if role.is_held_by(user)]
    return all(is_within(address, role.networks) for role in restricting)


def is_within(address: str, networks: Iterable[str]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in ip_network(network) for network in networks)
