"""Goes from node to node, so that somebody answers all the time: restarts them, changes their box.toml, has
them move over to another release, or trust another authority.

Each node does its own part (`instructions`), and has to be well before the next one is asked. What was done
is in the journal: interrupted, it goes on from there.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import NoReturn

from appliance.agent import operations
from appliance.agent.answers import ClusterProblem, ClusterState, ClusterTrouble
from appliance.agent.journal import Journal
from appliance.cluster import https, instructions, membership, offers, patroni, rotation, state
from appliance.cluster.etcd import Etcd, EtcdAway
from appliance.cluster.instructions import Instruction, Verb
from appliance.cluster.overview import overview, sentence
from appliance.cluster.topology import Rest, Role, Topology, TopologyRefused
from appliance.config import Value
from appliance.node import Node
from appliance.paths import Paths

FOLLOW_SECONDS, UPGRADE_SECONDS = 900, 3600
"""A database that ends its checkpoint, and each web worker its requests; a release that is built."""
WELL_SECONDS = 300
LOOK_SECONDS = 1.0
OWN_TABLES = ("node.", "cluster.")
"""Of box.toml: what each machine has for itself, and what root chooses on each."""
_PASSING: frozenset[ClusterTrouble] = frozenset({"service", "slow", "vote", "voteless"})
"""What may end by itself: files that have just come and get their second copy, a node just removed."""
_UNHINDERED: frozenset[ClusterTrouble] = frozenset({"rotation"})
"""What is no reason to stop: wherever a rotation was cut short, all nodes know each other."""
CLAIM = "/korobka/rolling"
_CLAIM_SECONDS = 60
"""Longer than it takes until a node's beat says what it does."""
_ORDER, _DRAINED, _HAS_IT, _DONE, _TAKES_BACK = "order", "drained", "has-it", "done-on", "takes-back"
_OFFER = "offer"


class RollingStopped(Exception):
    """A node is not well; the text says which, why, and how the others are."""


def order(known: Topology, leader: str) -> tuple[str, ...]:
    """The leader last, so that the lead moves once."""
    return tuple(one.name for one in sorted(known.members, key=lambda member: member.name == leader))


def can_be_drained(known: Topology, name: str) -> bool:
    """Whether people come to that node, and can go to another one meanwhile."""
    portals = known.with_role(Role.PORTAL)
    at_work = {one.name for one in portals if not one.is_drained and one.rest is Rest.AWAKE}
    return name in at_work and len(at_work) > 1


def own_keys(values: dict[str, Value]) -> list[str]:
    """Those that are not the same on all nodes."""
    return [name for name in values if name.startswith(OWN_TABLES)]


