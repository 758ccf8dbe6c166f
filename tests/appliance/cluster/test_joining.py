"""Who has etcd, which runs as the database's user, lets nobody into the cluster."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance import config, folders, service_files
from appliance.agent.codec import decode_request, encode
from appliance.cluster import identity, joining, membership, rotation, state, topology
from appliance.cluster.etcd import Entry, Etcd, EtcdMember, peer_url
from appliance.cluster.joining import Asking, JoinRefused
from appliance.cluster.topology import Member, Membership, Role, Topology, TopologyRefused
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.services.portal import version

STORES = tuple(
    Member(f"node-{number}", f"127.0.0.{number}", (Role.FILES,), number=number, has_store=number < 3)
    for number in (1, 2, 3)
)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALONE = Topology((Member("node-1", "127.0.0.2", (Role.PORTAL, Role.FILES, Role.DATABASE)),))
THIEF = "127.0.0.9"
DOOR = state._HOLDERS + joining._DOOR


def member_at(address: str, name: str = "", *, is_learner: bool) -> EtcdMember:
    return EtcdMember(address, name, (peer_url(address),), is_learner)


VOTER = member_at("127.0.0.2", "node-1", is_learner=False)


class TakenOver:
    """An etcd that notes what root asks it for, and has what its thief likes."""

    def __init__(self) -> None:
        self.has = {state.TOPOLOGY: (topology.written(ALONE), 1)}
        self.asked: list[str] = []
        self.there = [VOTER]

    def get(self, key: str) -> Entry | None:
        self.asked.append(key)
        return Entry(key, *self.has[key]) if key in self.has else None

    def entries(self, prefix: str) -> list[Entry]:
        return [Entry(key, *value) for key, value in self.has.items() if key.startswith(prefix)]

    def put(self, key: str, value: str, **_: Any) -> None:
        self.has[key] = (value, 2)

    def lease(self, _: int) -> str:
        return "1"

    def delete(self, key: str) -> bool:
        return self.has.pop(key, None) is not None

    def replace(self, key: str, value: str, *, revision: int, **_: Any) -> bool:
        if self.has.get(key, ("", 0))[1] != revision:
            return False
        self.has[key] = (value, revision + 1)
        return True

    def members(self) -> list[EtcdMember]:
        return list(self.there)

    def add_learner(self, address: str) -> str:
        # As etcd does.
        assert not any(member.is_learner for member in self.there), "too many learner members in cluster"
        self.there.append(member_at(address, is_learner=True))
        return address

    def remove(self, member: str) -> None:
        self.there = [one for one in self.there if one.id != member]

    def of_tokens(self) -> list[str]:
        return [key for key in self.asked if "/tokens/" in key]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    paths.box_toml.write_text("")
    identity.found(paths, name="node-1", address="127.0.0.2")
    made = Node(paths, config.Box(), config.new_secrets(), Machine.here(), Membership("node-1", ALONE, (), 1))
    monkeypatch.setattr(Node, "load", lambda _: made)
    return made


@pytest.fixture
def etcd(monkeypatch: pytest.MonkeyPatch) -> TakenOver:
    found = TakenOver()
    monkeypatch.setattr(Etcd, "of", lambda *_, **__: found)
    return found


@pytest.fixture
def _listening(node: Node) -> Iterator[None]:
    """At the ports of who asks, so that nothing but the token is in the way."""
    listeners = membership.listen(THIEF, membership.ports(node))
    yield
    membership.close(listeners)


def asking(node: Node, secret: str) -> Asking:
    request = identity.request("node-9", identity.new_key())
    said = Asking(secret, "node-9", THIEF, (Role.PORTAL,), "", request, version(node), NOW)
    # As it comes through the door.
    return decode_request(Asking, json.loads(json.dumps(encode(said))), place="the request")


def let_in(node: Node, secret: str, *, now: datetime = NOW) -> joining.Welcome:
    return joining.let_in(node.paths, replace(asking(node, secret), at=now), now=now)


def made_by(node: Node, etcd: TakenOver, *, seconds: int = 60) -> str:
    authority = identity.read_authority(node.paths)
    assert authority is not None
    return state.new_token(etcd, authority, seconds=seconds, now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", ["0" * 32, "0" * 72, "rotation", "the next authorities", "é" * 72, ""])
def test_root_asks_etcd_for_no_token_that_it_has_not_made(node: Node, etcd: TakenOver, secret: str) -> None:
    with pytest.raises(JoinRefused, match="The token is not known"):
        let_in(node, secret)
    assert etcd.of_tokens() == []


@pytest.mark.usefixtures("_listening")
def test_what_root_asks_for_opens_nothing_to_who_puts_it_there(node: Node, etcd: TakenOver) -> None:
    good = made_by(node, etcd)
    assert let_in(node, good).authority_key.startswith("-----BEGIN")
    [known] = set(etcd.of_tokens())
    assert known not in etcd.has
    # Used, and put there again by somebody who was not told its mark.
    etcd.put(known, "")
    number = known.rpartition("/")[2]
    for forged in (number, number + "0" * 32, good[:-1] + ("0" if good[-1] != "0" else "1")):
        with pytest.raises(JoinRefused, match="The token is not known"):
            let_in(node, forged)


@pytest.mark.usefixtures("_listening")
@pytest.mark.parametrize(("late", "is_good"), [(59, True), (60, False)])
def test_a_token_ends_when_root_said_however_long_etcd_keeps_it(
    node: Node, etcd: TakenOver, late: int, *, is_good: bool
) -> None:
    secret = made_by(node, etcd, seconds=60)
    now = NOW + timedelta(seconds=late)
    if is_good:
        assert let_in(node, secret, now=now).membership.name == "node-9"
        return
    with pytest.raises(JoinRefused, match="has expired"):
        let_in(node, secret, now=now)


@pytest.mark.usefixtures("_listening")
def test_a_token_lets_one_in(node: Node, etcd: TakenOver) -> None:
    secret = made_by(node, etcd)
    let_in(node, secret)
    with pytest.raises(JoinRefused, match="was used"):
        let_in(node, secret)


def test_no_end_of_a_token_can_be_chosen(node: Node, etcd: TakenOver) -> None:
    secret = made_by(node, etcd)
    with pytest.raises(JoinRefused, match="The token is not known"):
        let_in(node, f"{secret[:32]}ffffffff{secret[40:]}")
    with pytest.raises(TopologyRefused, match="between one minute and one day"):
        made_by(node, etcd, seconds=state.LONGEST_TOKEN + 1)


def test_keys_of_one_purpose_say_nothing_for_another(node: Node) -> None:
    authority = identity.read_authority(node.paths)
    assert authority is not None
    purposes = ("tokens", "instructions", "rotation")
    assert len({authority.derived_key(purpose) for purpose in purposes}) == len(purposes)
    assert authority.derived_key("tokens") == authority.derived_key("tokens")
    rotation.prepare(node)
    holds, to_come = identity.read_authorities(node.paths)
    assert holds.derived_key("tokens") != to_come.derived_key("tokens")


@pytest.mark.usefixtures("_listening")
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"doing": ("rolling",)}, "from node to node just now"),
        ({"is_rotating": True}, "get another authority"),
    ],
)
def test_nobody_comes_while_nodes_are_gone_through_wherever_that_was_begun(
    node: Node, etcd: TakenOver, how: dict[str, Any], words: str
) -> None:
    secret = made_by(node, etcd)
    beat = state.Beat(NOW, version(node), 0.1, 1)
    state.beat(etcd, "node-2", replace(beat, **how))  # type: ignore[arg-type]
    with pytest.raises(JoinRefused, match=words):
        let_in(node, secret)
    with pytest.raises(JoinRefused, match=words):
        joining.token(node.paths, seconds=60)
    # The token was not used up by that.
    state.beat(etcd, "node-2", beat)  # type: ignore[arg-type]
    assert let_in(node, secret).membership.name == "node-9"


class Started:
    """A supervisor with which everything starts."""

    def apply(self) -> None:
        pass

    def start(self, *_: str, **__: Any) -> None:
        pass


@pytest.fixture
def third(node: Node, etcd: TakenOver, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node that was let in, and of which only the store is not counted yet: with it there are three
    masters."""
    known = Topology(STORES)
    etcd.put(state.TOPOLOGY, topology.written(known))
    made = replace(node, membership=Membership("node-3", known, (), 1))
    monkeypatch.setattr(Node, "load", lambda _: made)
    for place, name in ((folders, "prepare"), (service_files, "apply"), (joining, "prepare")):
        monkeypatch.setattr(place, name, lambda _: None)
    monkeypatch.setattr(joining, "supervisor_for", lambda _: Started())
    monkeypatch.setattr(joining, "_wait_until_known", lambda *_: None)
    for name in ("node-2", "node-3"):
        beats(etcd, name)
    return made


