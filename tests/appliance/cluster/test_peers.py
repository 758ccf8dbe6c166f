"""Two balancers that pass requests on to each other: real HAProxy, real workers, a small application.

What whole machines do when they fail is in `test_failover.py`.
"""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from appliance import folders, scratch, service_files
from appliance.cluster import identity, topology
from appliance.cluster.topology import BALANCER_PORT, Member, Membership, Role, Topology
from appliance.node import Node
from appliance.services import named
from appliance.services.balancer.runtime import Runtime
from appliance.services.balancer.service import runtime_socket
from appliance.services.web.service import socket_path
from appliance.supervise.supervisord import Supervisord
from tests import require
from tests.appliance.boxes import wait_until
from tests.appliance.workers import Application, working

BALANCER = named("balancer")
FORM = b"text=" + 40_000 * b"x"


@dataclass
class Noting(Application):
    """Notes whom the balancers say to be asking."""

    askers: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            self.askers.append(environ.get("HTTP_X_FORWARDED_FOR", ""))
        return super().__call__(environ, start_response)


@dataclass
class Twin:
    """One of the two nodes, with its balancer."""

    node: Node
    application: Noting = field(default_factory=Noting)

    @property
    def supervisor(self) -> Supervisord:
        return Supervisord(self.node)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Its web workers run meanwhile, and its balancer knows."""
        with ExitStack() as stack:
            for number in range(1, self.node.web_workers + 1):
                socket = socket_path(self.node, number)
                stack.enter_context(working(self.application, socket))
                socket.chmod(0o660)
            wait_until(lambda: all(self.is_up(f"web-{n}") for n in range(1, self.node.web_workers + 1)))
            yield

    def is_up(self, server: str) -> bool:
        return Runtime(runtime_socket(self.node)).servers("web")[server].is_up

    def follow(self, known: Topology) -> None:
        """As the member does when the nodes are others."""
        self.node = replace(self.node, membership=replace(self.node.cluster, topology=known))
        topology.store(self.node.paths, self.node.cluster)
        service_files.apply(self.node, only=(BALANCER,))
        self.supervisor.reload("balancer")

    def ask(self, path: str, *, method: str = "GET", body: bytes = b"", **headers: str) -> int:
        context = ssl.create_default_context(cafile=str(self.node.paths.tls / "ca.crt"))
        port = self.node.box.balancer.https_port
        connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=60)
        try:
            connection.request(
                method, path, body, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@pytest.fixture(scope="module")
def known() -> Topology:
    # Addresses of loopback that no other run of this test has.
    here = f"127.{os.getpid() % 250 + 2}.{os.getpid() // 250 % 250}"
    one = Member("node-1", f"{here}.1", (Role.PORTAL, Role.FILES))
    return Topology((one, Member("node-2", f"{here}.2", (Role.PORTAL,))))


@pytest.fixture(scope="module")
def twins(known: Topology) -> Iterator[tuple[Twin, Twin]]:
    require.programs("haproxy", cure="apt-get install haproxy")
    authorities = {realm: identity.create_authority(realm) for realm in identity.REALMS}
    made: list[Twin] = []
    try:
        for member in known.members:
            folder = Path(tempfile.mkdtemp(prefix="korobka-"))
            folder.chmod(0o755)
            node = scratch.create(folder)
            for realm, authority in authorities.items():
                identity.enter(node.paths, realm, authority, name=member.name, address=member.address)
            topology.store(node.paths, Membership(member.name, known, ()))
            twin = Twin(Node.load(node.paths))
            made.append(twin)
            folders.prepare(node.paths)
            service_files.apply(twin.node, only=(BALANCER,))
            twin.supervisor.apply()
            twin.supervisor.start("balancer")
        yield made[0], made[1]
    finally:
        for twin in made:
            scratch.stop(twin.node)
            shutil.rmtree(twin.node.paths.prefix)


@pytest.fixture
def pair(twins: tuple[Twin, Twin], known: Topology) -> Iterator[tuple[Twin, Twin]]:
    """Both at work, nobody drained, and each known to the other."""
    one, two = twins
    with one.working(), two.working():
        wait_until(lambda: one.is_up("at:node-2") and two.is_up("at:node-1"))
        yield one, two
    for twin in twins:
        twin.follow(known)
        twin.application.asked.clear()
        twin.application.askers.clear()


def test_each_has_its_share_of_what_comes_to_one(pair: tuple[Twin, Twin]) -> None:
    one, two = pair
    for method in ("GET", "POST"):
        assert {one.ask(f"/{n}", method=method, Content_Length="0") for n in range(20)} == {200}
        assert one.application.asked and two.application.asked
        one.application.asked.clear()
        two.application.asked.clear()


def test_the_other_node_is_told_who_asks_and_nobody_can_pretend(pair: tuple[Twin, Twin]) -> None:
    one, two = pair
    for number in range(20):
        one.ask(f"/{number}", X_Forwarded_For="203.0.113.9")
    assert set(two.application.askers) == {"127.0.0.1"}


def test_who_has_no_workers_sends_people_to_the_other(twins: tuple[Twin, Twin]) -> None:
    one, two = twins
    with two.working():
        wait_until(lambda: one.is_up("at:node-2") and not one.is_up("web-1") and not one.is_up("web-2"))
        assert {one.ask(f"/{n}") for n in range(10)} == {200}
        assert len(two.application.asked) == 10
        assert one.ask("/form", method="POST", Content_Length="0") == 200
    two.application.asked.clear()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_asked_of_the_other_that_has_just_lost_its_workers_is_asked_elsewhere(
    twins: tuple[Twin, Twin], method: str
) -> None:
    one, two = twins
    with one.working():
        with two.working():
            wait_until(lambda: one.is_up("at:node-2"))
        # Its balancer still stands, and for some seconds the first one takes it for well.
        assert {one.ask(f"/{n}", method=method, body=FORM) for n in range(10)} == {200}
        assert len(one.application.asked) == 10
        wait_until(lambda: not one.is_up("at:node-2"))
    one.application.asked.clear()


def test_a_form_that_nobody_can_take_is_to_come_again(twins: tuple[Twin, Twin]) -> None:
    one, two = twins
    with one.working(), two.working():
        wait_until(lambda: one.is_up("at:node-2"))
    assert one.ask("/form", method="POST", body=FORM) == 503
    wait_until(lambda: not one.is_up("at:node-2"))


def test_a_drained_node_is_asked_when_nobody_else_is_left(pair: tuple[Twin, Twin], known: Topology) -> None:
    one, two = pair
    drained = known.with_drained("node-2", is_drained=True)
    for twin in pair:
        twin.follow(drained)
        wait_until(lambda twin=twin: twin.is_up("at:node-1" if twin is two else "at:node-2"))  # type: ignore[misc]
    for twin in pair:
        assert {twin.ask(f"/{n}") for n in range(10)} == {200}
    assert len(one.application.asked) == 20 and two.application.asked == []
    one.supervisor.stop("balancer")
    try:
        assert {two.ask(f"/{n}") for n in range(10)} == {200}
        assert len(two.application.asked) == 10
    finally:
        one.supervisor.start("balancer")


def test_the_console_is_answered_at_home(pair: tuple[Twin, Twin]) -> None:
    one, two = pair
    for twin in pair:
        assert {twin.ask("/console/backups/") for _ in range(5)} == {200}
        assert twin.ask("/console/backups/new/", method="POST", Content_Length="0") == 200
    assert len(one.application.asked) == 12 and two.application.asked == []


def test_a_node_tells_of_itself(pair: tuple[Twin, Twin]) -> None:
    one, two = pair
    assert {two.ask("/metrics") for _ in range(5)} == {200}
    assert len(two.application.asked) == 5 and one.application.asked == []


def test_nobody_but_a_balancer_is_let_in(pair: tuple[Twin, Twin]) -> None:
    one, two = pair
    place = topology.folder(two.node.paths)
    said = {}
    for realm in (None, *identity.REALMS):
        context = ssl.create_default_context(cafile=place / identity.BALANCERS.authority)
        if realm:
            context.load_cert_chain(place / realm.certificate, place / realm.key)
        connection = http.client.HTTPSConnection(
            one.node.cluster.me.address, BALANCER_PORT, context=context, timeout=20
        )
        said[realm] = 0
        with suppress(OSError):
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            said[realm] = connection.getresponse().status
        connection.close()
    assert said == {None: 0, identity.NODES: 0, identity.BALANCERS: 200}