class Rolling(ABC):
    """An operation over all nodes, as far as its journal says it is."""

    verbs: tuple[Verb, ...]
    """What all nodes are asked to do; all of them have done the first before one is asked for the second."""
    follow_seconds = FOLLOW_SECONDS
    ill_meanwhile: frozenset[ClusterTrouble] = frozenset()
    """What may be wrong until all nodes have been gone to, for that cures it."""

    def __init__(self, paths: Paths, journal: Journal) -> None:
        self.paths, self.journal = paths, journal
        self._at = (0, 0)
        self._lease = ""

    def perform(self) -> tuple[str, ...]:
        """The nodes, in the order in which they were gone to."""
        try:
            names = self._ordered()
            self._go_through(names)
        finally:
            self._let_others()
        return names

    def _go_through(self, names: Sequence[str]) -> None:
        steps = [(verb, name) for verb in self.verbs for name in names]
        for number, (verb, name) in enumerate(steps):
            if name not in self._done(verb):
                self._at = (number, len(steps))
                self._go_to(name, verb, tuple(other for _, other in steps[number + 1 :]))
                self.journal.append(_DONE, node=name, verb=str(verb))

    @abstractmethod
    def _go_to(self, name: str, verb: Verb, others: tuple[str, ...]) -> None:
        """Have one node do its part. Raises `RollingStopped`, with what became of it and of the others."""

    def _prepare(self) -> None:  # noqa: B027 - a restart has nothing to prepare
        """What is done once, before the first node is gone to, and again where it was interrupted."""

    def _ordered(self) -> tuple[str, ...]:
        noted = self.journal.noted(_ORDER)
        return tuple(noted["nodes"]) if noted else self._begin()

    def _begin(self) -> tuple[str, ...]:
        deadline, told = time.monotonic() + WELL_SECONDS, ""
        while ills := self._hindrances(found := overview(self.paths, now=datetime.now(UTC))):
            said = " ".join(sentence(problem) for problem in ills)
            is_passing = all(problem.kind in _PASSING for problem in ills)
            if not is_passing or time.monotonic() > deadline:
                raise RollingStopped(f"Nothing was begun, for the nodes are not well: {said}")
            if said != told:
                self._say(f"Waiting until all nodes are well. {said}")
            told = said
            time.sleep(LOOK_SECONDS)
        if off := [node.name for node in found.nodes if not node.is_there]:
            raise RollingStopped(f"Nothing was begun: wake {', '.join(off)} first (`boxctl cluster wake`).")
        me = Node.load(self.paths).name
        self._claim(me)
        for name, beat in self._beats().items():
            if name != me and "rolling" in beat.doing:
                raise RollingStopped(f"Nothing was begun: {name} goes from node to node just now.")
        self._prepare()
        # Not who led before: a backup is made by its home, which has the lead from then on.
        known = self._known()
        names = order(known, patroni.leader(self.paths, known) or found.leader)
        self.journal.append(_ORDER, nodes=list(names))
        return names

    def _claim(self, me: str) -> None:
        """Of two that begin in the same moment, and do not know of each other yet, one is stopped."""
        etcd, mine = self._etcd(), f"{me} {self.journal.id}"
        self._lease = etcd.lease(_CLAIM_SECONDS)
        if not etcd.replace(CLAIM, mine, revision=0, lease=self._lease):
            there = etcd.get(CLAIM)
            if there and there.value != mine:
                name = there.value.partition(" ")[0]
                raise RollingStopped(f"Nothing was begun: {name} goes from node to node just now.")

    def _let_others(self) -> None:
        """What was over within a minute keeps nobody from the next. Killed, it does so for the rest of it."""
        if self._lease:
            # What was done is done, whoever is away now.
            with suppress(*_FAILURES):
                self._etcd().end_lease(self._lease)

    def _ask(self, name: str, verb: Verb) -> None:
        """Wait until a node has followed an instruction."""
        asked = self._tell(name, verb)
        deadline = time.monotonic() + self.follow_seconds
        while True:
            beat = self._beats().get(name)
            if beat and beat.instruction == asked:
                if beat.instruction_problem:
                    raise RollingStopped(f"{name} could not {verb}: {beat.instruction_problem}")
                return
            if time.monotonic() > deadline:
                minutes = self.follow_seconds // 60
                raise RollingStopped(
                    f"{name} has not done its part within {minutes} min: see `boxctl status` there."
                )
            time.sleep(LOOK_SECONDS)

    def _put(self, verb: Verb, values: Mapping[str, Value]) -> None:
        """Let nodes be asked to do so: until then nobody may ask them."""
        instructions.put_change(self.paths, self._etcd(), Instruction(verb, self.journal.id), values)

    def _tell(self, name: str, verb: Verb) -> str:
        asked = str(Instruction(verb, self.journal.id))
        state.change(self._etcd(), lambda before: before.with_instruction(name, asked))
        return asked

    def _wait_until_well(self) -> None:
        deadline = time.monotonic() + WELL_SECONDS
        while ills := self._ills():
            if time.monotonic() > deadline:
                raise RollingStopped(" ".join(sentence(problem) for problem in ills))
            time.sleep(LOOK_SECONDS)

    def _ills(self) -> list[ClusterProblem]:
        return self._hindrances(overview(self.paths, now=datetime.now(UTC)))

    @classmethod
    def _hindrances(cls, found: ClusterState) -> list[ClusterProblem]:
        passed = _UNHINDERED | cls.ill_meanwhile
        return [problem for problem in found.problems if problem.kind not in passed]

    def _take_turn(self, name: str, verb: Verb, doing: str, *, is_way_back: bool = False) -> None:
        """Have a node do its part while nobody is sent to it. On a way back others may be ill."""
        self._make_way(name)
        self._say(doing)
        self._ask(name, verb)
        self.journal.append(_HAS_IT, node=name)
        if not is_way_back:
            self._say(f"{name} is done. Waiting until all nodes are well.")
            self._wait_until_well()
        self._resume(name)

    def _resume(self, name: str) -> None:
        """Unless somebody else has drained it."""
        if name in self._named(_DRAINED):
            membership.drain(self.paths, name, is_drained=False, say=self._say)

    def _make_way(self, name: str) -> None:
        known = self._known()
        if can_be_drained(known, name):
            # Before it is done: whoever goes on from here then knows by whom it was.
            self.journal.append(_DRAINED, node=name)
            membership.drain(self.paths, name, is_drained=True, say=self._say)
        elif len(known.with_role(Role.DATABASE)) > 1 and patroni.leader(self.paths, known) == name:
            self._say("Another node takes the lead of the database.")
            patroni.switch_over(self.paths, known)

    def _left_behind(self, name: str) -> str:
        if name not in self._named(_DRAINED):
            return ""
        return f"Nobody is sent to {name} until `boxctl cluster resume {name}`."

    def _beats(self) -> dict[str, state.Beat]:
        """Nobody's, for as long as etcd chooses another leader."""
        try:
            return state.beats(self._etcd())
        except EtcdAway:
            return {}

    def _say(self, text: str) -> None:
        self.journal.progress(text, *self._at)

    def _named(self, entry: str) -> set[str]:
        return {str(one["node"]) for one in self.journal.entries() if one["entry"] == entry}

    def _done(self, verb: Verb) -> set[str]:
        """A journal of a release that knew one verb an operation does not say which."""
        entries = [one for one in self.journal.entries() if one["entry"] == _DONE]
        return {str(one["node"]) for one in entries if one.get("verb", str(verb)) == str(verb)}

    def _known(self) -> Topology:
        return state.read(self._etcd())[0]

    def _etcd(self) -> Etcd:
        me = Node.load(self.paths).cluster
        return Etcd.of(self.paths, me.topology, first=me.me.address)


