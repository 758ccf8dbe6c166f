"""How a phone in a browser gets to its PBX: with a ticket of the portal, encrypted where the PBX is.

HAProxy, tickets and certificates are real. In the place of a PBX's WebSocket stands a server that answers
with what it was asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance import config, service_files
from appliance.node import Node
from appliance.services import portal as portal_files
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.supervise.supervisord import Supervisord
from tests.appliance.test_balancer import Echo, ask, seen
from tests.directory.authority import TestAuthority


def ticket(node: Node, pbx: str = "office", *, seconds: int = 60, key: str = "") -> str:
    """As `box.bridges.telephony.credentials` makes it."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    parts = ({"alg": "HS256", "typ": "JWT"}, {"aud": pbx, "exp": int(time.time()) + seconds})
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    with_key = (key or portal_files.phones_key(node)).encode()
    return f"{signed}.{encoded(hmac.digest(with_key, signed.encode(), hashlib.sha256))}"


@contextmanager
def pbx(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def leads_to(balanced: Node) -> Iterator[Callable[..., Node]]:
    """Sets where the PBX `office` is, and whom to trust there."""
    before = balanced.paths.box_toml.read_text()

    def apply(text: str) -> Node:
        balanced.paths.box_toml.write_text(text)
        now = Node.load(balanced.paths)
        service_files.apply(now, only=(BALANCER,))
        Supervisord(now).reload("balancer")
        return now

    def lead(address: str, ca_file: str = "") -> Node:
        text = config.set_value(before, "telephony.phones", (f"office={address}",), from_console=False)
        return apply(config.set_value(text, "telephony.ca_file", ca_file, from_console=False))

    yield lead
    apply(before)


def test_only_a_ticket_of_the_portal_leads_to_a_pbx(leads_to: Callable[..., Node]) -> None:
    with pbx() as port:
        node = leads_to(f"127.0.0.1:{port}")
        answer, body = ask(node, f"/phone/office?ticket={ticket(node)}", Cookie="session=hers")
        assert (answer.status, json.loads(body)["path"]) == (200, "/ws")
        assert "cookie" not in seen(body)
        for refused in ("", ticket(node, "branch"), ticket(node, seconds=-1), ticket(node, key="guessed")):
            assert ask(node, f"/phone/office?ticket={refused}")[0].status == 403


def test_an_encrypted_pbx_is_believed_by_its_authority_and_its_name(
    leads_to: Callable[..., Node], tmp_path: Path
) -> None:
    def status(name: str, trusted: TestAuthority) -> int:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*own.issue(tmp_path, name, "127.0.0.1"))
        with pbx(context) as port:
            node = leads_to(f"wss://localhost:{port}", str(trusted.file))
            return ask(node, f"/phone/office?ticket={ticket(node)}")[0].status

    own = TestAuthority(tmp_path / "own")
    assert status("localhost", own) == 200
    assert status("elsewhere.corp.test", own) == 503
    assert status("localhost", TestAuthority(tmp_path / "another", "Another authority")) == 503
