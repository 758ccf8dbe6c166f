"""Nodes that sleep while there is little to do: what such a node does when its rest is another."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from appliance import service_files
from appliance.cluster import state
from appliance.cluster.etcd import Etcd
from appliance.cluster.topology import SLEEPERS, Rest, Topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import run
from appliance.services import enabled
from appliance.supervise import State, supervisor_for

type Say = Callable[[str], None]

ON_AT_LEAST = timedelta(minutes=2)
"""For which a machine that was just switched on stays on: its administrator may have come for something."""


def is_serving(node: Node) -> bool:
    """Only of a node that wakes it is asked how its services are: that costs more than a beat may."""
    rest = node.cluster.me.rest
    if rest is not Rest.WAKING:
        return rest is not Rest.ASLEEP
    found = supervisor_for(node).status(*_sleepers(node))
    return all(status.state is State.RUNNING and not status.problem for status in found)


def _sleepers(node: Node) -> tuple[str, ...]:
    return tuple(service.name for service in enabled(node) if service.name in SLEEPERS)


def fall_asleep(before: Node, node: Node, say: Say) -> None:
    """End what does not run while this node is asleep."""
    if before.cluster.me.rest is Rest.ASLEEP or node.cluster.me.rest is not Rest.ASLEEP:
        return
    supervisor_for(before).stop(*_sleepers(before))
    supervisor_for(node).apply()
    say("This node is asleep.")


def wake(node: Node, services: Collection[str], say: Say) -> None:
    """Start what it did not run while it was asleep."""
    if not services:
        return
    say("This node wakes.")
    service_files.apply(node)
    supervisor = supervisor_for(node)
    supervisor.apply()
    supervisor.start(*services, progress=say)


def switch_off(paths: Paths, say: Say) -> bool:
    """Switch the machine off where it is asleep, and somebody can switch it on again; whether that was so."""
    node = Node.load(paths)
    me = node.cluster.me
    if me.rest is not Rest.ASLEEP or not me.mac or node.box.cluster.sleep != "off":
        return False
    is_new = me.rested_at is None or datetime.now(UTC) - me.rested_at < ON_AT_LEAST
    # That clock begins with the machine.
    if is_new or time.monotonic() < ON_AT_LEAST.total_seconds():
        return False
    say("This node is asleep, and its machine is switched off.")
    run(["systemctl", "poweroff"])
    return True


def set_rest(paths: Paths, name: str, *, is_awake: bool) -> None:
    """Wake a reserve by hand, or let it sleep. What is decided by load may undo it."""
    me = Node.load(paths).cluster
    etcd = Etcd.of(paths, me.topology, first=me.me.address)
    now = datetime.now(UTC)

    def changed(before: Topology) -> Topology:
        is_running = before[name].rest in (Rest.AWAKE, Rest.DRAINING)
        if is_awake:
            return before.with_rest(name, Rest.AWAKE if is_running else Rest.WAKING, at=now)
        return before.with_rest(name, Rest.DRAINING if is_running else Rest.ASLEEP, at=now)

    state.change(etcd, changed)
