"""What stands in the way of a box, or is wrong with one, always with its cure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way."""

    check: str
    problem: str
    cure: str
    is_warning: bool = False
    """A box works all the same: nobody is stopped."""

    def __str__(self) -> str:
        beginning = "Warning: " if self.is_warning else ""
        return f"{beginning}{self.check}: {self.problem}\n  Cure: {self.cure}"
