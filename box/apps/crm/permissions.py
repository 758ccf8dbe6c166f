"""How far people reach in the CRM: one rule for lists, cards, search, reports, exports and calls.

A record stands in a scope: that of its stage where the stage has permissions of its own, else of its
pipeline, else of its type. Its audience holds, marked with the scope, all that who is responsible answers to:

    crm:p7:U17   crm:p7:D5   crm:p7:DR5   crm:p7:DR1   crm:p7:UA

A role reaches so far in a scope, by operation; the codes that follow are made of what a person answers to:

    own records                        crm:p7:U17
    those of the own departments     crm:p7:D5
    and of all below them            crm:p7:DR5
    all                              crm:p7:UA

Both sides meet as audiences do everywhere. When somebody changes their department their records' audiences
follow; what a role may do, or who holds it, needs no record touched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from django.utils.translation import pgettext_lazy

from box.core.access.principals import EVERYONE, code_of, memberships_of
from box.core.access.roles import current as current_roles
from box.core.registry.settings import Remembered

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.apps.crm.models import RecordType
    from box.core.access.roles import RoleNow
    from box.core.accounts.models import User

PREFIX = "crm:"


class Operation(StrEnum):
    READ = "read"
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    EXPORT = "export"


class Level(IntEnum):
    """How far an operation reaches. Greater ones include the smaller."""

    NONE = 0
    OWN = 1
    DEPARTMENT = 2
    BELOW = 3
    ALL = 4


OPERATIONS: Mapping[Operation, _StrOrPromise] = {
    Operation.READ: pgettext_lazy("operation", "See"),
    Operation.ADD: pgettext_lazy("operation", "Add"),
    Operation.CHANGE: pgettext_lazy("operation", "Change"),
    Operation.DELETE: pgettext_lazy("operation", "Delete"),
    Operation.EXPORT: pgettext_lazy("operation", "Export"),
}
LEVELS: Mapping[Level, _StrOrPromise] = {
    Level.NONE: pgettext_lazy("reach", "nothing"),
    Level.OWN: pgettext_lazy("reach", "their own"),
    Level.DEPARTMENT: pgettext_lazy("reach", "their department"),
    Level.BELOW: pgettext_lazy("reach", "and departments below"),
    Level.ALL: pgettext_lazy("reach", "everything"),
}

USUAL: Mapping[Operation, Level] = {
    Operation.READ: Level.OWN,
    Operation.ADD: Level.OWN,
    Operation.CHANGE: Level.OWN,
    Operation.DELETE: Level.NONE,
    Operation.EXPORT: Level.NONE,
}
"""What all employees may in a new portal, until an administrator decides about a type."""


# By identity: what follows from rules is remembered under them.
@dataclass(frozen=True, eq=False)
class Rules:
    """Every scope in which records stand, each with those it falls back on, and what roles were given."""

    scopes: Mapping[str, tuple[str, ...]]
    given: Mapping[tuple[int, str, Operation], Level]

    def level(self, role: RoleNow, scope: str, operation: Operation) -> Level:
        return self.level_in(role, self.scopes[scope], operation)

    def level_in(self, role: RoleNow, scopes: Iterable[str], operation: Operation) -> Level:
        """What the first of these scopes says in which something was given."""
        for one in scopes:
            level = self.given.get((role.id or 0, one, operation))
            if level is not None:
                return level
        return USUAL[operation] if role.is_employees else Level.NONE

    def levels(self, roles: Iterable[RoleNow], operation: Operation) -> dict[str, Level]:
        """By scope how far these roles reach together."""
        held = tuple(roles)
        return {
            scope: max((self.level(role, scope, operation) for role in held), default=Level.NONE)
            for scope in self.scopes
        }


def audience_in(scope: str, memberships: Iterable[str], observers: Iterable[str] = ()) -> list[str]:
    """The audience of a record in this scope whose responsible person answers to these codes."""
    places = {code for code in memberships if code.startswith(("U", "D"))} | {EVERYONE}
    return sorted({*(f"{PREFIX}{scope}:{code}" for code in places), *observers})


def codes_by(levels: Mapping[str, Level], memberships: Collection[str], own: str) -> Iterator[str]:
    """The codes that somebody with these memberships answers to who reaches so far."""
    departments = [code for code in memberships if code.startswith("D") and not code.startswith("DR")]
    for scope, level in levels.items():
        mark = f"{PREFIX}{scope}:"
        if level >= Level.ALL:
            yield mark + EVERYONE
            continue
        if level >= Level.OWN:
            yield mark + own
        if level >= Level.BELOW:
            yield from (f"{mark}DR{code[1:]}" for code in departments)
        elif level >= Level.DEPARTMENT:
            yield from (mark + code for code in departments)


@dataclass(frozen=True)
class _Reach:
    """To what somebody answers for an operation. The same for all who hold the same memberships and roles."""

    codes: frozenset[str]
    scopes: frozenset[str]
    """In which they reach anything."""


# Some hundred codes each, of the colleagues who were here last.
@lru_cache(maxsize=2048)
def _reach(
    rules: Rules, roles: tuple[RoleNow, ...], memberships: frozenset[str], own: str, operation: Operation
) -> _Reach:
    codes = frozenset(codes_by(rules.levels(roles, operation), memberships, own))
    return _Reach(codes, frozenset(code.split(":")[1] for code in codes))


_NOTHING = _Reach(frozenset(), frozenset())


def _reach_of(user: User, operation: Operation) -> _Reach:
    """In a request no query once roles are known."""
    if not user.is_active:
        return _NOTHING
    roles = tuple(current_roles().of(user))
    return _reach(current(), roles, memberships_of(user), code_of(user), operation)


def granted_codes(user: User, operation: Operation) -> frozenset[str]:
    """What this person answers to for this operation."""
    return _reach_of(user, operation).codes


def codes_to_read(user: User) -> frozenset[str]:
    """Of what somebody sees: also what they observe, whatever their role."""
    return granted_codes(user, Operation.READ) | {code_of(user)}


def sees_whole_scope(codes: Iterable[str]) -> bool:
    return any(code.endswith(f":{EVERYONE}") for code in codes)


def is_permitted(user: User, operation: Operation, audience: Iterable[str]) -> bool:
    """Whether this person may do so with a record of this audience."""
    if not user.is_active:
        return False
    return user.is_administrator or not granted_codes(user, operation).isdisjoint(audience)


def permitter(user: User, operation: Operation) -> Callable[[Iterable[str]], bool]:
    """The same for many audiences: the rules are asked once."""
    if user.is_active and user.is_administrator:
        return lambda audience: True
    codes = granted_codes(user, operation)
    return lambda audience: not codes.isdisjoint(audience)


def reaches_into(user: User, operation: Operation, kind: RecordType) -> bool:
    """Whether somebody's roles let them do so with anything of this type: what has no place where they reach
    nothing, such as a tab."""
    if user.is_administrator or not user.is_active:
        return user.is_active
    scopes = current().scopes
    return any(kind.scope in scopes.get(one, ()) for one in _reach_of(user, operation).scopes)


def may_enter(user: User) -> bool:
    """Whether there is a CRM for this person at all."""
    return user.is_active and (user.is_administrator or bool(granted_codes(user, Operation.READ)))


def codes_from_roles(user: User) -> frozenset[str]:
    """For `box.core.access.principals.expanders`: what this person sees of the CRM, wherever its audiences
    go along: into search, pushes, files and comments."""
    return granted_codes(user, Operation.READ)


def current() -> Rules:
    return _remembered.value


def _read() -> Rules:
    from box.apps.crm.models import Permission, Pipeline, RecordType, Stage

    scopes: dict[str, tuple[str, ...]] = {}
    for pk in RecordType.objects.filter(has_stages=False).values_list("pk", flat=True):
        scopes[f"t{pk}"] = (f"t{pk}",)
    for pk, type_id in Pipeline.objects.values_list("pk", "type_id"):
        scopes[f"p{pk}"] = (f"p{pk}", f"t{type_id}")
    own = Stage.objects.filter(has_own_permissions=True).values_list("pk", "pipeline_id", "pipeline__type_id")
    for pk, pipeline_id, type_id in own:
        scopes[f"s{pk}"] = (f"s{pk}", f"p{pipeline_id}", f"t{type_id}")
    given = {
        (role_id, scope, Operation(operation)): Level(level)
        for role_id, scope, operation, level in Permission.objects.values_list(
            "role_id", "scope", "operation", "level"
        )
    }
    return Rules(scopes, given)


_remembered = Remembered(_read)
