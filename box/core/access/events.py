"""What happened to people's access."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AccessChanged:
    """These people's codes are no longer what they were."""

    user_ids: tuple[int, ...]


@dataclass(frozen=True)
class RoleCreated:
    role_id: int
    name: str
    by_id: int | None


@dataclass(frozen=True)
class RoleRenamed:
    role_id: int
    name: str
    by_id: int | None
    name_before: str = ""


@dataclass(frozen=True)
class RoleRightsChanged:
    """Keys of rights that the role has from now on, and that it had."""

    role_id: int
    name: str
    by_id: int | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoleGranted:
    role_id: int
    name: str
    code: str
    by_id: int | None


@dataclass(frozen=True)
class RoleWithdrawn:
    role_id: int
    name: str
    code: str
    by_id: int | None


@dataclass(frozen=True)
class RoleDeleted:
    role_id: int
    name: str
    by_id: int | None


@dataclass(frozen=True)
class RoleSignInChanged:
    """How whoever holds the role signs in; what is None stays as it was."""

    role_id: int
    name: str
    by_id: int | None
    needs_second_factor: bool | None = None
    networks: tuple[str, ...] | None = None


@dataclass(frozen=True)
class FieldRightChanged:
    """A role sees or changes a field of an entity from now on; with no `level` nothing is said of it."""

    role_id: int
    role: str
    entity: str
    field: str
    level: str
    by_id: int | None
