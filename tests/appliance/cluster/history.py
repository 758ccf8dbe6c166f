"""Whether what people were told can have happened in one order: linearisability, object by object.

    history = History()
    history.note("likes of anna", WRITE, 1, begun_at=0.0, ended_at=0.2)
    history.note("likes of anna", READ, 0, begun_at=0.3, ended_at=0.4)
    history.violations({"likes of anna": Register(0)})     # the write was acknowledged, and the read is older

Source: Wing and Gong, "Testing and verifying concurrent objects" (1993), with the states that were met kept
(Lowe, "Testing for linearizability", 2017). A history is right if each of its objects' is ("locality",
Herlihy and Wing), so each is looked at alone. What nobody knows the end of (an answer that was lost) may have
happened at any time after it began, or never.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class Kind(Enum):
    """What was asked of an object."""

    READ = "read"
    WRITE = "write"
    ADD = "add"


READ, WRITE, ADD = Kind


@dataclass(frozen=True)
class Operation:
    """One request as its client saw it. Moments are of `time.monotonic`, of one machine."""

    kind: Kind
    value: Hashable
    """Written, added, or read."""
    begun_at: float
    ended_at: float = math.inf
    """When it was answered; for ever where no answer came."""

    def __str__(self) -> str:
        end = "and no answer came" if math.isinf(self.ended_at) else f"to {self.ended_at:.3f}"
        return f"{self.kind.value} {self.value!r} from {self.begun_at:.3f} {end}"


class Model(Protocol):
    """What an object does, one operation after the other."""

    @property
    def initial(self) -> Hashable: ...

    def after(self, state: Hashable, operation: Operation) -> Hashable | None:
        """The state that follows; None where the object could not have answered so."""


@dataclass(frozen=True)
class Register:
    """Keeps what was written last: a text, a reaction, whether something is there. None is no state."""

    initial: Hashable

    def after(self, state: Hashable, operation: Operation) -> Hashable | None:
        if operation.kind is WRITE:
            return operation.value
        return state if operation.kind is READ and operation.value == state else None


@dataclass(frozen=True)
class Counter:
    """Counts what was added."""

    initial: int = 0

    def after(self, state: Hashable, operation: Operation) -> Hashable | None:
        assert isinstance(state, int) and isinstance(operation.value, int)
        if operation.kind is ADD:
            return state + operation.value
        return state if operation.kind is READ and operation.value == state else None


@dataclass(frozen=True)
class Violation:
    """An object whose answers fit no order, and the last that could not be placed."""

    of: str
    operation: Operation
    state: Hashable
    """As far as an order went, the object was so."""

    def __str__(self) -> str:
        return f"{self.of}: {self.operation}, where it was {self.state!r}"


@dataclass
class History:
    """What all clients noted; from any thread."""

    operations: dict[str, list[Operation]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(
        self, of: str, kind: Kind, value: Hashable, *, begun_at: float, ended_at: float = math.inf
    ) -> None:
        with self._lock:
            self.operations.setdefault(of, []).append(Operation(kind, value, begun_at, ended_at))

    def violations(self, models: Mapping[str, Model]) -> list[Violation]:
        """Of each object that has a model, the first thing that could not be."""
        found = (violation(of, self.operations.get(of, []), model) for of, model in models.items())
        return [one for one in found if one]


def violation(of: str, operations: list[Operation], model: Model) -> Violation | None:
    """None where the operations can be put in an order that the model allows, and in which each lies between
    its beginning and its end."""
    known = sorted(operations, key=lambda one: one.begun_at)
    ended = [place for place, one in enumerate(known) if not math.isinf(one.ended_at)]
    # Where the search stands: the first operation that is not placed, those placed behind it, the state.
    stack: list[tuple[int, frozenset[int], Hashable]] = [(0, frozenset(), model.initial)]
    met = set(stack)
    farthest, worst = -1, None
    while stack:
        first, beyond, state = stack.pop()
        placed = first + len(beyond)
        if all(place < first or place in beyond for place in ended):
            return None
        for place in _next(known, first, beyond):
            after = model.after(state, known[place])
            if after is None:
                if placed > farthest:
                    farthest, worst = placed, Violation(of, known[place], state)
                continue
            step = (*_placed(first, beyond, place), after)
            if step not in met:
                met.add(step)
                stack.append(step)
    assert worst is not None
    return worst


def _next(known: list[Operation], first: int, beyond: frozenset[int]) -> list[int]:
    """Those that may come next: begun before any other that is not placed has ended."""
    found, horizon = [], math.inf
    for place in range(first, len(known)):
        if place in beyond:
            continue
        if known[place].begun_at > horizon:
            break
        found.append(place)
        horizon = min(horizon, known[place].ended_at)
    # The one that began first is tried first, which is mostly how it was.
    return found[::-1]


def _placed(first: int, beyond: frozenset[int], place: int) -> tuple[int, frozenset[int]]:
    if place != first:
        return first, beyond | {place}
    first += 1
    while first in beyond:
        beyond -= {first}
        first += 1
    return first, beyond
