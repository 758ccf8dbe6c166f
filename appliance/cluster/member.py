"""`python -m appliance.cluster.member`: the node's voice and ear in the cluster, and its door.

It runs as root, as the agent does, for it writes what root's services read. Who comes to its port without a
token gets nothing: one path asks for one, the other says only that somebody is there.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from appliance import config, folders, service_files
from appliance.agent.codec import Malformed, decode_request, encode
from appliance.agent.operations import AlreadyRunning
from appliance.bounded_server import BoundedThreadingMixIn, cut_off_after
from appliance.cluster import (
    alone,
    copies,
    credentials,
    https,
    identity,
    joining,
    membership,
    offers,
    position,
    reserves,
    room,
    rotation,
    shared,
    state,
    topology,
)
from appliance.cluster.decider import TICK_SECONDS, Decider
from appliance.cluster.etcd import EtcdAway
from appliance.cluster.joining import Asking, JoinRefused
from appliance.cluster.processors import Meter
from appliance.cluster.topology import MEMBER_PORT, TopologyRefused
from appliance.files import write_atomically
from appliance.node import Node
from appliance.paths import Paths
from appliance.periodic import every
from appliance.runner import CommandFailed
from appliance.services import enabled, named
from appliance.services.objects.setup import StoreRefused
from appliance.supervise import State, supervisor_for

log = logging.getLogger("appliance.cluster.member")

FOLLOW_SECONDS = 1.0
SHARE_SECONDS = 5.0
ROOM_SECONDS = 2.0
COPIES_SECONDS, REPAIR_SECONDS, REVIEW_SECONDS = 2.0, 20.0, 60.0
POSITION_SECONDS = 1.0
CERTIFICATE_SECONDS = 6 * 3600.0
MOST_BYTES = 64 << 10
MOST_AT_ONCE = 16
PATIENCE = 10.0
LONGEST = 60.0
"""Seconds that one visitor has in all, the looking at ports among them."""
UNTOLD = "certificate-untold"
"""There while services may not have read the certificate that this node shows."""


def main() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    paths = Paths.from_environment()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folders.prepare(paths)
    meter, decider, files = Meter(), Decider(paths, log.info), copies.Keeper(paths, log.info)
    follower = alone.Follower(paths, log.info)

    def ills() -> tuple[str, ...]:
        return (*problems(paths), *files.problems)

    for seconds, act in (
        (state.BEAT_SECONDS, lambda: membership.beat(paths, busy=meter.busy(), problems=ills())),
        (FOLLOW_SECONDS, lambda: follower.look(time.monotonic())),
        (FOLLOW_SECONDS, lambda: membership.watch(paths)),
        (POSITION_SECONDS, lambda: position.note(paths)),
        (SHARE_SECONDS, lambda: membership.share(paths, log.info)),
        (SHARE_SECONDS, lambda: membership.settle(paths)),
        (SHARE_SECONDS, lambda: membership.keep_apart(paths)),
        (TICK_SECONDS, lambda: decider.tick(datetime.now(UTC))),
        (ROOM_SECONDS, lambda: room.look(paths, log.info)),
        (COPIES_SECONDS, lambda: files.look(datetime.now(UTC))),
        (REPAIR_SECONDS, files.repair),
        (REVIEW_SECONDS, files.review),
        (SHARE_SECONDS, lambda: reserves.switch_off(paths, log.info)),
    ):
        every(seconds, patiently(act))
    with Door(paths) as door:
        every(CERTIFICATE_SECONDS, lambda: renew(paths, door))
        log.info("Listening at %s.", door.server_address)
        door.serve_forever(poll_interval=3600)


def patiently(act: Callable[[], object]) -> Callable[[], None]:
    """Nothing is to be done but to wait, in one line of the log each time: for the others, or for something
    that runs here and needs the same."""

    def wait() -> None:
        try:
            act()
        except (
            EtcdAway,
            TopologyRefused,
            AlreadyRunning,
            StoreRefused,
            CommandFailed,
            TimeoutError,
        ) as error:
            log.warning("%s", error)

    return wait


def problems(paths: Paths) -> tuple[str, ...]:
    """What the services of this node lack, in words; of their processes only, for this is said all the time.
    What somebody has stopped is meant to be so."""
    node = Node.load(paths)
    known = supervisor_for(node).status(*(one.name for one in enabled(node)), with_health=False)
    ill = tuple(
        f"{status.instance}: {status.problem}"
        for status in known
        if status.problem and status.state is not State.STOPPED
    )
    return (*ill, *shared.problems(paths)) if node.runs("database") else ill


def renew(paths: Paths, door: Door) -> None:
    """A new certificate in time; who reads it at every connection needs not be told."""
    node, untold = Node.load(paths), paths.run / "state" / UNTOLD
    me = node.cluster.me
    identity.renew(paths, name=me.name, address=me.address)
    door.load_certificate()
    mine = tuple(named(name) for name in ("etcd", *membership.FOLLOWERS) if node.runs(name))
    # Noted first: whoever is ended in between finds their files as they should be.
    if {one.name for one in mine}.intersection(service_files.pending(node)):
        write_atomically(untold, "", mode=0o600)
    if untold.exists():
        service_files.apply(node, only=mine)
        supervisor_for(node).reload(*(one.name for one in mine if one.reload_signal))
        untold.unlink()


class Door(BoundedThreadingMixIn, HTTPServer):
    """HTTPS on the node's address, a bounded number of visitors at once, each for a bounded time."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        address = Node.load(paths).cluster.me.address
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        # Nodes show theirs; who joins has none yet.
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self.load_certificate()
        super().__init__((address, MEMBER_PORT), Visitor)

    def load_certificate(self) -> None:
        """With the authority behind it: by that, who joins knows that it is the right cluster."""
        place = topology.folder(self.paths)
        self._context.load_cert_chain(place / credentials.CERTIFICATE, place / credentials.KEY)
        self._context.load_verify_locations(cadata=identity.trusted(place))

    def places(self, request: Any) -> threading.BoundedSemaphore:
        return self._places

    def converse(self, request: Any, client_address: Any) -> None:
        """Also the handshake: who says nothing keeps nobody else waiting."""
        with cut_off_after(request, LONGEST):
            request.settimeout(PATIENCE)
            try:
                request = self._context.wrap_socket(request, server_side=True)
            except OSError:
                request.close()
                return
            super().converse(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no trouble of ours."""
        log.warning("The answer to %s did not arrive.", client_address)


class Visitor(BaseHTTPRequestHandler):
    """`GET /healthz`, `POST /join`; and for nodes `GET /releases/SHA256/PIECE` and `GET /authorities`."""

    server: Door
    timeout = PATIENCE
    server_version, sys_version = "Korobka", ""

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200, {})
        elif (found := self._for_nodes()) is not None:
            self._send(200, "application/octet-stream", found)
        else:
            self._answer(404, {"error": "There is nothing here."})

    def _for_nodes(self) -> bytes | None:
        if self.path == rotation.PATH:
            return rotation.offered(self.server.paths) if self._is_member() else None
        return offers.piece(self.server.paths, self.path) if self._is_node() else None

    def _is_node(self) -> bool:
        """Whether the visitor has shown a certificate of the cluster, which the handshake has looked at."""
        return isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.getpeercert())

    def _is_member(self) -> bool:
        """Whether it is a node still, and speaks from its own address: certificates outlive what they say."""
        shown = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        subject: Any = (shown or {}).get("subject", ())
        names = [value for part in subject for key, value in part if key == "commonName"]
        address = self.client_address[0]
        return any(rotation.is_member(self.server.paths, name=name, address=address) for name in names)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/join" or not length.isdecimal() or int(length) > MOST_BYTES:
            self._answer(404, {"error": "There is nothing here."})
            return
        try:
            asking = decode_request(Asking, json.loads(self.rfile.read(int(length))), place="the request")
            welcome = joining.let_in(self.server.paths, asking, now=datetime.now(UTC))
        except (ValueError, RecursionError, Malformed) as error:
            self._answer(400, {"error": f"{error} Join with this version's boxctl."})
        except (JoinRefused, TopologyRefused, identity.IdentityRefused) as error:
            log.warning("%s was not let in: %s", self.client_address[0], error)
            self._answer(403, {"error": str(error)})
        except (EtcdAway, https.NodeRefused, config.ConfigError) as error:
            self._answer(503, {"error": str(error)})
        else:
            log.info("%s at %s was let in.", asking.name, asking.address)
            self._answer(200, encode(welcome))

    def _answer(self, status: int, said: object) -> None:
        self._send(status, "application/json", json.dumps(said).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Who joins is logged in words; the rest is of no interest."""


if __name__ == "__main__":
    main()
