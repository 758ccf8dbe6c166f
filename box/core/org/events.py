"""What happened to the structure."""

from dataclasses import dataclass
from datetime import date


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


@dataclass(frozen=True)
class PhotoChanged:
    """Another one, or none any more."""

    user_id: int
    by_id: int | None


@dataclass(frozen=True)
class SkillAdded:
    """Somebody's profile names it from now on."""

    user_id: int
    skill_id: int
    by_id: int


@dataclass(frozen=True)
class SkillRemoved:
    user_id: int
    skill_id: int
    by_id: int


@dataclass(frozen=True)
class SkillConfirmed:
    """A colleague says that the person can do it."""

    user_id: int
    skill_id: int
    by_id: int


@dataclass(frozen=True)
class AbsenceWritten:
    """Somebody will not be at work, or on other days than was said before. For what is not told: not
    everybody may know of a sick leave that it is one."""

    absence_id: int
    user_id: int
    by_id: int
    starts_on: date | None = None
    ends_on: date | None = None
    is_new: bool = True


@dataclass(frozen=True)
class AbsenceRemoved:
    user_id: int
    by_id: int
    starts_on: date | None = None
    ends_on: date | None = None
