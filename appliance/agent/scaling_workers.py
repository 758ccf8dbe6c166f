"""Looks at what the web workers do, and begins what `scaling.decide` says about their number.

A worker of Python uses one core at most, so what it does of one core says how full it is. What was seen is
gone with the agent; what was decided is kept (`appliance.web_workers`).
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from appliance.agent import operations
from appliance.agent.answers import WorkersDecision
from appliance.agent.applied_config import in_force
from appliance.agent.codec import encode
from appliance.cluster.scaling import BUSINESS, History, Member, Phase, Policy, Sample, decide
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.web.service import SERVICE as WEB
from appliance.supervise import processes, supervisor_for

log = logging.getLogger(__name__)

TICK_SECONDS = 5.0
# A worker is there within seconds, so it needs no longer look than that a crowd of one minute does not count.
_PACE = timedelta(minutes=2)
POLICY = Policy(window=_PACE, cool_down=_PACE, step=1, unit="web worker")
_MOST_SAMPLES = 10_000


@dataclass(frozen=True)
class _Spent:
    """What a process had had of the processors at a moment."""

    pid: int
    seconds: float
    at: datetime


@dataclass
class WorkerScaler:
    """The agent's; it does nothing where the number of workers is fixed."""

    paths: Paths
    policy: Policy = POLICY
    """Its thresholds and times; the numbers are the node's."""
    _spent: dict[str, _Spent] = field(default_factory=dict)
    _samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=_MOST_SAMPLES))
    _begun_at: datetime | None = None

    def tick(self, now: datetime) -> None:
        node = in_force(self.paths)
        fewest, most = node.web_workers_min, node.web_workers_max
        if fewest == most:
            return
        self._measure(node, now)
        policy = replace(self.policy, minimum=fewest, maximum=most)
        plan = decide(self._history(node, now), policy, now)
        if not plan.is_change or plan.mean is None:
            return
        before = node.web_workers
        count = before + len(plan.wake) - len(plan.drain)
        decision = WorkersDecision(now, count, before, plan.mean, str(plan))
        try:
            operations.begin(self.paths, "workers", {"decision": encode(decision)}, by="agent")
        except operations.AlreadyRunning:
            # A restart, an upgrade: afterwards it is looked at again.
            return
        log.info("%s", plan)
        # One that fails is not tried again at once either.
        self._begun_at = now

    def _measure(self, node: Node, now: datetime) -> None:
        for status in supervisor_for(node).status(WEB.name, with_health=False):
            seconds = processes.cpu_seconds(status.pid) if status.pid else None
            before = self._spent.pop(status.instance, None)
            if status.pid is None or seconds is None:
                continue
            self._spent[status.instance] = _Spent(status.pid, seconds, now)
            if before and before.pid == status.pid and before.at < now:
                share = (seconds - before.seconds) / (now - before.at).total_seconds()
                self._samples.append(Sample(now, status.instance, min(share, 1.0)))
        while self._samples and self._samples[0].at < now - 2 * self.policy.window:
            self._samples.popleft()

    def _history(self, node: Node, now: datetime) -> History:
        free, needed = available_mb(), WEB.memory_mb(node)
        decided_at = node.decision.at if node.decision else None
        kinds = [journal.kind for journal in operations.unfinished(self.paths)]
        return History(
            members=members(node.web_workers, node.web_workers_max, has_room=free >= needed),
            samples=tuple(self._samples),
            # A clock that was put back must not keep it waiting.
            changed_at=max((at for at in (decided_at, self._begun_at) if at and at <= now), default=None),
            business=next((BUSINESS[kind] for kind in kinds if kind in BUSINESS), None),
            shortage=f"of the memory {free} MiB are free, where one more may need {needed}",
        )


def members(count: int, most: int, *, has_room: bool) -> tuple[Member, ...]:
    """The workers as a decision sees them. One that has been stopped or does not start is not replaced by
    another: its supervisor brings it back, or somebody."""
    rest = Phase.RESERVE if has_room else Phase.DEAD
    return tuple(
        Member(f"{WEB.name}@{number}", Phase.ACTIVE if number <= count else rest)
        for number in range(1, most + 1)
    )


def available_mb(file: Path = Path("/proc/meminfo")) -> int:
    """What more could be used without swapping, in MiB; source: proc_meminfo(5), MemAvailable."""
    lines = dict(line.split(":", 1) for line in file.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) >> 10