_FAILURES = (
    *(RollingStopped, TopologyRefused, EtcdAway, patroni.PatroniAway),
    # Of whoever is asked to give the lead away.
    *(https.NodeAway, https.NodeRefused),
)


class Restart(Rolling):
    """Each node is drained, restarts its services, and is resumed; the ones after one that fails are left."""

    verbs = (Verb.RESTART,)

    def _go_to(self, name: str, verb: Verb, others: tuple[str, ...]) -> None:
        try:
            self._take_turn(name, verb, f"{name} restarts its services.")
        except _FAILURES as error:
            said = (str(error), self._left_behind(name), _as_they_were(others))
            raise RollingStopped(" ".join(filter(None, said))) from error


class Rotate(Rolling):
    """All nodes trust the next authorities, then all show their certificates, then all forget those before.

    Where one fails, nodes that trust one authority more than others still know all of them: nothing is taken
    back, and the next rotation goes on from there."""

    verbs = (Verb.TRUST, Verb.ENTER, Verb.FORGET)

    def _prepare(self) -> None:
        self.journal.append(_OFFER, **asdict(rotation.prepare(Node.load(self.paths))))

    def _go_to(self, name: str, verb: Verb, others: tuple[str, ...]) -> None:
        if not self._done(verb):
            # Not before: who forgets what others still show is cut off from them, whoever asks for it.
            offer = self.journal.noted(_OFFER) or {}
            self._put(verb, {key: offer[key] for key in ("address", "sha256")})
        try:
            self._take_turn(name, verb, _DOING[verb].format(name=name))
        except _FAILURES as error:
            said = (str(error), self._left_behind(name), _GOES_ON)
            raise RollingStopped(" ".join(filter(None, said))) from error


_DOING = {
    Verb.TRUST: "{name} is told whom to trust from now on.",
    Verb.ENTER: "{name} gets another certificate.",
    Verb.FORGET: "{name} forgets the old authority.",
}
_GOES_ON = "All nodes still know each other; `boxctl cluster rotate` goes on once this is cured."


