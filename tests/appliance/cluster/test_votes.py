"""Whose vote is taken away and when, and who is to lead etcd: with real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from appliance.cluster import membership, state, topology
from appliance.cluster.etcd import Etcd
from appliance.cluster.state import Beat
from appliance.cluster.topology import Member, Role, Topology, TopologyRefused
from tests.appliance.boxes import wait_until

from .votes import Vote, voting

ONE = Member("node-1", "127.88.78.1", (Role.PORTAL, Role.FILES, Role.DATABASE), has_store=True)
TWO, THREE = (Member(f"witness-{n}", f"127.88.78.{n}", (Role.WITNESS,), number=n) for n in (2, 3))
KNOWN = Topology((ONE, TWO, THREE))
BEAT = Beat(datetime(2026, 6, 1, tzinfo=UTC), "1.0", 0.0, 1)


@pytest.fixture
def votes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Vote]]:
    with voting(tmp_path_factory.mktemp("votes"), KNOWN) as found:
        yield found


@pytest.fixture
def etcd(votes: dict[str, Vote]) -> Etcd:
    """The votes', which knows all three nodes."""
    found = Etcd.of(votes[ONE.name].paths, KNOWN)
    found.put(state.TOPOLOGY, topology.written(KNOWN))
    return found


def voters(etcd: Etcd) -> set[str]:
    return {member.name for member in etcd.members()}


def test_a_vote_that_was_left_over_is_taken_away_by_its_nodes_name(
    votes: dict[str, Vote], etcd: Etcd
) -> None:
    """`remove` was cut off after it had taken the node out."""
    etcd.put(state.TOPOLOGY, topology.written(KNOWN.left_by(THREE.name)))
    said: list[str] = []
    membership.remove(votes[ONE.name].paths, THREE.name, say=said.append)
    assert voters(etcd) == {ONE.name, TWO.name}
    assert said == [f"{THREE.name} was taken out before, but for its vote."]
    with pytest.raises(TopologyRefused, match=f"There is no node {THREE.name}"):
        membership.remove(votes[ONE.name].paths, THREE.name, say=said.append)


def test_the_vote_of_a_node_that_lives_goes_before_the_node_ends_with_it(
    votes: dict[str, Vote], etcd: Etcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in KNOWN.members:
        state.beat(etcd, one.name, BEAT)
    change, found = state.change, list[set[str]]()

    def followed(asked: Etcd, how: Callable[[Topology], Topology]) -> tuple[Topology, int]:
        """The node that goes hears of it at once, and ends."""
        found.append(voters(etcd))
        changed = change(asked, how)
        votes[THREE.name].kill()
        etcd.delete(f"{state._BEATS}{THREE.name}")
        return changed

    monkeypatch.setattr(state, "change", followed)
    membership.remove(votes[ONE.name].paths, THREE.name, say=lambda _: None)
    assert found == [{ONE.name, TWO.name}]
    assert state.read(etcd)[0].members == (ONE, TWO)


def test_nothing_is_taken_away_where_too_few_votes_would_be_left(votes: dict[str, Vote], etcd: Etcd) -> None:
    for one in (ONE, THREE):
        state.beat(etcd, one.name, BEAT)
    with pytest.raises(TopologyRefused, match=f"start {TWO.name}, or `boxctl cluster remove`"):
        membership.remove(votes[ONE.name].paths, THREE.name, say=lambda _: None)
    assert voters(etcd) == {ONE.name, TWO.name, THREE.name}
    assert state.read(etcd)[0] == KNOWN


def test_etcds_lead_goes_to_the_first_vote_that_answers(
    votes: dict[str, Vote], etcd: Etcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "leading", lambda _: ONE.name)
    numbers = {member.name: member.id for member in etcd.members()}
    addresses = {numbers[one.name]: one.address for one in KNOWN.members}
    lead(etcd, numbers[ONE.name], addresses)
    assert membership.keep_apart(votes[ONE.name].paths)
    assert etcd.leader() == numbers[TWO.name]
    assert not membership.keep_apart(votes[ONE.name].paths)
    lead(etcd, numbers[ONE.name], addresses)
    votes[TWO.name].kill()
    assert membership.keep_apart(votes[ONE.name].paths)
    assert etcd.leader() == numbers[THREE.name]


def lead(etcd: Etcd, number: str, addresses: dict[str, str]) -> None:
    """Only who leads it hands it over."""
    wait_until(lambda: etcd.leader() in addresses)
    if (before := etcd.leader()) != number:
        etcd.at(addresses[before]).hand_over(number)
    wait_until(lambda: etcd.leader() == number)
