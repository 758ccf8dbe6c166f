"""Three nodes get another authority, one step at a time, and know each other at each of them."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from appliance import config
from appliance.agent.journal import Journal
from appliance.certificates import key_pem
from appliance.cluster import https, identity, instructions, membership, patroni, rolling, rotation
from appliance.cluster.instructions import Verb
from appliance.cluster.rolling import RollingStopped
from appliance.cluster.topology import Member, Membership, Role, Topology, TopologyRefused, folder
from appliance.node import Machine, Node
from appliance.paths import Paths

from .test_identity import killed_at

BOTH = (Role.PORTAL, Role.DATABASE)
KNOWN = Topology(tuple(Member(f"node-{n}", f"10.0.0.{n}", BOTH) for n in (1, 2, 3)))


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Node]:
    """By their names; what one fetches from another's address is what that one offers."""
    made = {realm: identity.create_authority(realm) for realm in identity.REALMS}
    nodes = {}
    for member in KNOWN.members:
        paths = Paths(tmp_path / member.name)
        paths.etc.mkdir(parents=True)
        known = Membership(member.name, KNOWN, (), 1)
        nodes[member.name] = Node(paths, config.Box(), config.new_secrets(), Machine.here(), known)
        for realm, authority in made.items():
            identity.enter(paths, realm, authority, name=member.name, address=member.address)
        store = identity.store_name(member.name)
        identity.enter(paths, identity.STORE, made[identity.NODES], name=store, address=member.address)

    def fetch(address: str, _: int, path: str, **__: object) -> bytes:
        assert path == rotation.PATH
        (found,) = (node for node in nodes.values() if node.cluster.me.address == address)
        said = rotation.offered(found.paths)
        if said is None:
            raise https.NodeRefused(404, "There is nothing here.")
        return said

    monkeypatch.setattr(https, "fetch", fetch)
    return nodes


def trusts(node: Node, other: Node) -> bool:
    """Whether each certificate that the other shows is of an authority that this node trusts."""
    for shown, realm in (*((one, one) for one in identity.REALMS), (identity.STORE, identity.NODES)):
        pem = (folder(other.paths) / shown.certificate).read_bytes()
        trusted = x509.load_pem_x509_certificates(identity.trusted(folder(node.paths), realm).encode())
        if not any(is_of(x509.load_pem_x509_certificate(pem), authority) for authority in trusted):
            return False
    return True


def is_of(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, InvalidSignature):
        return False
    return True


def all_know_each_other(nodes: dict[str, Node]) -> bool:
    return all(trusts(one, other) for one, other in itertools.permutations(nodes.values(), 2))


def authorities_of(node: Node) -> int:
    return len(x509.load_pem_x509_certificates(identity.trusted(folder(node.paths)).encode()))


class Killed(BaseException):
    """Nothing of the operation runs any more."""


class Company:
    """Real nodes, asked without a network; who asks is killed at a step, or a node cannot do its part."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        self.put: dict[str, dict[str, Any]] = {}
        self.killed_at = self.steps = 0
        self.failing: tuple[Verb, str] | None = None

    def follow(self, rotate: rolling.Rotate, name: str, verb: Verb) -> None:
        self.step()
        asked = instructions.Instruction(verb, rotate.journal.id)
        offer = rotation.Offer(**self.taken_over(self.nodes[name], asked))
        if self.failing == (verb, name):
            raise RollingStopped(f"{name} could not.")
        match verb:
            case Verb.TRUST:
                rotation.trust(self.nodes[name], offer)
            case Verb.ENTER:
                rotation.enter(self.nodes[name])
            case Verb.FORGET:
                rotation.forget(self.nodes[name])
        assert all_know_each_other(self.nodes), f"after {verb} of {name}"
        self.step()

    def taken_over(self, node: Node, asked: instructions.Instruction) -> dict[str, str]:
        """What the node reads of it, if it believes that a node's root has laid it out."""
        text, marks = self.put[str(asked)]["text"], self.put[str(asked)]["marks"]
        assert set(marks) & set(instructions._marks(node.paths, asked, text)), f"{node.name} refuses {asked}"
        values: dict[str, str] = self.put[str(asked)]["values"]
        return values

    def lay_out(self, rotate: rolling.Rotate, verb: Verb, values: Mapping[str, Any]) -> None:
        self.step()
        asked, text = instructions.Instruction(verb, rotate.journal.id), repr(values)
        marks = instructions._marks(rotate.paths, asked, text)
        self.put[str(asked)] = {"values": values, "text": text, "marks": marks}

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.killed_at:
            raise Killed


