"""What happened to the structure."""

from dataclasses import dataclass

# The outbox and whoever counts from it know what happened under the name of the one room that there was.
STORED_AS = "org"


@dataclass(frozen=True)
class DepartmentCreated:
    department_id: int
    by_id: int | None


@dataclass(frozen=True)
class DepartmentRenamed:
    department_id: int
    by_id: int | None


@dataclass(frozen=True)
class DepartmentMoved:
    """With all below it, from under one department to under another."""

    department_id: int
    from_id: int | None
    to_id: int
    by_id: int | None


@dataclass(frozen=True)
class DepartmentMerged:
    """It is no more: its people and the departments below it went into another."""

    department_id: int
    into_id: int
    by_id: int | None


@dataclass(frozen=True)
class DepartmentDeleted:
    """It was empty."""

    department_id: int
    name: str
    by_id: int | None


@dataclass(frozen=True)
class MemberAdded:
    """Or given another role in the same department."""

    department_id: int
    user_id: int
    by_id: int | None
    role: str = "member"


@dataclass(frozen=True)
class MemberRemoved:
    department_id: int
    user_id: int
    by_id: int | None


@dataclass(frozen=True)
class StructureChanged:
    """However it came: what its chart and its list show is another."""

    by_id: int | None
