"""Who is in a cluster, what runs where, what may be lost of it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import scratch
from appliance.cluster import topology
from appliance.cluster.topology import Member, Membership, Role, Topology, TopologyRefused
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import enabled
from appliance.services.objects.service import masters_folder
from tests.appliance.boxes import open_to_everybody

ONE = Member("node-1", "10.0.0.1", (Role.PORTAL, Role.FILES, Role.DATABASE))
TWO = Member("node-2", "10.0.0.2", (Role.DATABASE,), site="harbour")
WITNESS = Member("witness", "10.0.0.9", (Role.WITNESS,))


def names(node: Node, member: Member) -> set[str]:
    with_it = replace(node, membership=Membership(member.name, Topology((member,)), ()))
    return {service.name for service in enabled(with_it)}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    folder = tmp_path_factory.mktemp("box")
    open_to_everybody(folder)
    return scratch.create(folder)


def test_a_nodes_services_follow_from_its_roles(node: Node) -> None:
    assert names(node, WITNESS) == {"agent", "member", "etcd", "router"}
    assert names(node, TWO) == {"agent", "member", "etcd", "database", "router", "objects"}
    single = {service.name for service in enabled(node)}
    assert names(node, ONE) == single | {"member", "etcd", "router"}


def test_a_single_box_runs_nothing_of_a_cluster(node: Node) -> None:
    assert not {service.name for service in enabled(node)} & topology.OF_CLUSTERS
    with pytest.raises(TopologyRefused, match="boxctl cluster init"):
        _ = node.cluster


def test_what_may_be_lost_is_said_plainly() -> None:
    assert "one copy of the database" in Topology((ONE, WITNESS)).survives()
    assert "Two votes cannot tell" in Topology((ONE, TWO)).survives()
    assert Topology((ONE, TWO, WITNESS)).survives() == "1 of the 3 voting nodes may be lost."
    four = (ONE, TWO, replace(TWO, name="node-3"), WITNESS)
    assert "An odd number" in Topology(four).survives()


def test_masters_agree_anew_whenever_they_are_others() -> None:
    """Under a number that no agreement ever had: what was agreed then, somebody may still have."""
    changes: tuple[Callable[[Topology], Topology], ...] = (
        lambda it: it.joined_by(ONE),
        lambda it: it.with_store("node-1"),
        lambda it: it.joined_by(TWO).with_store("node-2"),
        lambda it: it.joined_by(replace(TWO, name="node-3", address="10.0.0.3")),
        lambda it: it.with_store("node-3"),
        lambda it: it.with_instruction("node-3", "restart 1"),
        lambda it: it.left_by("node-3"),
        lambda it: it.joined_by(replace(TWO, name="node-3", address="10.0.0.3")).with_store("node-3"),
    )
    known, agreements = Topology(()), list[int]()
    for change in changes:
        known = change(known).agreed_after(known)
        agreements.append(known.agreement)
    assert agreements == [0, 1, 1, 1, 2, 2, 3, 4]


def test_nothing_is_found_again_of_what_the_same_masters_agreed_on_before(node: Node) -> None:
    folders = {
        masters_folder(replace(node, membership=Membership(ONE.name, Topology((ONE,), agreement), ())))
        for agreement in range(3)
    }
    assert len(folders) == 3


@pytest.mark.parametrize("agreement", [-1, 1_000_001])
def test_an_agreement_that_would_be_no_name_is_refused(agreement: int) -> None:
    with pytest.raises(TopologyRefused, match="agreed for the"):
        topology.read(json.dumps({"members": [], "agreement": agreement}))


def test_two_nodes_have_neither_one_name_nor_one_address() -> None:
    with pytest.raises(TopologyRefused, match=r"10\.0\.0\.1 is the address of node-1"):
        Topology((ONE,)).joined_by(replace(TWO, address=ONE.address))
    again = Topology((ONE, TWO)).joined_by(replace(TWO, site="hill"))
    assert [(member.name, member.site) for member in again.members] == [("node-1", ""), ("node-2", "hill")]


def test_who_begins_anew_has_nothing_of_what_it_had() -> None:
    with_stores = Topology((replace(ONE, has_store=True), replace(TWO, has_store=True), WITNESS))
    again = with_stores.joined_by(replace(TWO, name="node-1", address=ONE.address))
    assert again.home == again["node-2"]
    assert not again["node-1"].has_store
    with pytest.raises(TopologyRefused, match="the last node with the database"):
        Topology((ONE, WITNESS)).joined_by(replace(WITNESS, name="node-1", address=ONE.address))


@pytest.mark.parametrize("name", ["", "Node", "node_2", "-a", "a" * 64, "a\nb", "a b", "ä"])
def test_a_name_that_could_mean_something_else_in_a_configuration_is_refused(name: str) -> None:
    with pytest.raises(TopologyRefused, match="cannot be the name of a node"):
        Topology((ONE,)).joined_by(replace(TWO, name=name))


@pytest.mark.parametrize(
    "odd",
    [replace(TWO, name="a b"), replace(TWO, address="10.0.0.2 verify none"), replace(TWO, address="all")],
)
def test_nor_is_it_taken_from_etcd(odd: Member) -> None:
    assert topology.read(topology.written(Topology((ONE, TWO)))) == Topology((ONE, TWO))
    with pytest.raises(TopologyRefused, match=r"cannot be the name|is no IP address"):
        topology.read(topology.written(Topology((ONE, odd))))


def test_a_cluster_has_an_end() -> None:
    many = Topology(tuple(replace(TWO, name=f"n{n}", address=f"10.0.1.{n}") for n in range(32)))
    with pytest.raises(TopologyRefused, match="32 nodes at most"):
        many.joined_by(TWO)
    assert len(Topology(many.members[:31]).joined_by(TWO).members) == 32


def test_the_last_of_its_kind_cannot_go() -> None:
    with pytest.raises(TopologyRefused, match="the last node with the database"):
        Topology((ONE, WITNESS)).left_by("node-1")
    with pytest.raises(TopologyRefused, match="everybody's files"):
        Topology((ONE, TWO)).left_by("node-1")
    with pytest.raises(TopologyRefused, match=r"no node nobody .* node-1, node-2"):
        Topology((ONE, TWO)).left_by("nobody")
    assert Topology((ONE, TWO, WITNESS)).left_by("node-2") == Topology((ONE, WITNESS))


def test_people_are_sent_to_one_node_at_least() -> None:
    two = replace(TWO, roles=(Role.PORTAL, Role.DATABASE))
    both = Topology((ONE, two, WITNESS))
    one_left = both.with_drained("node-1", is_drained=True)
    assert [member.is_drained for member in one_left.members] == [True, False, False]
    assert one_left.with_drained("node-1", is_drained=False) == both
    with pytest.raises(TopologyRefused, match="node-2 is the last node that people are sent to"):
        one_left.with_drained("node-2", is_drained=True)
    with pytest.raises(TopologyRefused, match="the portal does not run there"):
        both.with_drained("witness", is_drained=True)


def test_files_are_where_the_database_is_and_backups_on_one_node(node: Node) -> None:
    two = replace(TWO, roles=(Role.PORTAL, Role.DATABASE))
    assert names(node, two) == names(node, ONE)
    portal = replace(TWO, roles=(Role.PORTAL,))
    assert Topology((ONE, two, portal, WITNESS)).stores == (ONE, two)
    assert Topology((two, ONE)).home == ONE and Topology((two,)).home is None
    assert node.is_home
    for member in (ONE, two):
        there = replace(node, membership=Membership(member.name, Topology((ONE, two)), ()))
        assert there.is_home is (member is ONE)


def test_a_store_of_one_process_is_at_home_alone(node: Node) -> None:
    minio = replace(node, box=replace(node.box, objects=replace(node.box.objects, engine="minio")))
    both = Topology((ONE, TWO))
    there = {
        member.name: {
            one.name for one in enabled(replace(minio, membership=Membership(member.name, both, ())))
        }
        for member in both.members
    }
    assert "objects" in there["node-1"] and "objects" not in there["node-2"]


def with_stores(*members: Member) -> Topology:
    """All of them have begun."""
    return Topology(tuple(replace(member, has_store=member.keeps_files) for member in members))


def test_an_odd_number_agrees_on_where_files_are() -> None:
    three = replace(TWO, name="node-3", address="10.0.0.3")
    many = tuple(replace(TWO, name=f"n{n}", address=f"10.0.1.{n}") for n in range(6))
    for members, masters in (
        ((ONE,), 1),
        # The other's loss could not be made up for by a witness.
        ((ONE, WITNESS), 1),
        ((ONE, TWO), 1),
        ((ONE, WITNESS, TWO), 3),
        ((ONE, TWO, three), 3),
        ((ONE, TWO, three, WITNESS), 3),
        ((ONE, *many), 5),
    ):
        found = with_stores(*members).masters
        assert len(found) == masters and found[0].name == ONE.name
    assert "witness" not in {one.name for one in with_stores(ONE, WITNESS, TWO, three).masters}


def test_nobody_waits_for_a_store_that_has_not_begun() -> None:
    joining = with_stores(ONE).joined_by(TWO).joined_by(replace(TWO, name="node-3", address="10.0.0.3"))
    assert [one.name for one in joining.stores] == ["node-1", "node-2", "node-3"]
    assert [one.name for one in joining.places] == ["node-1"] == [one.name for one in joining.masters]
    both = joining.with_store("node-2")
    assert [one.name for one in both.places] == ["node-1", "node-2"]
    assert len(both.with_store("node-3").masters) == 3
    # Who joins anew begins anew.
    assert [one.name for one in both.joined_by(TWO).places] == ["node-1"]
    assert not Topology((ONE, WITNESS)).with_store("witness")["witness"].has_store


def test_another_node_with_files_becomes_the_home_and_best_one_with_the_portal() -> None:
    three = replace(TWO, name="node-3", address="10.0.0.3", roles=(Role.PORTAL, Role.DATABASE))
    before = with_stores(ONE, TWO, three)
    after = before.left_by("node-1")
    assert after.home == after["node-3"] and Role.FILES in after["node-3"].roles
    assert after["node-2"] == before["node-2"]


def test_a_store_has_one_address_for_all_nodes_and_the_oldest_the_first_by_its_letters() -> None:
    grown = Topology(())
    for number in range(250):
        grown = grown.joined_by(
            replace(TWO, name=f"n{number}", address=f"10.0.{number // 200}.{number % 200}")
        )
        if len(grown.members) == 32:
            grown = Topology(grown.members[1:])
    found = [member.loopback for member in grown.members]
    assert found == sorted(found) and len(set(found)) == len(found)
    assert all(ipaddress.ip_address(address).is_loopback for address in found)
    assert "127.0.0.1" not in found


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    assert topology.load(paths) is None
    membership = Membership("node-2", Topology((ONE, TWO)), ("node-1=10.0.0.1", "node-2=10.0.0.2"), 7)
    assert topology.store(paths, membership)
    assert topology.load(paths) == membership
    assert not topology.store(paths, membership)
    assert topology.file_of(paths).stat().st_mode & 0o777 == 0o600
    assert topology.read(topology.written(membership.topology)) == membership.topology


@pytest.mark.parametrize(
    "text", ["", "{}", '{"members": 1}', '{"members": [{"name": "a", "address": "b", "roles": ["king"]}]}']
)
def test_what_is_broken_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(TopologyRefused, match="cannot be read"):
        topology.read(text)
    paths = Paths(tmp_path)
    topology.folder(paths).mkdir(parents=True)
    topology.file_of(paths).write_text(text)
    with pytest.raises(TopologyRefused, match="copy the one of another node"):
        topology.load(paths)


def test_what_a_node_of_a_newer_release_writes_is_read_without_what_is_unknown_here() -> None:
    """While an upgrade goes from node to node."""
    known = Topology((ONE, TWO))
    newer = json.loads(topology.written(known))
    newer["rack"] = "a"
    newer["members"][1]["colour"] = {"of": "the case"}
    assert topology.read(json.dumps(newer)) == known
    del newer["members"][0]["address"]
    with pytest.raises(TopologyRefused, match="lacks the field 'address'"):
        topology.read(json.dumps(newer))


def test_what_a_newer_release_has_noted_outlives_a_change_by_this_one() -> None:
    known = Topology(()).joined_by(ONE).joined_by(TWO).joined_by(WITNESS)
    newer = json.loads(topology.written(known)) | {"rack": "a"}
    for member in newer["members"]:
        member["colour"] = f"of {member['name']}"
    # Gone, or another one under the same name, it takes that along.
    after = known.joined_by(TWO).left_by("witness").with_instruction("node-1", "restart 1")
    text = topology.written(after, json.dumps(newer))
    assert topology.read(text) == after
    found = json.loads(text)
    assert found["rack"] == "a"
    assert [one.get("colour") for one in found["members"]] == ["of node-1", None]
