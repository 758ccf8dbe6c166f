"""What a sample says of all the mutants that it was drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

_Z = 1.96
"""Of a normal distribution 95 % lie so many deviations around its middle."""


@dataclass(frozen=True)
class Stratum:
    """A room: how many mutants it has, and what became of those that were tried."""

    name: str
    mutants: int
    killed: int
    survived: int
    equal: int = 0

    @property
    def tried(self) -> int:
        return self.killed + self.survived + self.equal

    @property
    def counted(self) -> float:
        """Of all its mutants those that are not equal, by the share of equal ones among those tried."""
        return self.mutants * (self.killed + self.survived) / self.tried if self.tried else 0

    @property
    def share(self) -> float:
        """Between 0 and 1; 1 where nothing counts."""
        return self.killed / (self.killed + self.survived) if self.killed + self.survived else 1


def share(strata: Sequence[Stratum]) -> float:
    """Of all mutants of the rooms, each room weighing as many as it has."""
    whole = sum(one.counted for one in strata)
    return sum(one.counted * one.share for one in strata) / whole if whole else 1


def interval(strata: Sequence[Stratum]) -> tuple[float, float]:
    """Around `share`, at 95 %.

    How much a room scatters is taken from two more of either kind (Agresti and Coull), so that one of which
    all that were tried were killed is not certain. Nothing is uncertain of one that was tried whole.
    """
    whole = sum(one.counted for one in strata)
    variance = 0.0
    for one in strata:
        if one.counted:
            number = one.killed + one.survived + 4
            likely = (one.killed + 2) / number
            left = 1 - one.tried / one.mutants
            variance += (one.counted / whole) ** 2 * left * likely * (1 - likely) / number
    reach = _Z * sqrt(variance)
    return (max(0, share(strata) - reach), min(1, share(strata) + reach))
