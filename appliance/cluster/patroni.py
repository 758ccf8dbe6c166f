"""Patroni's REST interface: how the copies of the database are, and who shall lead.

Source: Patroni 4.0, "Patroni REST API".
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from appliance.cluster import https
from appliance.cluster.identity import client_context
from appliance.cluster.topology import PATRONI_PORT, Role, Topology, TopologyRefused, folder
from appliance.paths import Paths

SWITCHOVER_SECONDS = 60
_NOBODY_CONFIRMS = "can not find sync_standby"
"""Patroni's words for it."""


class PatroniAway(Exception):
    """No node that has the database answers."""


@dataclass(frozen=True)
class Copy:
    """One copy of the database."""

    name: str
    role: str
    """`leader`, `sync_standby`, `replica`."""
    state: str
    """`running`, `streaming`, `starting`, `stopped` …"""
    lag_bytes: int | None
    """How far it is behind the leader; None where that is not known."""

    @property
    def is_leader(self) -> bool:
        return self.role == "leader"

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
    """Another node leads; returns its name. Writes stand still for a few seconds and none is lost."""
    known = copies(paths, topology)
    before = next((one.name for one in known if one.is_leader), None)
    if before is None:
        raise TopologyRefused("There is no leader at this moment: wait until one is elected.")
    if to is not None:
        topology[to]
    able = [one.name for one in known if not one.is_leader and one.is_well]
    if not able or (to is not None and to not in able):
        raise TopologyRefused(
            f"{to or 'Nobody'} could lead: {', '.join(able) or 'no other node'} has a copy that keeps up."
            if to not in (None, before)
            else f"{before} leads, and no other node has a copy that keeps up."
        )
    asked = {"leader": before, **({"candidate": to} if to else {})}
    _ask_for(paths, topology[before].address, asked)
    deadline = time.monotonic() + SWITCHOVER_SECONDS
    while time.monotonic() < deadline:
        now = leader(paths, topology)
        if now not in (None, before):
            return str(now)
        time.sleep(0.2)
    raise PatroniAway(f"{before} gave the lead away, and nobody took it: see `boxctl cluster status`.")


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
            if _NOBODY_CONFIRMS not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return
