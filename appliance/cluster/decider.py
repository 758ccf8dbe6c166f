"""Acts on what `scaling.decide` says, for all nodes: one of them does so at a time.

Every node with a vote looks, so that whoever takes over knows the last minutes. A change is one exchange of
the topology, with the sentence that tells it; each node then does its own part (`membership.follow`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from appliance.agent.answers import ClusterDecision
from appliance.cluster import decisions, patroni, provider, scaling, state, topology, wake_on_lan
from appliance.cluster.etcd import Etcd
from appliance.cluster.joining import FARTHEST_CLOCK, JoinRefused, token
from appliance.cluster.membership import Say
from appliance.cluster.scaling import BUSINESS, Business, History, Phase, Plan, Policy, Sample, decide
from appliance.cluster.state import Beat
from appliance.cluster.topology import Membership, Rest, Role, Topology
from appliance.node import Node
from appliance.paths import Paths

TICK_SECONDS = 5.0
LEASE_SECONDS = 20
DRAIN = timedelta(seconds=30)
"""What requests that were begun have until their node sleeps; open pages come back elsewhere."""
WAKING = timedelta(minutes=5)
"""A node that does not serve so long after it was woken counts as dead."""
END_AGAIN = timedelta(minutes=1)
"""After which a machine is ended again that could not be."""
_HOLDER = "decider"
_MOST_SAMPLES = 100_000


def phases(
    known: Topology, beats: Mapping[str, Beat], making: Sequence[str], *, now: datetime
) -> tuple[scaling.Member, ...]:
    """The nodes as a decision sees them: what an administrator has drained is none of its business."""
    found = [
        scaling.Member(member.name, _phase(member, beats.get(member.name), now), member.is_reserve)
        for member in known.with_role(Role.PORTAL)
        if not member.is_drained
    ]
    joined = {member.name for member in known.members}
    return (*found, *(scaling.Member(name, Phase.WAKING) for name in making if name not in joined))


def _phase(member: topology.Member, beat: Beat | None, now: datetime) -> Phase:
    match member.rest:
        case Rest.ASLEEP:
            return Phase.RESERVE if beat or member.mac else Phase.DEAD
        case Rest.WAKING:
            return Phase.DEAD if _elapsed(member.rested_at, now) > WAKING else Phase.WAKING
        case Rest.DRAINING if beat:
            return Phase.DRAINING
        case Rest.AWAKE if beat:
            return Phase.ACTIVE
    return Phase.DEAD


def _elapsed(since: datetime | None, now: datetime) -> timedelta:
    """Very long where the moment is to come: it was written by a clock that has been put right since."""
    return timedelta.max if since is None or since > now + FARTHEST_CLOCK else now - since


def settled(known: Topology, beats: Mapping[str, Beat], *, now: datetime) -> Topology:
    """Who was woken and serves is awake; who was drained for long enough sleeps, or goes for good."""
    after = known
    for member in known.members:
        beat = beats.get(member.name)
        if member.rest is Rest.WAKING and beat and beat.is_serving:
            after = after.with_rest(member.name, Rest.AWAKE, at=now)
        elif member.rest is Rest.DRAINING and _elapsed(member.rested_at, now) >= DRAIN:
            if member.is_made:
                after = after.left_by(member.name)
            else:
                after = after.with_rest(member.name, Rest.ASLEEP, at=now)
    return after


def applied(known: Topology, plan: Plan, *, now: datetime) -> Topology:
    """The topology by a plan. One that was just being drained runs still."""
    after = known
    for name in plan.wake:
        was = known[name].rest
        after = after.with_rest(name, Rest.AWAKE if was is Rest.DRAINING else Rest.WAKING, at=now)
    for name in plan.drain:
        after = after.with_rest(name, Rest.DRAINING, at=now)
    return after


@dataclass(frozen=True)
class _View:
    """The cluster at one moment, as one of its nodes sees it."""

    etcd: Etcd
    me: Membership
    known: Topology
    revision: int
    beats: Mapping[str, Beat]
    at: datetime

    def exchange(self, after: Topology, *, also: Mapping[str, str]) -> bool:
        """Whether nobody has changed the topology since; `also` is put with it."""
        agreed = after.agreed_after(self.known)
        return state.exchange(self.etcd, agreed, revision=self.revision, also=also)


@dataclass
class Decider:
    """This node's: it remembers what it saw, and decides while it holds the lease."""

    paths: Paths
    say: Say
    _samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=_MOST_SAMPLES))
    _lost_at: datetime | None = None
    _there: frozenset[str] = frozenset()
    _create_again_at: datetime | None = None
    _end_again_at: datetime | None = None

    def tick(self, now: datetime) -> None:
        node = Node.load(self.paths)
        me = node.cluster
        if not me.me.has_vote:
            return
        etcd = Etcd.of(self.paths, me.topology, first=me.me.address)
        known, revision = state.read(etcd)
        view = _View(etcd, me, known, revision, state.beats(etcd), now)
        policy = decisions.policy(etcd)
        self._remember(view, policy or Policy())
        if not state.hold(etcd, _HOLDER, me.name, seconds=LEASE_SECONDS):
            return
        self._switch_on(view)
        if (after := settled(known, view.beats, now=now)) != known:
            self._settle(view, after)
            return
        program = Path(node.box.cluster.provider) if node.box.cluster.provider else None
        if program:
            self._end_machines(view, program)
        if policy:
            self._decide(view, policy, program)

    def _remember(self, view: _View, policy: Policy) -> None:
        there = frozenset(view.beats)
        awake = {member.name for member in view.known.members if member.rest is Rest.AWAKE}
        if (self._there - there) & awake:
            self._lost_at = view.at
        self._there = there
        while self._samples and self._samples[0].at < view.at - 2 * policy.window:
            self._samples.popleft()
        seen = {(sample.node, sample.at) for sample in self._samples}
        for name, beat in view.beats.items():
            if (name, beat.at) not in seen:
                self._samples.append(Sample(beat.at, name, beat.busy))

    def _switch_on(self, view: _View) -> None:
        for member in view.known.members:
            if member.rest is Rest.WAKING and member.mac and member.name not in view.beats:
                try:
                    wake_on_lan.wake(member.mac, source=view.me.me.address)
                except OSError as error:
                    # An address that is translated on the way is no card's of this machine.
                    self.say(f"{member.name} cannot be switched on from {view.me.me.address}: {error}")

    def _settle(self, view: _View, after: Topology) -> None:
        gone = {one.name for one in view.known.members} - {one.name for one in after.members}
        also = {key: text for name in gone for key, text in decisions.ending_entry(name).items()}
        if not view.exchange(after, also=also):
            return
        for member in after.members:
            if member.rest is not view.known[member.name].rest:
                self.say(f"{member.name} is {member.rest}.")
        for name in gone:
            self.say(f"{name} is no node any more, and its machine is ended.")

    def _end_machines(self, view: _View, program: Path) -> None:
        if self._end_again_at and view.at < self._end_again_at:
            return
        for name in decisions.ending(view.etcd):
            try:
                provider.end(program, name=name)
            except provider.ProviderFailed as error:
                self._end_again_at = view.at + END_AGAIN
                self.say(str(error))
            else:
                decisions.ended(view.etcd, name)

    def _decide(self, view: _View, policy: Policy, program: Path | None) -> None:
        making = decisions.making(view.etcd)
        for name in {*making} & {member.name for member in view.known.members}:
            decisions.end_making(view.etcd, name)
        history = self._history(view, making)
        # Without a pause after a failure each look would be one more change of the topology.
        can_create = program is not None and (self._create_again_at or view.at) <= view.at
        plan = decide(history, replace(policy, can_create=policy.can_create and can_create), view.at)
        if not plan.is_change:
            return
        active = len(history.names(Phase.ACTIVE))
        decision = ClusterDecision(
            view.at, str(plan), plan.wake, plan.drain, plan.create, mean=plan.mean, active=active
        )
        if not view.exchange(applied(view.known, plan, now=view.at), also=decisions.entry_of(decision)):
            return
        self.say(decision.sentence)
        decisions.forget_old(view.etcd, now=view.at)
        if program and plan.create and not self._make(view, program, decision):
            self._create_again_at = view.at + policy.cool_down

    def _history(self, view: _View, making: Sequence[str]) -> History:
        moments = (*(member.rested_at for member in view.known.members), self._lost_at)
        # What is to come was written by a clock that has been put right since.
        changes = [one for one in moments if one and one <= view.at + FARTHEST_CLOCK]
        return History(
            members=phases(view.known, view.beats, making, now=view.at),
            samples=tuple(self._samples),
            changed_at=max(changes, default=None),
            business=self._business(view),
        )

    def _business(self, view: _View) -> Business | None:
        for doing in (doing for beat in view.beats.values() for doing in beat.doing):
            if doing in BUSINESS:
                return BUSINESS[doing]
        try:
            return None if patroni.leader(self.paths, view.known) else Business.FAILOVER
        except patroni.PatroniAway:
            return Business.FAILOVER

    def _make(self, view: _View, program: Path, decision: ClusterDecision) -> bool:
        """Whether all of them are being made."""
        left = [topology.new_machine() for _ in range(decision.create)]
        # All first: to make one takes longer than the lease lasts, and whoever decides then counts them.
        for name in left:
            decisions.begin_making(view.etcd, name)
        try:
            while left:
                decisions.begin_making(view.etcd, left[0])
                ticket = token(self.paths, seconds=decisions.MAKING_LIFE)
                words = ("join", view.me.me.address, str(ticket), "--name", left[0], "--made")
                provider.create(
                    program, name=left[0], join=("boxctl", "cluster", *words), reason=decision.sentence,
                    secret=ticket.secret,
                )  # fmt: skip
                del left[0]
        except (provider.ProviderFailed, JoinRefused) as error:
            for name in left:
                decisions.end_making(view.etcd, name)
            self.say(str(error))
        return not left
