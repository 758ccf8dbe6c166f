"""When a store opens files from its own copies, and what it is told then. On machines: `test_files.py`."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from appliance import runner, scratch, service_files
from appliance.cluster import alone, identity, membership, topology
from appliance.cluster.etcd import EtcdAway
from appliance.cluster.topology import Member, Membership, Role, Topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from appliance.services.objects import masters
from tests.appliance.boxes import open_to_everybody

STORES = tuple(
    Member(f"node-{number}", f"10.0.0.{number}", (Role.DATABASE,), number=number, has_store=True)
    for number in range(4)
)
WITNESS = Member("witness", "10.0.0.9", (Role.WITNESS,), number=9)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """The last of three."""
    folder = tmp_path_factory.mktemp("node")
    open_to_everybody(folder)
    single = scratch.create(folder)
    identity.found(single.paths, name=STORES[2].name, address=STORES[2].address)
    return replace(single, membership=Membership(STORES[2].name, Topology(STORES[:3], 4), ()))


def among(node: Node, *members: Member, me: Member) -> Node:
    return replace(node, membership=Membership(me.name, Topology(members), ()))


@pytest.mark.parametrize(
    ("members", "me", "can"),
    [
        (STORES[:3], STORES[2], True),
        ((*STORES[:2], WITNESS), STORES[1], True),
        # It is asked for its vote, and has no files.
        ((*STORES[:2], WITNESS), WITNESS, False),
        # One says where files are, and misses nobody.
        (STORES[:2], STORES[0], False),
        # A copy of each file is on any three of them.
        (STORES, STORES[0], False),
        # It has not got all copies yet.
        ((*STORES[:2], WITNESS, replace(STORES[2], has_store=False)), STORES[2], False),
    ],
)
def test_who_has_every_file_can_stand_alone(
    node: Node, members: tuple[Member, ...], me: Member, *, can: bool
) -> None:
    assert alone.can_stand_alone(among(node, *members, me=me)) is can


def test_it_believes_itself_and_nobody_else_hears_it(node: Node) -> None:
    by_itself = replace(node, membership=replace(node.cluster, is_alone=True))
    assert option(node, "-master.peers").count("127.") == 3
    assert option(by_itself, "-master.peers").startswith(f"{STORES[2].loopback}:")
    assert option(by_itself, "-master.peers").count("127.") == 1
    assert option(node, "-master.dir").endswith("/masters/4")
    assert option(by_itself, "-master.dir").endswith("/masters/alone")
    # Routers of the others ask for the number of what was agreed on.
    for known, protocol, others in ((node, "korobka-master-4", 2), (by_itself, "korobka-master-alone", 0)):
        with service_files.following(known.paths):
            service_files.apply(known, only=(router := named("router"),))
        assert router.check is not None
        assert (done := runner.run(router.check(known), check=False)).code == 0, done.stderr
        conf = next(str(file.content) for file in router.files(known) if file.name == "haproxy.cfg")
        assert re.findall(r"use_backend own:master if .* -m str (\S+) ", conf) == [protocol]
        assert len(re.findall(r"server store .* alpn korobka-master-", conf)) == others


def option(node: Node, name: str) -> str:
    words = named("objects").command(node, "1")
    return next(word.partition("=")[2] for word in words if word.startswith(f"{name}="))


class Watched:
    """A follower whose world the test makes."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leader, self.is_away, self.is_begun, self.stood = "", True, False, 0
        self.fails = self.breaks = False
        self._node = node
        self.follower = alone.Follower(node.paths, lambda _: None)
        monkeypatch.setattr(Node, "load", lambda _: self._known())
        monkeypatch.setattr(membership, "follow", lambda *_: self._follow())
        monkeypatch.setattr(membership, "stand_alone", lambda *_: self._stand())
        monkeypatch.setattr(masters, "leader", lambda _: self.leader)

    def _known(self) -> Node:
        return replace(self._node, membership=replace(self._node.cluster, is_alone=self.is_begun))

    def _follow(self) -> None:
        if self.is_away:
            raise EtcdAway("away")
        if self.breaks:
            raise TimeoutError("late")
        self.is_begun = False

    def _stand(self) -> None:
        self.is_begun = True
        self.stood += 1
        if self.fails:
            raise TimeoutError("late")

    def look(self, *moments: float) -> int:
        """How often it has stood up by then."""
        for now in moments:
            try:
                self.follower.look(now)
            except (EtcdAway, TimeoutError):
                continue
        return self.stood