class AllOrNone(Rolling):
    """Where one node cannot, or is not well afterwards, those before it take back what they did."""

    def perform(self) -> tuple[str, ...]:
        if noted := self.journal.noted(_TAKES_BACK):
            self._take_back(str(noted["node"]), str(noted["why"]))
        return super().perform()

    @abstractmethod
    def _forward(self, name: str) -> None:
        """Have the node do its part, and note with `_HAS_IT` that it did."""

    @abstractmethod
    def _backward(self, name: str) -> None:
        """Have it take that back."""

    @abstractmethod
    def _prepare_way_back(self) -> None:
        """Let nodes be asked to go back: until then nobody may ask them."""

    @abstractmethod
    def _release(self, name: str) -> None:
        """It could not, and has taken that back by itself; or it has died, and must not come back with it."""

    @property
    @abstractmethod
    def _none_has_it(self) -> str:
        """That nothing has changed, in a sentence."""

    def _go_to(self, name: str, verb: Verb, others: tuple[str, ...]) -> None:
        try:
            self._forward(name)
        except _FAILURES as error:
            self.journal.append(_TAKES_BACK, node=name, why=str(error))
            self._take_back(name, str(error))

    def _take_back(self, name: str, why: str) -> NoReturn:
        self._lay_out_way_back()
        have_it = self._named(_HAS_IT)
        ways = [(name, self._release)] if name not in have_it else []
        failed = []
        # Whatever one of them meets, the others go back.
        for one, way in (*ways, *((one, self._backward) for one in sorted(have_it))):
            try:
                way(one)
            except _FAILURES as error:
                failed += [str(error), self._left_behind(one)]
        if failed:
            raise RollingStopped(f"{why} Taking it back met a problem: {' '.join(filter(None, failed))}")
        raise RollingStopped(f"{why} {self._none_has_it}")

    def _lay_out_way_back(self) -> None:
        """What has failed may be that nobody leads etcd: then nobody can be asked to go back."""
        deadline = time.monotonic() + WELL_SECONDS
        while True:
            try:
                self._prepare_way_back()
            except EtcdAway:
                if time.monotonic() > deadline:
                    raise
            else:
                return
            time.sleep(LOOK_SECONDS)


class Change(AllOrNone):
    """Each node takes the new values of box.toml over."""

    verbs = (Verb.APPLY,)

    def _prepare(self) -> None:
        self._put(Verb.APPLY, self.journal.arguments["values"])

    def _prepare_way_back(self) -> None:
        self._put(Verb.TAKE_BACK, {})

    def _forward(self, name: str) -> None:
        self._say(f"{name} takes the change over.")
        self._ask(name, Verb.APPLY)
        self.journal.append(_HAS_IT, node=name)
        self._wait_until_well()

    def _backward(self, name: str) -> None:
        self._say(f"{name} takes the change back.")
        self._ask(name, Verb.TAKE_BACK)

    def _release(self, name: str) -> None:
        self._tell(name, Verb.TAKE_BACK)

    @property
    def _none_has_it(self) -> str:
        return "The change is in force on no node."


class Upgrade(AllOrNone):
    """Each node moves over to the release that this one offers, by the steps of a single box.

    They may run different ones before, as after a way back that was cut short: each goes back to its own."""

    verbs = (Verb.UPGRADE,)
    follow_seconds = UPGRADE_SECONDS
    ill_meanwhile = frozenset({"versions"})

    def perform(self) -> tuple[str, ...]:
        try:
            return super().perform()
        finally:
            offers.withdraw(self.paths)

    def _prepare(self) -> None:
        if self.journal.arguments["with_backup"]:
            self._back_up()
        self._put(Verb.UPGRADE, self.journal.arguments["offered"])

    def _prepare_way_back(self) -> None:
        # Each node knows its own; one of a release that did not takes this.
        self._put(Verb.GO_BACK, {"before": self._offered("before")})

    def _forward(self, name: str) -> None:
        self._take_turn(name, Verb.UPGRADE, f"{name} moves over to {self._offered('release')}.")

    def _backward(self, name: str) -> None:
        doing = f"{name} goes back to the release that it ran before."
        self._take_turn(name, Verb.GO_BACK, doing, is_way_back=True)

    def _release(self, name: str) -> None:
        self._tell(name, Verb.GO_BACK)
        self._resume(name)

    @property
    def _none_has_it(self) -> str:
        return "Each node runs the release that it ran before."

    def _offered(self, what: str) -> str:
        return str(self.journal.arguments["offered"][what])

    def _back_up(self) -> None:
        begun = operations.begin(self.paths, "backup", {"kind": "auto"}, by=self.journal.state().asked_by)
        for step in operations.follow(begun):
            self._say(f"making a backup: {step.text}")
        if begun.state().state != "done":
            raise RollingStopped(
                f"Nothing was begun, for the backup before it failed: {begun.state().progress.text}"
            )


def _as_they_were(names: tuple[str, ...]) -> str:
    return f"{', '.join(names)} stayed as before." if names else ""
