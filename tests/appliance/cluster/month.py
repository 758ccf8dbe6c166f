"""A month of a company, minute by minute, at the real `decide`: `python -m tests.appliance.cluster.month`.

Work is given in nodes: 1.2 is all that one node can do, and a fifth of another one. Beyond what the awake
nodes can do it waits, as requests do, and is done afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from appliance.cluster.scaling import Business, History, Member, Phase, Plan, Policy, Sample, decide

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAYS = 30
WAKING = 2
"""Minutes until a woken node takes requests."""

type Work = Callable[[datetime], float]


def company(at: datetime) -> float:
    """Day and night, weekends, Monday mornings; on the tenth day a spike of ten times for half an hour."""
    hour = at.hour + at.minute / 60
    is_weekend = at.weekday() >= 5
    by_day = max(0.0, math.sin((hour - 7) / 12 * math.pi)) if 7 <= hour <= 19 else 0.0
    work = 0.12 + (0.25 if is_weekend else 1.1) * by_day
    if at.weekday() == 0 and 8.5 <= hour < 10:
        work += 1.2
    if (at - MONDAY).days == 9 and 14 <= hour < 14.5:
        work = 0.4 * 10
    return work


@dataclass
class Month:
    """The nodes, and what became of them. `lost_at` is when one of those at work dies."""

    policy: Policy
    work: Work = company
    lost_at: datetime | None = MONDAY + timedelta(days=7, hours=9, minutes=10)
    minutes: int = DAYS * 24 * 60
    business: Callable[[datetime], Business | None] = lambda _: None
    members: list[Member] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    """Nodes at work, a number a minute."""
    decisions: list[tuple[datetime, Plan]] = field(default_factory=list)
    minutes_above: int = 0
    """Minutes in which the nodes at work were busier than the threshold."""
    longest_wait: float = 0.0
    """Work that waited at most, in node minutes."""
    minutes_below_minimum: int = 0

    def run(self) -> Month:
        policy = self.policy
        self.members = [
            Member(f"node-{number}", Phase.ACTIVE if number <= policy.minimum else Phase.RESERVE, number > 1)
            for number in range(1, policy.maximum + 2)
        ]
        samples: list[Sample] = []
        changed_at: datetime | None = None
        waiting, ready_at = 0.0, dict[str, datetime]()
        for minute in range(self.minutes):
            now = MONDAY + minute * MINUTE
            if now == self.lost_at:
                self._turn(self._named(Phase.ACTIVE)[-1], Phase.DEAD)
                changed_at = now
            for name in [name for name, moment in ready_at.items() if moment <= now]:
                del ready_at[name]
                self._turn(name, Phase.ACTIVE)
                changed_at = now
            for name in self._named(Phase.DRAINING):
                self._turn(name, Phase.RESERVE)
            active = self._named(Phase.ACTIVE)
            self.sizes.append(len(active))
            self.minutes_below_minimum += len(active) < policy.minimum
            asked = self.work(now) + waiting
            done = min(asked, float(len(active)))
            waiting = asked - done
            self.longest_wait = max(self.longest_wait, waiting)
            busy = done / len(active) if active else 1.0
            self.minutes_above += busy > policy.out_above
            samples = [sample for sample in samples if sample.at > now - policy.window]
            samples += [Sample(now, name, busy) for name in active]
            history = History(tuple(self.members), tuple(samples), changed_at, self.business(now))
            plan = decide(history, policy, now)
            if not plan.is_change:
                continue
            self.decisions.append((now, plan))
            changed_at = now
            for name in plan.wake:
                self._turn(name, Phase.WAKING)
                ready_at[name] = now + WAKING * MINUTE
            for name in plan.drain:
                self._turn(name, Phase.DRAINING)
        return self

    @property
    def node_hours(self) -> float:
        return sum(self.sizes) / 60

    def _named(self, phase: Phase) -> list[str]:
        return [member.name for member in self.members if member.phase is phase]

    def _turn(self, name: str, phase: Phase) -> None:
        self.members = [
            replace(member, phase=phase) if member.name == name else member for member in self.members
        ]


def main() -> None:
    policy = Policy(minimum=1, maximum=6)
    scaled = Month(policy).run()
    fixed = Month(Policy(minimum=max(scaled.sizes), maximum=max(scaled.sizes)), lost_at=None).run()
    for moment, plan in scaled.decisions:
        print(f"{moment:%a %d %H:%M}  {plan}")
    print(
        f"\n{'':14}{'node hours':>12}{'minutes above 60 %':>20}{'most work waiting':>19}\n"
        f"{'by load':14}{scaled.node_hours:12.0f}{scaled.minutes_above:20}{scaled.longest_wait:15.1f} min\n"
        f"{f'fixed, {max(fixed.sizes)} nodes':14}{fixed.node_hours:12.0f}{fixed.minutes_above:20}"
        f"{fixed.longest_wait:15.1f} min\n"
        f"{scaled.node_hours / fixed.node_hours:.0%} of the node hours, {len(scaled.decisions)} decisions."
    )


if __name__ == "__main__":
    main()