@pytest.fixture
def watched(node: Node, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(node, monkeypatch)


def test_it_stands_alone_after_half_a_minute_and_once(watched: Watched) -> None:
    assert watched.look(100, 115, 129.9) == 0
    assert watched.look(130) == 1
    assert watched.look(131, 200, 300) == 1


def test_while_masters_lead_it_waits_and_begins_to_count_anew(watched: Watched) -> None:
    watched.look(100, 120)
    watched.leader = STORES[0].loopback
    assert watched.look(125, 160) == 0
    watched.leader = ""
    assert watched.look(161, 190.9) == 0
    assert watched.look(191) == 1


def test_while_the_others_answer_it_does_not_count_either(watched: Watched) -> None:
    watched.look(100, 120)
    watched.is_away = False
    watched.look(125)
    watched.is_away = True
    assert watched.look(126, 155.9) == 0
    assert watched.look(156) == 1
    # And once more, after they were back.
    watched.is_away = False
    watched.look(160)
    watched.is_away = True
    assert watched.look(161, 190) == 1
    assert watched.look(191) == 2


def test_what_was_begun_and_cut_short_is_done_again_at_once(watched: Watched) -> None:
    watched.is_begun, watched.leader = True, "an older answer"
    assert watched.look(100) == 1
    assert watched.look(101, 200) == 1


def test_what_has_failed_is_done_again(watched: Watched) -> None:
    watched.fails = True
    assert watched.look(100, 130, 131) == 2
    watched.fails = False
    assert watched.look(132, 133) == 3


def test_who_gets_half_way_back_stands_alone_again(watched: Watched) -> None:
    assert watched.look(100, 130) == 1
    watched.is_away, watched.breaks = False, True
    watched.look(140)
    watched.is_away = True
    assert watched.look(141) == 2


def test_whoever_is_killed_in_between_finds_it_written_down(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    topology.store(node.paths, node.cluster)
    by_itself, found = replace(node.cluster, is_alone=True), []

    def killed(paths: Paths, had: Membership, taken: Membership, _: object) -> None:
        found.append((topology.load(paths), had, taken))
        raise TimeoutError

    monkeypatch.setattr(membership, "_serve", killed)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            membership.stand_alone(node.paths, lambda _: None)
    # The store is stopped and started anew each time, whatever it was told before.
    assert found == [(by_itself, node.cluster, by_itself)] * 2


def test_it_is_known_to_this_node_alone(node: Node) -> None:
    by_itself = replace(node.cluster, is_alone=True)
    topology.store(node.paths, by_itself)
    assert topology.load(node.paths) == by_itself
    assert "alone" not in topology.written(by_itself.topology)


@contextmanager
def saying(node: Node, answer: bytes, *, is_endless: bool = False) -> Iterator[Node]:
    """A node whose master says so, at the first port that is free."""
    ended = threading.Event()

    class Said(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/cluster/status"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)
            while is_endless and not ended.wait(0.2):
                self.wfile.write(b" ")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((STORES[2].loopback, 0), Said) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        objects = replace(node.box.objects, port=server.server_port - 1)
        try:
            yield replace(node, box=replace(node.box, objects=objects))
        finally:
            ended.set()
            server.shutdown()


@pytest.mark.parametrize(
    ("said", "leader"),
    [
        ({"IsLeader": True, "Leader": "127.100.100.2:20005.20009", "Peers": []}, "127.100.100.2"),
        ({"Peers": ["127.100.100.0:20005.20009"]}, ""),
        ({"Leader": ""}, ""),
        ({"Leader": ["127.100.100.0"]}, ""),
        (["Leader"], ""),
        (None, ""),
    ],
)
def test_a_master_says_who_leads(node: Node, said: object, leader: str) -> None:
    with saying(node, json.dumps(said).encode()) as asked:
        assert masters.leader(asked) == leader


@pytest.mark.parametrize("said", [b"", b"no JSON", b"[" * 60_000, b'{"Leader": "' + b"1" * 70_000 + b'"}'])
def test_what_says_nothing_sensible_leads_nobody(node: Node, said: bytes) -> None:
    with saying(node, said) as asked:
        assert masters.leader(asked) == ""


def test_who_never_ends_is_cut_off(node: Node) -> None:
    with saying(node, b'{"Leader": "127.100.100.2:1"', is_endless=True) as asked:
        assert masters.leader(asked) == ""


def test_nobody_there_leads_nobody(node: Node) -> None:
    with saying(node, b"") as gone:
        pass
    assert masters.leader(gone) == ""
