"""Restarts one node after the other, so that somebody answers all the time.

Each is drained, restarts its own services (`membership.follow` begins that there), and has to be well before
people are sent to it again and the next one is asked. At the first that is not, the others stay as they are.
What was done is in the journal: interrupted, it goes on from there.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from appliance.agent.journal import Journal
from appliance.cluster import membership, patroni, state
from appliance.cluster.etcd import Etcd, EtcdAway
from appliance.cluster.overview import overview, sentence
from appliance.cluster.topology import Rest, Role, Topology, TopologyRefused
from appliance.node import Node
from appliance.paths import Paths

RESTART_SECONDS = 900
"""A database that ends its checkpoint, and each web worker its requests."""
WELL_SECONDS = 300
LOOK_SECONDS = 1.0
_ORDER, _DRAINED, _RESTARTED = "order", "drained", "restarted"


class RollingStopped(Exception):
    """A node is not well; the text says which, why, and how the others are."""


def order(known: Topology, leader: str) -> tuple[str, ...]:
    """The leader last, so that the lead moves once. Who is asleep has nothing to restart."""
    awake = (member for member in known.members if member.rest is not Rest.ASLEEP)
    return tuple(member.name for member in sorted(awake, key=lambda one: one.name == leader))


def can_be_drained(known: Topology, name: str) -> bool:
    """Whether people come to that node, and can go to another one meanwhile."""
    portals = known.with_role(Role.PORTAL)
    at_work = {one.name for one in portals if not one.is_drained and one.rest is Rest.AWAKE}
    return name in at_work and len(at_work) > 1


class Restart:
    """A restart of all nodes, as far as its journal says it is."""

    def __init__(self, paths: Paths, journal: Journal) -> None:
        self.paths, self.journal = paths, journal
        self._at = (0, 0)

    def perform(self) -> tuple[str, ...]:
        """The nodes, in the order in which they were restarted."""
        noted = self.journal.noted(_ORDER)
        names = tuple(noted["nodes"]) if noted else self._begin()
        done = self._named(_RESTARTED)
        for number, name in enumerate(names):
            if name not in done:
                self._at = (number, len(names))
                self._restart(name, names[number + 1 :])
        return names

    def _begin(self) -> tuple[str, ...]:
        found = overview(self.paths, now=datetime.now(UTC))
        if not found.is_healthy:
            said = " ".join(sentence(problem) for problem in found.problems)
            raise RollingStopped(f"Nothing was restarted, for the nodes are not well: {said}")
        names = order(self._known(), found.leader)
        self.journal.append(_ORDER, nodes=list(names))
        return names

    def _restart(self, name: str, others: tuple[str, ...]) -> None:
        try:
            self._make_way(name)
            self._say(f"{name} restarts its services.")
            state.change(self._etcd(), lambda before: before.with_restart(name, self.journal.id))
            self._wait_until_restarted(name)
            self._say(f"{name} has restarted. Waiting until all nodes are well.")
            self._wait_until_well()
            if name in self._named(_DRAINED):
                membership.drain(self.paths, name, is_drained=False, say=self._say)
        except (RollingStopped, TopologyRefused, EtcdAway, patroni.PatroniAway) as error:
            said = (str(error), self._left_behind(name), _as_they_were(others))
            raise RollingStopped(" ".join(filter(None, said))) from error
        self.journal.append(_RESTARTED, node=name)

    def _make_way(self, name: str) -> None:
        known = self._known()
        if can_be_drained(known, name):
            # Before it is done: whoever goes on from here then knows by whom it was.
            self.journal.append(_DRAINED, node=name)
            membership.drain(self.paths, name, is_drained=True, say=self._say)
        elif len(known.with_role(Role.DATABASE)) > 1 and patroni.leader(self.paths, known) == name:
            self._say("Another node takes the lead of the database.")
            patroni.switch_over(self.paths, known)

    def _say(self, text: str) -> None:
        self.journal.progress(text, *self._at)

    def _wait_until_restarted(self, name: str) -> None:
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            beat = self._beats().get(name)
            if beat and beat.restart == self.journal.id and not beat.restart_problem:
                return
            if beat and beat.restart == self.journal.id:
                raise RollingStopped(f"{name} did not restart: {beat.restart_problem}")
            if time.monotonic() > deadline:
                minutes = RESTART_SECONDS // 60
                raise RollingStopped(
                    f"{name} has not restarted within {minutes} min: see `boxctl status` there."
                )
            time.sleep(LOOK_SECONDS)

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

    def _left_behind(self, name: str) -> str:
        if name not in self._named(_DRAINED):
            return ""
        return f"Nobody is sent to {name} until `boxctl cluster resume {name}`."

    def _named(self, entry: str) -> set[str]:
        return {str(one["node"]) for one in self.journal.entries() if one["entry"] == entry}

    def _known(self) -> Topology:
        return state.read(self._etcd())[0]

    def _etcd(self) -> Etcd:
        me = Node.load(self.paths).cluster
        return Etcd.of(self.paths, me.topology, first=me.me.address)


def _as_they_were(names: tuple[str, ...]) -> str:
    return f"{', '.join(names)} stayed as before." if names else ""