class Asked(rolling.Rotate):
    """Asks those of a company."""

    company: Company

    def _ask(self, name: str, verb: Verb) -> None:
        self.company.follow(self, name, verb)

    def _put(self, verb: Verb, values: Mapping[str, Any]) -> None:
        self.company.lay_out(self, verb, values)

    def _wait_until_well(self) -> None:
        """They are."""

    def _known(self) -> Topology:
        return KNOWN

    def _begin(self) -> tuple[str, ...]:
        self._prepare()
        names = tuple(member.name for member in KNOWN.members)
        self.journal.append("order", nodes=list(names))
        return names


@pytest.fixture
def company(nodes: dict[str, Node], monkeypatch: pytest.MonkeyPatch) -> Company:
    by_place = {node.paths.prefix: node for node in nodes.values()}
    monkeypatch.setattr(Node, "load", lambda paths: by_place[paths.prefix])
    monkeypatch.setattr(membership, "drain", lambda *_, **__: None)
    monkeypatch.setattr(patroni, "leader", lambda *_: "node-3")
    return Company(nodes)


def rotated(company: Company, by: str, place: Path) -> str:
    """A rotation that this node sees to, begun again for as long as it is killed; what it ends with."""
    journal = Journal.begin(place, "rolling", {"rotates": True}, by="olga")
    while True:
        asked = Asked(company.nodes[by].paths, journal)
        asked.company = company
        try:
            asked.perform()
        except Killed:
            continue
        except RollingStopped as error:
            return str(error)
        return ""


@pytest.mark.parametrize("killed_at", range(24))
def test_all_get_another_authority_wherever_it_is_killed(
    company: Company, tmp_path: Path, killed_at: int
) -> None:
    before = identity.read_authority(company.nodes["node-1"].paths)
    company.killed_at = killed_at
    assert rotated(company, "node-1", tmp_path / "operations") == ""
    assert all_know_each_other(company.nodes)
    assert [authorities_of(node) for node in company.nodes.values()] == [1, 1, 1]
    assert before is not None
    for node in company.nodes.values():
        assert not identity.is_issued_by(folder(node.paths), before)
        assert before.pem not in identity.trusted(folder(node.paths))
        assert not rotation.is_under_way(node.paths)


@pytest.mark.parametrize("verb", rolling.Rotate.verbs)
@pytest.mark.parametrize("failing", ["node-1", "node-2", "node-3"])
@pytest.mark.parametrize("then_by", ["node-1", "node-2", "node-3"])
def test_where_a_node_fails_the_next_rotation_ends_it_whoever_begins_that(
    company: Company, tmp_path: Path, verb: Verb, failing: str, then_by: str
) -> None:
    before = identity.read_authority(company.nodes["node-1"].paths)
    company.failing = (verb, failing)
    said = rotated(company, "node-2", tmp_path / "operations")
    assert said.startswith(f"{failing} could not.") and said.endswith("goes on once this is cured.")
    assert all_know_each_other(company.nodes)
    company.failing = None
    assert rotated(company, then_by, tmp_path / "operations") == ""
    assert [authorities_of(node) for node in company.nodes.values()] == [1, 1, 1]
    assert all_know_each_other(company.nodes)
    assert before is not None
    assert all(before.pem not in identity.trusted(folder(node.paths)) for node in company.nodes.values())


def test_what_is_given_is_what_was_spoken_of(nodes: dict[str, Node]) -> None:
    """Somebody else at the address makes nobody trust them."""
    offer = rotation.prepare(nodes["node-1"])
    (folder(nodes["node-1"].paths) / identity.NEXT).unlink()
    rotation.prepare(nodes["node-1"])
    with pytest.raises(TopologyRefused, match="are not those that it spoke of"):
        rotation.trust(nodes["node-2"], offer)
    assert authorities_of(nodes["node-2"]) == 1


def test_who_is_given_nothing_shows_nothing_new(nodes: dict[str, Node]) -> None:
    with pytest.raises(TopologyRefused, match="`boxctl cluster rotate` again"):
        rotation.enter(nodes["node-2"])


def test_the_next_authorities_are_roots_alone(nodes: dict[str, Node]) -> None:
    rotation.prepare(nodes["node-1"])
    assert (folder(nodes["node-1"].paths) / identity.NEXT).stat().st_mode & 0o077 == 0


