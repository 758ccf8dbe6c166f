"""Who has etcd, which runs as the database's user, lets nobody into the cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance import config
from appliance.agent.codec import decode_request, encode
from appliance.cluster import identity, joining, membership, rotation, state, topology
from appliance.cluster.etcd import Entry, Etcd
from appliance.cluster.joining import Asking, JoinRefused
from appliance.cluster.topology import Member, Membership, Role, Topology, TopologyRefused
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.services.portal import version

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALONE = Topology((Member("node-1", "127.0.0.2", (Role.PORTAL, Role.FILES, Role.DATABASE)),))
THIEF = "127.0.0.9"


class TakenOver:
    """An etcd that notes what root asks it for, and has what its thief likes."""

    def __init__(self) -> None:
        self.has = {state.TOPOLOGY: (topology.written(ALONE), 1)}
        self.asked: list[str] = []

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
        self.has[key] = (value, revision + 1)
        return True

    def members(self) -> list[Any]:
        return []

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
