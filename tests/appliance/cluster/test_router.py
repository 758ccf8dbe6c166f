"""What the router does while the lead moves: real HAProxy, as it is told in a cluster."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.services import router
from appliance.services.balancer.runtime import Runtime
from appliance.services.balancer.service import PROGRAM
from tests import require
from tests.appliance.boxes import wait_until

TEMPLATE = Path(router.__file__).with_name("haproxy.cfg.j2")


class Patroni(ThreadingHTTPServer):
    """Says whether its node leads."""

    leads = True
    looks = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)


class _Asked(BaseHTTPRequestHandler):
    server: Patroni

    def do_OPTIONS(self) -> None:
        self.server.looks += 1
        self.send_response(200 if self.server.leads else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Each look of HAProxy is one."""


def test_who_connects_while_the_leader_goes_is_told_at_once() -> None:
    """It has stopped, and is not known to be down yet. HAProxy 3.0 keeps a session for ever that waits to try
    again when its server is found to be down: whoever came so waited for ever as well, and the pool of a web
    worker with them."""
    with patroni() as asked, socket.create_server(("127.0.0.1", 0)) as database:
        port = database.getsockname()[1]
        database.close()
        with routed(port, asked.server_port) as way, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            wait_until(lambda: asked.looks > 1)
            connection.connect(str(way))
            asked.leads = False
            assert connection.recv(1) == b""


def test_a_leader_that_refuses_connections_is_gone_with_the_first_look_that_says_so() -> None:
    """Else the next one is there, and half of who connects still comes to this one."""
    with patroni() as asked, socket.create_server(("127.0.0.1", 0)) as database:
        port = database.getsockname()[1]
        database.close()
        with routed(port, asked.server_port) as way, socket.socket(socket.AF_UNIX) as connection:
            servers = Runtime(way.with_name("admin.sock")).servers
            wait_until(lambda: asked.looks > 1)
            assert servers("leader")["one"].is_up
            connection.connect(str(way))
            assert connection.recv(1) == b""
            asked.leads, before = False, asked.looks
            wait_until(lambda: not servers("leader")["one"].is_up)
            assert asked.looks - before <= 1


@contextmanager
def patroni() -> Iterator[Patroni]:
    with Patroni() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def routed(database: int, asked: int) -> Iterator[Path]:
    """By the router's own defaults and checks; the socket of the way to the leader."""
    require.programs("haproxy", cure="apt-get install haproxy")
    source = TEMPLATE.read_text(encoding="utf-8")
    defaults = source.split("\ndefaults\n")[1].split("\n\n")[0]
    leader = source.split("\nbackend leader\n")[1].split("\n\n")[0]
    (checks,) = (line for line in leader.splitlines() if "default-server" in line)
    # A short way: a socket's has at most 107 letters.
    with TemporaryDirectory(prefix="router-") as place:
        folder = Path(place)
        (folder / "haproxy.cfg").write_text(
            f"global\n stats socket {folder}/admin.sock level admin\n"
            f"defaults\n{defaults}\n"
            f"frontend database\n bind unix@{folder}/way\n default_backend leader\n"
            f"backend leader\n option httpchk\n http-check send meth OPTIONS uri /primary\n{checks}\n"
            f" server one 127.0.0.1:{database} check port {asked}\n"
        )
        command = [PROGRAM, "-db", "-f", str(folder / "haproxy.cfg")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                wait_until((folder / "way").exists)
                yield folder / "way"
            finally:
                running.kill()
