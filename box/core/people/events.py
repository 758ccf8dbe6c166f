"""What happened to people's profiles."""

from dataclasses import dataclass
from datetime import date

# The outbox and whoever counts from it know what happened under the name of the one room that there was.
STORED_AS = "org"


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
