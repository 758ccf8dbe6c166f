"""What happened to the structure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DepartmentCreated:
    department_id: int
    by_id: int | None


@dataclass(frozen=True)
class MemberAdded:
    department_id: int
    user_id: int
    by_id: int | None


@dataclass(frozen=True)
class MemberRemoved:
    department_id: int
    user_id: int
    by_id: int | None
