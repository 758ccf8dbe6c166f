"""How many nodes shall be awake, and how many web workers within one. This decides, from what the processors
had to do; who acts is elsewhere.

The signal is the mean CPU of the active nodes over a window, and never latency: a slow database makes every
page slow, and more web nodes make a slow database slower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import fmean


class Phase(StrEnum):
    """Where a node stands between asleep and at work."""

    ACTIVE = "active"
    WAKING = "waking"
    DRAINING = "draining"
    RESERVE = "reserve"
    """Joined and asleep."""
    DEAD = "dead"


class Business(StrEnum):
    """What goes on in a cluster that must not lose a node meanwhile."""

    FAILOVER = "failover"
    BACKUP = "backup"
    UPGRADE = "upgrade"


BUSINESS: Mapping[str, Business] = {
    "backup": Business.BACKUP,
    "restore": Business.BACKUP,
    "rolling": Business.UPGRADE,
    "upgrade": Business.UPGRADE,
}
"""Long operations, by their kind, during which nobody goes to sleep."""


@dataclass(frozen=True)
class Member:
    """A node as the decision sees it."""

    name: str
    phase: Phase
    can_sleep: bool = True
    """False where it holds data or a vote: only those that may sleep are ever drained."""


@dataclass(frozen=True)
class Sample:
    """What the processors of a node did in the seconds before `at`: 0 nothing, 1 all that they can."""

    at: datetime
    node: str
    busy: float


@dataclass(frozen=True)
class History:
    """All that a decision looks at."""

    members: tuple[Member, ...]
    samples: tuple[Sample, ...] = ()
    changed_at: datetime | None = None
    """When a node was last woken, made, drained or lost."""
    business: Business | None = None
    shortage: str = "no reserve is left"
    """Why nobody can be woken where nobody is in reserve."""

    def names(self, *phases: Phase) -> tuple[str, ...]:
        return tuple(member.name for member in self.members if member.phase in phases)


@dataclass(frozen=True)
class Policy:
    """What the administrator has chosen."""

    minimum: int = 1
    maximum: int = 8
    out_above: float = 0.60
    in_below: float = 0.30
    window: timedelta = timedelta(minutes=5)
    cool_down: timedelta = timedelta(minutes=5)
    """Between two changes by load. A dead node is replaced whenever that was."""
    step: int = 2
    """Nodes that one decision adds or takes away, at most."""
    can_create: bool = False
    """Whether a provider makes machines once no reserve is left."""
    unit: str = "node"
    """What one of those is called that are counted."""

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.maximum:
            raise PolicyRefused("The minimum must be at least 1, and not above the maximum.")
        if not 0 < self.in_below < self.out_above < 1:
            raise PolicyRefused("The thresholds must lie between 0 and 1, the one for in below that for out.")
        if self.step < 1:
            raise PolicyRefused("A step has at least one node.")
        if self.window <= timedelta(0) or self.cool_down < timedelta(0):
            raise PolicyRefused("The window must have a length, and the cool-down none below zero.")


class PolicyRefused(ValueError):
    """No decision could follow from this policy."""


@dataclass(frozen=True)
class Plan:
    """What is to be done, and why, with the figures."""

    reason: str
    wake: tuple[str, ...] = ()
    """Reserves to be woken; those that are being drained come first, and just stay."""
    create: int = 0
    """Machines that the provider shall make."""
    drain: tuple[str, ...] = ()
    mean: float | None = None
    """What the processors of the nodes at work did; None where the decision is about their number alone."""

    @property
    def is_change(self) -> bool:
        return bool(self.wake or self.create or self.drain)

    def __str__(self) -> str:
        acts = [
            f"waking {', '.join(self.wake)}" if self.wake else "",
            f"making {_numbered(self.create, 'node')}" if self.create else "",
            f"draining {', '.join(self.drain)}" if self.drain else "",
        ]
        return f"{self.reason}: {' and '.join(act for act in acts if act) or 'nothing is done'}."


def decide(history: History, policy: Policy, now: datetime) -> Plan:
    """What is to be done at `now`.

    Losses come first and wait for nothing. Out goes as far as the measured work needs to come below the upper
    threshold, in only as far as the work would stay below it: so no decision is the reason of the next one.
    """
    active = history.names(Phase.ACTIVE)
    awake = len(active) + len(history.names(Phase.WAKING))
    if awake < policy.minimum:
        reason = f"{_counted(awake, policy)} awake, below the minimum of {policy.minimum}"
        return _out(history, policy, policy.minimum - awake, reason)
    if awake > policy.maximum:
        reason = f"{_counted(awake, policy)} awake, above the maximum of {policy.maximum}"
        return _in(history, awake - policy.maximum, reason)
    load = _load(history, policy, now)
    if load is None:
        return Plan("Too little is known of the last minutes")
    reason = f"Mean CPU {load.mean:.0%} of {_counted(len(active), policy)} over {_minutes(policy.window)}"
    if load.mean > policy.out_above:
        plan = _busy(history, policy, load, now, reason=f"{reason}, above {policy.out_above:.0%}")
    elif load.mean < policy.in_below:
        plan = _idle(history, policy, load, now, reason=f"{reason}, below {policy.in_below:.0%}")
    else:
        plan = Plan(f"{reason}, between {policy.in_below:.0%} and {policy.out_above:.0%}")
    return replace(plan, mean=load.mean)


def _busy(history: History, policy: Policy, load: _Load, now: datetime, *, reason: str) -> Plan:
    waking = history.names(Phase.WAKING)
    awake = len(history.names(Phase.ACTIVE)) + len(waking)
    # Those that are waking will take their part of it.
    needed = math.ceil(load.work / policy.out_above) - awake
    if needed <= 0:
        return Plan(f"{reason}, and {_listed(waking)} waking")
    if waiting := _cooling(history, policy, now):
        return Plan(f"{reason}, and {waiting}")
    if awake == policy.maximum:
        return Plan(f"{reason}, and the maximum of {policy.maximum} is reached")
    return _out(history, policy, min(needed, policy.step, policy.maximum - awake), reason)


def _idle(history: History, policy: Policy, load: _Load, now: datetime, *, reason: str) -> Plan:
    awake = len(history.names(Phase.ACTIVE))
    if history.names(Phase.WAKING) or not load.is_complete:
        return Plan(f"{reason}, and not every {policy.unit} has told of itself")
    if waiting := _cooling(history, policy, now):
        return Plan(f"{reason}, and {waiting}")
    enough = max(policy.minimum, math.ceil(load.work / policy.out_above), awake - policy.step)
    if enough >= awake:
        return Plan(f"{reason}, and {_counted(awake, policy)} {'is' if awake == 1 else 'are'} needed")
    return _in(history, awake - enough, reason)


@dataclass(frozen=True)
class _Load:
    mean: float
    work: float
    """The same in whole nodes: what one alone would have to do."""
    is_complete: bool
    """Whether every active node has told of itself, and until now."""


def _load(history: History, policy: Policy, now: datetime) -> _Load | None:
    """None where the samples do not reach far enough back, or end too early, to be called a window."""
    active = history.names(Phase.ACTIVE)
    # What was measured before a change was measured of another cluster.
    begins = max(now - policy.window, history.changed_at or now - policy.window)
    by_node: dict[str, list[Sample]] = {name: [] for name in active}
    for sample in history.samples:
        if sample.node in by_node and begins < sample.at <= now:
            by_node[sample.node].append(sample)
    margin = policy.window / 5
    known = {
        name: samples
        for name, samples in by_node.items()
        if samples and now - max(sample.at for sample in samples) <= margin
    }
    told = [sample.at for samples in known.values() for sample in samples]
    if not told or min(told) > now - policy.window + margin:
        return None
    mean = fmean(fmean(sample.busy for sample in samples) for samples in known.values())
    return _Load(mean, mean * len(active), is_complete=len(known) == len(active))


def _cooling(history: History, policy: Policy, now: datetime) -> str:
    if history.changed_at is None or now - history.changed_at >= policy.cool_down:
        return ""
    return f"the last change was {_minutes(now - history.changed_at)} ago, of {_minutes(policy.cool_down)}"


def _out(history: History, policy: Policy, count: int, reason: str) -> Plan:
    # A node that is being drained is on already: it stays.
    wake = (*history.names(Phase.DRAINING), *history.names(Phase.RESERVE))[:count]
    create = count - len(wake) if policy.can_create else 0
    if not wake and not create:
        return Plan(f"{reason}, and {history.shortage}")
    return Plan(reason, wake=wake, create=create)


def _in(history: History, count: int, reason: str) -> Plan:
    if history.business:
        return Plan(f"{reason}, and a {history.business} is running")
    if history.names(Phase.DRAINING):
        return Plan(f"{reason}, and {_listed(history.names(Phase.DRAINING))} still being drained")
    able = [member.name for member in history.members if member.phase is Phase.ACTIVE and member.can_sleep]
    if not able:
        return Plan(f"{reason}, and no node may sleep")
    # The last to come are the first to go.
    return Plan(reason, drain=tuple(able[-count:]))


def _counted(count: int, policy: Policy) -> str:
    return _numbered(count, policy.unit)


def _numbered(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _minutes(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:g} min"
