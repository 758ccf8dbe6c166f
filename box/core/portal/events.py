"""What was changed for the whole portal."""

from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class SettingsChanged:
    """Each change is the setting's key with its old and its new value; those of secrets are never told."""

    changes: tuple[tuple[str, Any, Any], ...]
    by_id: int


@dataclass(frozen=True)
class CalendarChanged:
    """This day was decided upon anew; `kind` is empty where it follows the supplied calendar again."""

    on: date
    kind: str
    by_id: int
