"""Requests between nodes, and the connections that are kept for the next one."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.certificates import key_pem
from appliance.cluster import https, identity
from appliance.cluster.https import NodeAway, NodeRefused
from appliance.cluster.topology import folder
from appliance.paths import Paths

from .test_identity import node_at, server_context


class Node(ThreadingHTTPServer):
    """Answers each request with how many connections there have been so far; `/large` with a text of 100 KB,
    `/refused` with 403, `/silent` not before it ends. `hang_up` closes what is open, as a restart does."""

    daemon_threads = True

    def __init__(self, paths: Paths, *, protocol: str) -> None:
        handler = type("Handler", (Handler,), {"protocol_version": protocol})
        self.opened = self.kept_waiting = 0
        self.ends = threading.Event()
        self.connections: list[ssl.SSLSocket] = []
        self.context = server_context(paths)
        super().__init__(("127.0.0.1", 0), handler)

    def get_request(self) -> tuple[Any, Any]:
        plain, address = super().get_request()
        self.opened += 1
        self.connections.append(self.context.wrap_socket(plain, server_side=True))
        return self.connections[-1], address

    def hang_up(self) -> None:
        while self.connections:
            self.connections.pop().shutdown(2)


class Handler(BaseHTTPRequestHandler):
    server: Node

    def do_GET(self) -> None:
        if self.path == "/silent":
            self.server.kept_waiting += 1
            self.server.ends.wait(60)
        self._answer(f'"{"x" * 100_000}"' if self.path == "/large" else str(self.server.opened))

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, text: str) -> None:
        self.send_response(403 if self.path == "/refused" else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """The test asks what it wants to know."""


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> None:
    https._kept.clear()


@pytest.fixture
def me(tmp_path: Path) -> Paths:
    authority = identity.create_authority()
    return node_at(tmp_path / "1", authority, name="node-1", address="127.0.0.1")


@contextmanager
def running(paths: Paths, *, protocol: str = "HTTP/1.1") -> Iterator[Node]:
    with Node(paths, protocol=protocol) as node:
        threading.Thread(target=node.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield node
        finally:
            node.ends.set()
            node.shutdown()


def asked(node: Node, paths: Paths, path: str = "/", body: object = None) -> Any:
    context = identity.client_context(folder(paths))
    return https.ask("127.0.0.1", node.server_port, path, body, context=context)


def test_what_is_asked_again_goes_over_the_connection_that_is_there(me: Paths) -> None:
    with running(me) as node:
        assert [asked(node, me), asked(node, me, "/", {"of": 7}), asked(node, me)] == [1, {"of": 7}, 1]
        with pytest.raises(NodeRefused):
            asked(node, me, "/refused")
        assert asked(node, me) == 1


def test_one_that_was_closed_meanwhile_is_made_anew(me: Paths) -> None:
    with running(me) as node:
        assert asked(node, me) == 1
        node.hang_up()
        assert [asked(node, me), asked(node, me)] == [2, 2]


def test_a_node_that_is_gone_is_away_however_many_connections_were_kept(me: Paths) -> None:
    with running(me) as node:
        both = [threading.Thread(target=asked, args=(node, me)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        node.hang_up()
        node.socket.close()
        with pytest.raises(NodeAway, match="does not answer"):
            asked(node, me)


def test_who_says_nothing_over_a_kept_connection_is_not_asked_again(me: Paths) -> None:
    context = identity.client_context(folder(me))
    with running(me) as node:
        assert asked(node, me) == 1
        with pytest.raises(NodeAway, match="timed out"):
            https.ask("127.0.0.1", node.server_port, "/silent", context=context, seconds=0.2)
        assert (node.kept_waiting, node.opened) == (1, 1)


def test_an_answer_that_was_not_read_to_its_end_ends_its_connection(me: Paths) -> None:
    context = identity.client_context(folder(me))
    with running(me) as node:
        with pytest.raises(NodeAway, match="more than"):
            https.fetch("127.0.0.1", node.server_port, "/large", context=context, most=99_000)
        assert asked(node, me) == 2
        assert len(asked(node, me, "/large")) == 100_000
        assert asked(node, me) == 2


def test_who_closes_after_each_answer_is_asked_over_new_ones(me: Paths) -> None:
    with running(me, protocol="HTTP/1.0") as node:
        assert [asked(node, me), asked(node, me)] == [1, 2]


def test_no_more_are_kept_than_are_of_use(me: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "MOST_KEPT", 1)
    with running(me) as one, running(me) as other:
        assert [asked(one, me), asked(other, me), asked(one, me), asked(one, me)] == [1, 1, 2, 2]


def test_a_new_certificate_is_shown_at_once(me: Paths) -> None:
    context = identity.client_context(folder(me))
    assert identity.client_context(folder(me)) is context
    with running(me) as node:
        assert asked(node, me) == 1
        # Of another authority: who does not know it answers no more, whatever was kept.
        key, authority = identity.new_key(), identity.create_authority()
        asking = identity.request("node-1", key)
        certificate = identity.issue(authority, asking, name="node-1", address="127.0.0.1")
        identity.keep(me, authority=authority.pem, certificate=certificate, key=key_pem(key).decode())
        assert identity.client_context(folder(me)) is not context
        with pytest.raises(NodeAway):
            asked(node, me)
