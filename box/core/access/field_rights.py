"""Rights by field: which roles see a field of an entity, and which may change it.

    fields = field_access(user, "crm.t2")
    fields.sees("amount"), fields.changes("amount")

An entity is named by its room (`crm.t2`), a field as the room's actions call it, or by the key of a field
that the company has defined. Nothing given: everybody changes what they may change at all. What employees are
not given by their common role another role may give back: several roles reach as far as any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from django.db import transaction

from box.core.access.events import FieldRightChanged
from box.core.access.models import FieldRight
from box.core.access.roles import current as current_roles
from box.core.events.outbox import emit
from box.core.registry.settings import Remembered, raise_version

if TYPE_CHECKING:
    from box.core.access.models import Role
    from box.core.access.roles import RoleNow
    from box.core.accounts.models import User


class FieldLevel(IntEnum):
    """Greater ones include the smaller."""

    HIDDEN = 0
    SEE = 1
    CHANGE = 2


@dataclass(frozen=True)
class FieldRules:
    """By entity and field what roles were given, by their numbers."""

    given: Mapping[str, Mapping[str, Mapping[int, FieldLevel]]]

    def level_of(self, role: RoleNow, entity: str, name: str) -> FieldLevel:
        level = self.given.get(entity, {}).get(name, {}).get(role.id or 0)
        if level is not None:
            return level
        return FieldLevel.CHANGE if role.is_employees else FieldLevel.HIDDEN

    def limits(self, roles: Iterable[RoleNow], entity: str) -> dict[str, FieldLevel]:
        """The fields of which these roles together may not change everything, with how far they reach."""
        held = tuple(roles)
        levels = {
            name: max((self.level_of(role, entity, name) for role in held), default=FieldLevel.HIDDEN)
            for name in self.given.get(entity, {})
        }
        return {name: level for name, level in levels.items() if level < FieldLevel.CHANGE}

    def is_hidden_from_some(self, entity: str, name: str) -> bool:
        """Whether there may be somebody who does not see it: then it stands in nothing that all readers of an
        object share, such as the search."""
        return FieldLevel.HIDDEN in self.given.get(entity, {}).get(name, {}).values()


@dataclass(frozen=True)
class FieldAccess:
    """How far somebody reaches among an entity's fields."""

    limits: Mapping[str, FieldLevel] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(frozenset(self.limits.items()))

    def sees(self, name: str) -> bool:
        return self.limits.get(name, FieldLevel.CHANGE) >= FieldLevel.SEE

    def changes(self, name: str) -> bool:
        return self.limits.get(name, FieldLevel.CHANGE) >= FieldLevel.CHANGE


EVERYTHING = FieldAccess()


@dataclass(frozen=True)
class _Known:
    """What somebody reaches by these rules while they hold these roles."""

    rules: FieldRules
    held: tuple[int | None, ...]
    access: FieldAccess


def field_access(user: User | None, entity: str) -> FieldAccess:
    """Of None, the portal itself, and of administrators everything; no query once roles are known."""
    if user is None or (user.is_active and user.is_administrator):
        return EVERYTHING
    rules = current()
    if entity not in rules.given:
        return EVERYTHING
    roles = current_roles().of(user)
    held = tuple(role.id for role in roles)
    cache: dict[str, _Known] = vars(user).setdefault("_field_access", {})
    known = cache.get(entity)
    # The rules themselves are kept, not their id: that of rules which are gone may be another's by now.
    if known is None or known.rules is not rules or known.held != held:
        known = cache[entity] = _Known(rules, held, FieldAccess(rules.limits(roles, entity)))
    return known.access


@transaction.atomic
def set_field_right(
    role: Role, entity: str, name: str, level: FieldLevel | None, *, by: User | None
) -> None:  # fmt: skip
    """How far a role reaches there; None: nothing is said of it. Whether there is such a field, and may be
    hidden, its room has checked."""
    rows = FieldRight.objects.filter(role=role, entity=entity, field=name)
    before = rows.values_list("level", flat=True).first()
    if before == level:
        return
    if level is None:
        rows.delete()
    else:
        FieldRight.objects.update_or_create(
            role=role, entity=entity, field=name, defaults={"level": level.value}
        )
    raise_version()
    emit(
        FieldRightChanged(
            role_id=role.pk, role=str(role), entity=entity, field=name,
            level="" if level is None else level.name.lower(), by_id=by.pk if by else None,
        )
    )  # fmt: skip


def current() -> FieldRules:
    return _remembered.value


def _read() -> FieldRules:
    given: dict[str, dict[str, dict[int, FieldLevel]]] = {}
    rows = FieldRight.objects.filter(role__deleted_at=None)
    for role_id, entity, name, level in rows.values_list("role_id", "entity", "field", "level"):
        given.setdefault(entity, {}).setdefault(name, {})[role_id] = FieldLevel(level)
    return FieldRules(given)


_remembered = Remembered(_read)
