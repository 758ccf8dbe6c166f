"""What happened to workgroups."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GroupCreated:
    group_id: int
    by_id: int


@dataclass(frozen=True)
class GroupChanged:
    """Its name, description or kind, or that it was archived or opened again: each field with what it was and
    what it is now."""

    group_id: int
    by_id: int | None
    changes: tuple[tuple[str, Any, Any], ...] = ()


@dataclass(frozen=True)
class GroupDeleted:
    group_id: int
    name: str
    by_id: int


@dataclass(frozen=True)
class MemberJoined:
    group_id: int
    user_id: int
    by_id: int | None


@dataclass(frozen=True)
class MemberLeft:
    """By themselves, taken out, or because their time in the group was over."""

    group_id: int
    user_id: int
    by_id: int | None


@dataclass(frozen=True)
class RoleChanged:
    group_id: int
    user_id: int
    role: str
    by_id: int | None


@dataclass(frozen=True)
class PersonInvited:
    group_id: int
    user_id: int
    by_id: int


@dataclass(frozen=True)
class MembershipAsked:
    group_id: int
    user_id: int
