"""In which order nodes are gone to, what they can be asked for, whom people are kept away from meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.cluster import topology
from appliance.cluster.instructions import Instruction, Verb
from appliance.cluster.rolling import can_be_drained, order, own_keys
from appliance.cluster.topology import Member, Rest, Role, Topology, TopologyRefused

OPERATION = "20260601T120000000000-rolling-0a1b2c"
BOTH = (Role.PORTAL, Role.DATABASE)
ONE = Member("node-1", "10.0.0.1", (Role.PORTAL, Role.FILES, Role.DATABASE))
TWO, THREE = Member("node-2", "10.0.0.2", BOTH), Member("node-3", "10.0.0.3", BOTH)
WITNESS = Member("witness", "10.0.0.9", (Role.WITNESS,))
RESERVE = Member("node-4", "10.0.0.4", (Role.PORTAL,), is_reserve=True, rest=Rest.ASLEEP)


def test_the_leader_is_the_last() -> None:
    known = Topology((ONE, TWO, RESERVE, THREE, WITNESS))
    assert order(known, "node-1") == ("node-2", "node-4", "node-3", "witness", "node-1")
    assert order(known, "node-3") == ("node-1", "node-2", "node-4", "witness", "node-3")


def test_who_is_the_only_one_that_people_come_to_is_not_drained() -> None:
    known = Topology((ONE, TWO, RESERVE, WITNESS))
    assert can_be_drained(known, "node-1") and can_be_drained(known, "node-2")
    assert not can_be_drained(known, "witness")
    # An administrator has done so: that stays as it is.
    drained = known.with_drained("node-2", is_drained=True)
    assert not can_be_drained(drained, "node-1") and not can_be_drained(drained, "node-2")


def test_a_node_is_asked_for_what_is_known_and_for_nothing_else() -> None:
    asked = str(Instruction(Verb.TAKE_BACK, OPERATION))
    known = Topology((ONE, TWO)).with_instruction("node-2", asked)
    assert [member.instruction for member in known.members] == ["", f"take-back {OPERATION}"]
    assert topology.read(topology.written(known)) == known
    assert Instruction.read(asked) == Instruction(Verb.TAKE_BACK, OPERATION)
    for odd in ("remove all", "restart", "restart a;b", f"restart {OPERATION} "):
        with pytest.raises(TopologyRefused, match="is nothing that node-2 could be asked to do"):
            topology.read(topology.written(Topology((ONE, replace(TWO, instruction=odd)))))


def test_what_each_machine_has_for_itself_is_not_changed_on_all() -> None:
    assert own_keys({"node.listen": ("10.0.0.1",), "cluster.provider": "/bin/x", "web.threads": 8}) == [
        "node.listen", "cluster.provider",
    ]  # fmt: skip
