"""Goes from node to node, so that somebody answers all the time: restarts them, or changes their box.toml.

Each node does its own part (`instructions`), and has to be well before the next one is asked. What was done
is in the journal: interrupted, it goes on from there.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import NoReturn

from appliance.agent.journal import Journal
from appliance.cluster import instructions, membership, patroni, state
from appliance.cluster.etcd import Etcd, EtcdAway
from appliance.cluster.instructions import Instruction, Verb
from appliance.cluster.overview import overview, sentence
from appliance.cluster.topology import Rest, Role, Topology, TopologyRefused
from appliance.config import Value
from appliance.node import Node
from appliance.paths import Paths

FOLLOW_SECONDS = 900
"""A database that ends its checkpoint, and each web worker its requests."""
WELL_SECONDS = 300
LOOK_SECONDS = 1.0
OWN_TABLES = ("node.", "cluster.")
"""Of box.toml: what each machine has for itself, and what root chooses on each."""
_ORDER, _DRAINED, _HAS_IT, _DONE, _TAKES_BACK = "order", "drained", "has-it", "done-on", "takes-back"


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

    def __init__(self, paths: Paths, journal: Journal) -> None:
        self.paths, self.journal = paths, journal
        self._at = (0, 0)

    def perform(self) -> tuple[str, ...]:
        """The nodes, in the order in which they were gone to."""
        noted = self.journal.noted(_ORDER)
        names = tuple(noted["nodes"]) if noted else self._begin()
        for number, name in enumerate(names):
            if name not in self._named(_DONE):
                self._at = (number, len(names))
                self._go_to(name, names[number + 1 :])
        return names

    @abstractmethod
    def _go_to(self, name: str, others: tuple[str, ...]) -> None:
        """Have one node do its part. Raises `RollingStopped`, with what became of it and of the others."""

    def _begin(self) -> tuple[str, ...]:
        found = overview(self.paths, now=datetime.now(UTC))
        if not found.is_healthy:
            said = " ".join(sentence(problem) for problem in found.problems)
            raise RollingStopped(f"Nothing was begun, for the nodes are not well: {said}")
        if off := [node.name for node in found.nodes if not node.is_there]:
            raise RollingStopped(f"Nothing was begun: wake {', '.join(off)} first (`boxctl cluster wake`).")
        names = order(self._known(), found.leader)
        self.journal.append(_ORDER, nodes=list(names))
        return names

    def _ask(self, name: str, verb: Verb) -> None:
        """Wait until a node has followed an instruction."""
        asked = self._tell(name, verb)
        deadline = time.monotonic() + FOLLOW_SECONDS
        while True:
            beat = self._beats().get(name)
            if beat and beat.instruction == asked:
                if beat.instruction_problem:
                    raise RollingStopped(f"{name} could not {verb}: {beat.instruction_problem}")
                return
            if time.monotonic() > deadline:
                minutes = FOLLOW_SECONDS // 60
                raise RollingStopped(
                    f"{name} has not done its part within {minutes} min: see `boxctl status` there."
                )
            time.sleep(LOOK_SECONDS)

    def _tell(self, name: str, verb: Verb) -> str:
        asked = str(Instruction(verb, self.journal.id))
        state.change(self._etcd(), lambda before: before.with_instruction(name, asked))
        return asked

    def _wait_until_well(self) -> None:
        deadline = time.monotonic() + WELL_SECONDS
        while not (found := overview(self.paths, now=datetime.now(UTC))).is_healthy:
            if time.monotonic() > deadline:
                raise RollingStopped(" ".join(sentence(problem) for problem in found.problems))
            time.sleep(LOOK_SECONDS)

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

    def _known(self) -> Topology:
        return state.read(self._etcd())[0]

    def _etcd(self) -> Etcd:
        me = Node.load(self.paths).cluster
        return Etcd.of(self.paths, me.topology, first=me.me.address)


_FAILURES = (RollingStopped, TopologyRefused, EtcdAway, patroni.PatroniAway)


class Restart(Rolling):
    """Each node is drained, restarts its services, and is resumed; the ones after one that fails are left."""

    def _go_to(self, name: str, others: tuple[str, ...]) -> None:
        try:
            self._make_way(name)
            self._say(f"{name} restarts its services.")
            self._ask(name, Verb.RESTART)
            self._say(f"{name} has restarted. Waiting until all nodes are well.")
            self._wait_until_well()
            if name in self._named(_DRAINED):
                membership.drain(self.paths, name, is_drained=False, say=self._say)
        except _FAILURES as error:
            said = (str(error), self._left_behind(name), _as_they_were(others))
            raise RollingStopped(" ".join(filter(None, said))) from error
        self.journal.append(_DONE, node=name)

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


class Change(Rolling):
    """Each node takes the new values over; where one cannot, those before it take them back."""

    def perform(self) -> tuple[str, ...]:
        if noted := self.journal.noted(_TAKES_BACK):
            self._take_back(str(noted["node"]), str(noted["why"]))
        return super().perform()

    def _begin(self) -> tuple[str, ...]:
        instructions.put_change(self.paths, self._etcd(), self.journal.id, self.journal.arguments["values"])
        return super()._begin()

    def _go_to(self, name: str, others: tuple[str, ...]) -> None:
        self._say(f"{name} takes the change over.")
        try:
            self._ask(name, Verb.APPLY)
            self.journal.append(_HAS_IT, node=name)
            self._wait_until_well()
        except _FAILURES as error:
            self.journal.append(_TAKES_BACK, node=name, why=str(error))
            self._take_back(name, str(error))
        self.journal.append(_DONE, node=name)

    def _take_back(self, name: str, why: str) -> NoReturn:
        """`name` could not, and has taken it back by itself; or has died, and must not find it in force."""
        self._tell(name, Verb.TAKE_BACK)
        failed = []
        for one in sorted(self._named(_HAS_IT)):
            self._say(f"{one} takes the change back.")
            try:
                self._ask(one, Verb.TAKE_BACK)
            except _FAILURES as error:
                failed.append(str(error))
        if failed:
            raise RollingStopped(f"{why} Taking it back met a problem: {' '.join(failed)}")
        raise RollingStopped(f"{why} The change is in force on no node.")


def _as_they_were(names: tuple[str, ...]) -> str:
    return f"{', '.join(names)} stayed as before." if names else ""
