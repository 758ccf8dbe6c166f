"""In which order nodes restart, and which of them people are kept away from meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from appliance.cluster import topology
from appliance.cluster.rolling import can_be_drained, order
from appliance.cluster.topology import Member, Rest, Role, Topology, TopologyRefused

BOTH = (Role.PORTAL, Role.DATABASE)
ONE = Member("node-1", "10.0.0.1", (Role.PORTAL, Role.FILES, Role.DATABASE))
TWO, THREE = Member("node-2", "10.0.0.2", BOTH), Member("node-3", "10.0.0.3", BOTH)
WITNESS = Member("witness", "10.0.0.9", (Role.WITNESS,))
RESERVE = Member("node-4", "10.0.0.4", (Role.PORTAL,), is_reserve=True, rest=Rest.ASLEEP)


def test_the_leader_is_the_last_and_who_sleeps_is_left_alone() -> None:
    known = Topology((ONE, TWO, RESERVE, THREE, WITNESS))
    assert order(known, "node-1") == ("node-2", "node-3", "witness", "node-1")
    awake = known.with_rest("node-4", Rest.AWAKE, at=datetime(2026, 6, 1, tzinfo=UTC))
    assert order(awake, "node-3") == ("node-1", "node-2", "node-4", "witness", "node-3")


def test_who_is_the_only_one_that_people_come_to_is_not_drained() -> None:
    known = Topology((ONE, TWO, RESERVE, WITNESS))
    assert can_be_drained(known, "node-1") and can_be_drained(known, "node-2")
    assert not can_be_drained(known, "witness")
    # An administrator has done so: that stays as it is.
    drained = known.with_drained("node-2", is_drained=True)
    assert not can_be_drained(drained, "node-1") and not can_be_drained(drained, "node-2")


def test_what_a_node_restarts_for_is_the_name_of_an_operation() -> None:
    known = Topology((ONE, TWO)).with_restart("node-2", "20260601T120000000000-rolling-0a1b2c")
    assert [member.restart for member in known.members] == ["", "20260601T120000000000-rolling-0a1b2c"]
    assert topology.read(topology.written(known)) == known
    odd = Topology((ONE, replace(TWO, restart="a; b")))
    with pytest.raises(TopologyRefused, match="is no operation"):
        topology.read(topology.written(odd))
