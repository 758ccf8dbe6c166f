"""Patroni's REST interface: how the copies of the database are, and who shall lead.

Source: Patroni 4.0, "Patroni REST API".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from appliance.cluster import https
from appliance.cluster.etcd import Etcd
from appliance.cluster.identity import client_context
from appliance.cluster.topology import PATRONI_PORT, Role, Topology, TopologyRefused, folder
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.database.patroni import DYNAMIC_KEY, SYNC_KEY, dynamic

SWITCHOVER_SECONDS = 60
_NOT_YET = frozenset({412, 503})
"""What Patroni answers while nobody else has every write."""
MOVES_KEY = "/korobka/moves"
"""There while the lead is moved to a certain node, and the settings are not those of box.toml."""


class PatroniAway(Exception):
    """No node that has the database answers."""


@dataclass(frozen=True)
class Copy:
    """One copy of the database."""

    name: str
    role: str
    """`leader`, `quorum_standby`, `replica`."""
    state: str
    """`running`, `streaming`, `starting`, `stopped` …"""
    lag_bytes: int | None
    """How far it is behind the leader; None where that is not known."""

    @property
    def is_leader(self) -> bool:
        return self.role == "leader"

    @property
    def is_confirming(self) -> bool:
        """Whether writes are acknowledged once it has them."""
        return self.role == "quorum_standby"

    @property
    def is_well(self) -> bool:
        return self.state == ("running" if self.is_leader else "streaming")


def copies(paths: Paths, topology: Topology) -> list[Copy]:
    """As the first node says that answers; each of them knows all."""
    context, problems = client_context(folder(paths)), []
    for member in topology.with_role(Role.DATABASE):
        try:
            said = https.ask(member.address, PATRONI_PORT, "/cluster", context=context, seconds=3)
        except (https.NodeAway, https.NodeRefused) as error:
            problems.append(str(error))
            continue
        return [
            Copy(
                one["name"],
                one["role"],
                one["state"],
                one["lag"] if isinstance(one.get("lag"), int) else None,
            )
            for one in said["members"]
        ]
    raise PatroniAway(f"No copy of the database answers. {' '.join(problems)}")


def leader(paths: Paths, topology: Topology) -> str | None:
    return next((one.name for one in copies(paths, topology) if one.is_leader), None)


def switch_over(paths: Paths, topology: Topology, *, to: str | None = None) -> str:
    """Another node leads, a certain one or whichever can; returns its name. Writes stand still for a few
    seconds and none is lost."""
    known = copies(paths, topology)
    before = next((one.name for one in known if one.is_leader), None)
    if before is None:
        raise TopologyRefused("There is no leader at this moment: wait until one is elected.")
    if to is not None:
        topology[to]
    able = [one.name for one in known if not one.is_leader and one.is_well]
    if to == before:
        raise TopologyRefused(f"{before} leads the database already.")
    if not able:
        raise TopologyRefused(
            "No other node can lead, for none has a copy that keeps up: see `boxctl cluster doctor`."
        )
    if to not in (None, *able):
        raise TopologyRefused(
            f"{to} cannot lead, for it has no copy that keeps up: see `boxctl cluster doctor`. "
            f"Others have: `boxctl cluster switchover {able[0]}`."
        )
    if to is None:
        _ask_for(paths, topology[before].address, {"leader": before})
    else:
        with _confirmed_by_all(paths, topology, to):
            _ask_for(paths, topology[before].address, {"leader": before, "candidate": to})
    deadline = time.monotonic() + SWITCHOVER_SECONDS
    while time.monotonic() < deadline:
        now = leader(paths, topology)
        if now not in (None, before):
            return str(now)
        time.sleep(0.2)
    raise PatroniAway(f"{before} gave the lead away, and nobody took it: see `boxctl cluster status`.")


@contextmanager
def _confirmed_by_all(paths: Paths, topology: Topology, to: str) -> Iterator[None]:
    """Every write is on every copy meanwhile. Else what is acknowledged may be on the others alone, and whom
    one names takes the lead without asking them."""
    etcd, settings = Etcd.of(paths, topology), dynamic(Node.load(paths))
    everybody = {"synchronous_node_count": len(topology.with_role(Role.DATABASE))}
    deadline = time.monotonic() + SWITCHOVER_SECONDS
    etcd.put(MOVES_KEY, to, lease=etcd.lease(3 * SWITCHOVER_SECONDS))
    etcd.put(DYNAMIC_KEY, json.dumps(settings | everybody))
    try:
        while not _has_every_write(etcd, to):
            if time.monotonic() > deadline:
                raise TopologyRefused(
                    f"{to} does not confirm writes yet, and would lack some: try again once it does "
                    f"(`boxctl cluster status`)."
                )
            time.sleep(0.2)
        yield
    finally:
        etcd.put(DYNAMIC_KEY, json.dumps(settings))
        etcd.delete(MOVES_KEY)


def _has_every_write(etcd: Etcd, name: str) -> bool:
    found = etcd.get(SYNC_KEY)
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        said = json.loads(found.value) if found else {}
        return said["quorum"] == 0 and name in said["sync_standby"].split(",")
    return False


def _ask_for(paths: Paths, address: str, asked: dict[str, str]) -> None:
    """A copy that has just come back confirms no writes yet, and may not lead before it does."""
    context, deadline = client_context(folder(paths)), time.monotonic() + SWITCHOVER_SECONDS
    while True:
        try:
            https.ask(
                address, PATRONI_PORT, "/switchover", asked,
                context=context, seconds=SWITCHOVER_SECONDS, expected=(200, 202),
            )  # fmt: skip
        except https.NodeRefused as error:
            if error.status not in _NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return