def beats(etcd: TakenOver, name: str) -> None:
    state.beat(etcd, name, state.Beat(NOW, "1.0", 0.1, 1))  # type: ignore[arg-type]


def known_in(etcd: TakenOver) -> Topology:
    return state.read(etcd)[0]  # type: ignore[arg-type]


def test_a_store_is_counted_once_the_oldest_master_is_there(
    third: Node, etcd: TakenOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def sleep(_: float) -> None:
        assert not known_in(etcd)["node-3"].has_store
        if waited := len(pauses):
            beats(etcd, "node-1")
        pauses.append(waited)

    pauses: list[int] = []
    monkeypatch.setattr(time, "sleep", sleep)
    joining.start(third.paths, say=said.append)
    assert len(pauses) == 2 and known_in(etcd)["node-3"].has_store
    [waiting, counted] = said
    assert waiting.startswith("Waiting. node-1 says nothing") and "has begun" in counted
    # Said again afterwards, it asks for nobody: the masters stay who they are.
    etcd.delete("/korobka/beats/node-1")
    joining.start(third.paths, say=said.append)
    assert said[2:] == [counted]


def test_who_waits_for_the_oldest_in_vain_is_told_the_cure_and_goes_on_later(
    third: Node, etcd: TakenOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "OLDEST_SECONDS", -1.0)
    with pytest.raises(JoinRefused, match=r"start it, or .* remove node-1.*without more, goes on from here"):
        joining.start(third.paths, say=lambda _: None)
    assert not known_in(etcd)["node-3"].has_store
    beats(etcd, "node-1")
    joining.start(third.paths, say=lambda _: None)
    assert known_in(etcd)["node-3"].has_store


def with_vote(node: Node, secret: str) -> joining.Welcome:
    return joining.let_in(node.paths, replace(asking(node, secret), roles=(Role.WITNESS,)), now=NOW)


@pytest.mark.usefixtures("_listening")
@pytest.mark.parametrize("name", ["", "node-2"])
def test_who_comes_behind_one_that_has_no_vote_yet_is_told_what_to_do_and_keeps_the_token(
    node: Node, etcd: TakenOver, name: str
) -> None:
    half = ALONE.joined_by(Member("node-2", "127.0.0.3", (Role.WITNESS,)))
    etcd.put(state.TOPOLOGY, topology.written(half))
    etcd.there = [VOTER, member_at("127.0.0.3", name, is_learner=True)]
    secret = made_by(node, etcd)
    with pytest.raises(JoinRefused, match=r"node-2 was let in and .*remove node-2` first"):
        with_vote(node, secret)
    assert len(etcd.there) == 2
    # It comes.
    etcd.there = [VOTER, member_at("127.0.0.3", "node-2", is_learner=False)]
    assert with_vote(node, secret).membership.name == "node-9"
    assert [one.id for one in etcd.there] == ["127.0.0.2", "127.0.0.3", THIEF]


@pytest.mark.usefixtures("_listening")
def test_who_needs_no_vote_comes_beside_one_that_waits_for_its_own(node: Node, etcd: TakenOver) -> None:
    half = ALONE.joined_by(Member("node-2", "127.0.0.3", (Role.WITNESS,)))
    etcd.put(state.TOPOLOGY, topology.written(half))
    etcd.there = [VOTER, member_at("127.0.0.3", is_learner=True)]
    assert let_in(node, made_by(node, etcd)).membership.name == "node-9"
    assert len(etcd.there) == 2


@pytest.mark.usefixtures("_listening")
def test_a_learner_of_nobody_goes_for_who_needs_a_vote(node: Node, etcd: TakenOver) -> None:
    etcd.there = [VOTER, member_at("127.0.0.8", is_learner=True)]
    let_in(node, made_by(node, etcd))
    # It may be one that another door is adding.
    assert [one.id for one in etcd.there] == ["127.0.0.2", "127.0.0.8"]
    with_vote(node, made_by(node, etcd))
    assert [one.id for one in etcd.there] == ["127.0.0.2", THIEF]


@pytest.mark.usefixtures("_listening")
def test_nobody_gets_a_vote_where_etcd_has_others_than_the_nodes(node: Node, etcd: TakenOver) -> None:
    """With another list of members than etcd has, it would not start."""
    secret = made_by(node, etcd)
    etcd.there = [VOTER, member_at("127.0.0.7", "node-7", is_learner=False)]
    with pytest.raises(JoinRefused, match="node-7 is no node and has a vote: `boxctl cluster remove node-7`"):
        with_vote(node, secret)
    etcd.there = []
    with pytest.raises(
        JoinRefused, match="node-1 is a node whose vote is gone: `boxctl cluster remove node-1`"
    ):
        with_vote(node, secret)
    assert etcd.there == []
    etcd.there = [VOTER]
    assert with_vote(node, secret).membership.name == "node-9"


@pytest.mark.usefixtures("_listening")
def test_of_two_doors_one_gives_out_votes_at_a_time(
    node: Node, etcd: TakenOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = made_by(node, etcd)
    etcd.put(DOOR, "another")
    waits: Iterator[Callable[[], object]] = iter([lambda: None, lambda: etcd.delete(DOOR)])
    monkeypatch.setattr(time, "sleep", lambda _: next(waits)())
    assert with_vote(node, secret).membership.name == "node-9"
    assert next(waits, None) is None and DOOR not in etcd.has
    # Who waits in vain keeps the token, and the door stays whose it is.
    etcd.there = [VOTER]
    etcd.put(state.TOPOLOGY, topology.written(ALONE))
    etcd.put(DOOR, "another")
    secret = made_by(node, etcd)
    monkeypatch.setattr(joining, "LEARNER_SECONDS", -1)
    with pytest.raises(JoinRefused, match="Another node is let in just now"):
        with_vote(node, secret)
    assert etcd.has[DOOR][0] == "another" and etcd.there == [VOTER]
    etcd.delete(DOOR)
    assert with_vote(node, secret).membership.name == "node-9"


@pytest.mark.usefixtures("_listening")
def test_who_was_let_in_at_another_address_and_never_came_is_let_in_again(
    node: Node, etcd: TakenOver
) -> None:
    half = ALONE.joined_by(Member("node-9", "127.0.0.4", (Role.WITNESS,)))
    etcd.put(state.TOPOLOGY, topology.written(half))
    etcd.there = [VOTER, member_at("127.0.0.4", is_learner=True)]
    with_vote(node, made_by(node, etcd))
    assert [one.id for one in etcd.there] == ["127.0.0.2", THIEF]


def test_nobody_lets_go_of_what_another_holds(etcd: TakenOver) -> None:
    held: Any = etcd
    assert state.hold(held, "door", "one", seconds=60)
    state.let_go(held, "door", "other")
    assert not state.hold(held, "door", "other", seconds=60)
    state.let_go(held, "door", "one")
    assert state.hold(held, "door", "other", seconds=60)
