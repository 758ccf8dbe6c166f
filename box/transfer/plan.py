"""In which order the stages of a migration go: whatever one refers to has come before it.

Pure: stages come in by what they need, an order comes out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter


class ImpossiblePlan(ValueError):
    """Stages need each other, or one that there is not."""


def ordered(needs: Mapping[str, Collection[str]], chosen: Collection[str]) -> list[str]:
    """The chosen ones, with all that they need, each behind what it needs; else in the order of `needs`.

    Raises ImpossiblePlan.
    """
    wanted: set[str] = set()
    waiting = list(chosen)
    while waiting:
        stage = waiting.pop()
        if stage not in needs:
            raise ImpossiblePlan(f"there is no stage {stage!r}")
        if stage not in wanted:
            wanted.add(stage)
            waiting += needs[stage]
    sorter = TopologicalSorter({stage: needs[stage] for stage in needs if stage in wanted})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ImpossiblePlan(f"stages need each other: {' → '.join(error.args[1])}") from None
    rank = {stage: number for number, stage in enumerate(needs)}
    found: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready += sorter.get_ready()
        ready.sort(key=rank.__getitem__)
        stage = ready.pop(0)
        found.append(stage)
        sorter.done(stage)
    return found