def test_a_node_that_shows_the_old_certificate_does_not_forget_who_vouches_for_it(
    nodes: dict[str, Node],
) -> None:
    """Whoever writes into etcd may ask for it before it is due."""
    offer = rotation.prepare(nodes["node-1"])
    rotation.trust(nodes["node-2"], offer)
    with pytest.raises(TopologyRefused, match="that it was to forget"):
        rotation.forget(nodes["node-2"])
    assert all_know_each_other(nodes)
    rotation.enter(nodes["node-2"])
    rotation.forget(nodes["node-2"])
    assert authorities_of(nodes["node-2"]) == 1


@pytest.mark.parametrize("step", range(4))
def test_who_was_killed_at_any_of_its_certificates_forgets_only_with_all_of_them(
    nodes: dict[str, Node], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    node, other = nodes["node-1"], nodes["node-2"]
    rotation.trust(other, rotation.prepare(node))
    killed_at(step, monkeypatch, lambda: rotation.enter(node))
    assert all_know_each_other(nodes | {"node-3": other})
    if step < 3:
        with pytest.raises(TopologyRefused, match="that it was to forget"):
            rotation.forget(node)
        rotation.enter(node)
    rotation.forget(node)
    assert authorities_of(node) == 1 and trusts(node, node)


def test_no_node_may_be_asked_before_all_have_done_what_comes_before(
    company: Company, tmp_path: Path
) -> None:
    asked_when: list[tuple[Verb, int]] = []
    lay_out = company.lay_out

    def noted(rotate: rolling.Rotate, verb: Verb, values: Mapping[str, Any]) -> None:
        asked_when.append((verb, sum(len(rotate._done(one)) for one in rotate.verbs)))
        lay_out(rotate, verb, values)

    company.lay_out = noted  # type: ignore[method-assign]
    assert rotated(company, "node-1", tmp_path / "operations") == ""
    assert asked_when == [(Verb.TRUST, 0), (Verb.ENTER, 3), (Verb.FORGET, 6)]


def test_what_a_node_is_sent_is_read_by_root_alone(nodes: dict[str, Node]) -> None:
    """A node's database and its etcd show its certificate too, from its address."""
    giving, taking = nodes["node-1"], nodes["node-2"]
    offer = rotation.prepare(giving)
    sent = rotation.offered(giving.paths)
    assert sent is not None and b"PRIVATE KEY" not in sent
    # What they have of the cluster; root keeps the authorities' keys to itself.
    for name in ("ca.key", "balancer-ca.key"):
        (folder(taking.paths) / name).rename(taking.paths.etc / name)
    with pytest.raises(TopologyRefused, match="which every node is given"):
        rotation.trust(taking, offer)
    for realm, authority in ((realm, identity.create_authority(realm)) for realm in identity.REALMS):
        (folder(taking.paths) / realm.authority_key).write_bytes(key_pem(authority.key))
    with pytest.raises(TopologyRefused, match="are not those that it spoke of"):
        rotation.trust(taking, offer)
    assert not rotation.is_under_way(taking.paths)
    for name in ("ca.key", "balancer-ca.key"):
        (taking.paths.etc / name).replace(folder(taking.paths) / name)
    rotation.trust(taking, offer)
    assert rotation.is_under_way(taking.paths)


def test_contexts_take_both_while_there_are_two(nodes: dict[str, Node]) -> None:
    rotation.prepare(nodes["node-1"])
    context = identity.client_context(folder(nodes["node-1"].paths))
    assert context.cert_store_stats()["x509_ca"] == 2
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_keys_stay_and_certificates_are_of_who_shows_them(nodes: dict[str, Node]) -> None:
    node = nodes["node-2"]
    rotation.prepare(node)
    before = {
        shown.key: (folder(node.paths) / shown.key).read_bytes()
        for shown in (*identity.REALMS, identity.STORE)
    }
    rotation.enter(node)
    for name, text in before.items():
        assert (folder(node.paths) / name).read_bytes() == text
    named = {
        shown.certificate: x509.load_pem_x509_certificate(
            (folder(node.paths) / shown.certificate).read_bytes()
        ).subject.rfc4514_string()
        for shown in (*identity.REALMS, identity.STORE)
    }
    assert named == {
        "node.crt": "CN=node-2", "balancer.crt": "CN=node-2", "store.crt": "CN=store.node-2",
    }  # fmt: skip
    assert key_pem(identity.new_key()) not in before.values()
