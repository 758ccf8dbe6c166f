"""What the balancer lets through, adds, takes away, and does while a worker is gone.

HAProxy, the store and the certificates are real. In the place of the portal's workers stands a server on
their sockets that answers with what it was asked, because that is what these tests are about.
"""

from __future__ import annotations

import csv
import http.client
import io
import json
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from appliance import certificates, config, service_files, users
from appliance.node import Node
from appliance.services.balancer import runtime
from appliance.services.balancer.runtime import BalancerAway, Runtime
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.balancer.service import names, progress_file, runtime_socket
from appliance.services.objects import setup
from appliance.services.push.service import socket_path as push_socket
from appliance.services.web.service import socket_path as web_socket
from appliance.supervise.base import SupervisorError
from appliance.supervise.supervisord import Supervisord
from tests.appliance.boxes import PATIENCE, wait_until

CONTENT = b"<script>alert(1)</script>"


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's headers, under the names that the worker saw."""

    protocol_version = "HTTP/1.1"
    left_unanswered: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        if "dies" in self.path:
            self.left_unanswered.append(self.path)
            self.close_connection = True
            return
        body = json.dumps({"path": self.path, "headers": list(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Server", "secret/1.0")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class Worker(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Ends as a process does: with the connections that the balancer keeps to it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path) -> None:
        self._connected: set[socket.socket] = set()
        super().__init__(str(path), Echo)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connected.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connected.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in tuple(self._connected):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def worker(path: Path, node: Node) -> Iterator[None]:
    path.unlink(missing_ok=True)
    server = Worker(path)
    path.chmod(0o660)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        path.unlink(missing_ok=True)


@pytest.fixture
def portal(balanced: Node) -> Iterator[Node]:
    """The same with both workers and push behind it."""
    with (
        worker(web_socket(balanced, 1), balanced),
        worker(web_socket(balanced, 2), balanced),
        worker(push_socket(balanced), balanced),
    ):
        servers = Runtime(runtime_socket(balanced))
        wait_until(
            lambda: all(
                server.is_up for server in servers.servers("web").values() if server.name != "BACKEND"
            )
        )
        yield balanced


def ask(
    node: Node, path: str, *, method: str = "GET", timeout: float = PATIENCE, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    context = ssl.create_default_context(cafile=str(node.paths.tls / "ca.crt"))
    port = node.box.balancer.https_port
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=timeout)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def seen(body: bytes) -> dict[str, list[str]]:
    """The headers that reached the worker, by lower-case name."""
    found: dict[str, list[str]] = {}
    for name, value in json.loads(body)["headers"]:
        found.setdefault(name.lower(), []).append(value)
    return found


def test_a_request_reaches_a_worker_with_who_asked(portal: Node) -> None:
    answer, body = ask(portal, "/people/?q=a")
    assert answer.status == 200
    assert json.loads(body)["path"] == "/people/?q=a"
    headers = seen(body)
    assert headers["x-forwarded-for"] == ["127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["https"]
    assert len(headers["x-request-id"][0]) == 36


def test_a_forged_address_changes_nothing(portal: Node) -> None:
    _, body = ask(
        portal,
        "/",
        X_Forwarded_For="203.0.113.9",
        X_Forwarded_Proto="http",
        X_Forwarded_Host="evil.example",
        X_Real_IP="203.0.113.9",
        X_Request_ID="mine",
        Forwarded="for=203.0.113.9",
    )
    headers = seen(body)
    assert headers["x-forwarded-for"] == ["127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["https"]
    assert headers["x-request-id"] != ["mine"]
    assert not {"x-forwarded-host", "x-real-ip", "forwarded"} & headers.keys()


def test_a_header_that_python_would_take_for_another_is_dropped(portal: Node) -> None:
    context = ssl.create_default_context(cafile=str(portal.paths.tls / "ca.crt"))
    with (
        socket.create_connection(("127.0.0.1", portal.box.balancer.https_port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX_Forwarded_For: 203.0.113.9\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"200 OK" in answer
    assert b"203.0.113.9" not in answer


@contextmanager
def configured(node: Node, **balancer: config.Value) -> Iterator[None]:
    """The balancer with other settings for a while, reloaded, not restarted."""
    before = node.paths.box_toml.read_text()
    text = config.set_values(
        before,
        {name if name == "hostname" else f"balancer.{name}": value for name, value in balancer.items()},
        from_console=False,
    )

    def take(content: str) -> None:
        node.paths.box_toml.write_text(content)
        now = Node.load(node.paths)
        assert service_files.apply(now, only=(BALANCER,)) == ("balancer",)
        Supervisord(now).reload("balancer")

    take(text)
    try:
        yield
    finally:
        take(before)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 127.0.0.9", "203.0.113.9"),
        ("nonsense", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_tells_who_the_client_is(portal: Node, forwarded: str, client: str) -> None:
    """The last address that no trusted proxy vouches for: what stands before it may be invented."""
    with configured(portal, trusted_proxies=("127.0.0.0/8",)):
        wait_until(
            lambda: seen(ask(portal, "/", X_Forwarded_For=forwarded)[1])["x-forwarded-for"] == [client]
        )
        assert seen(ask(portal, "/", X_Forwarded_For=forwarded)[1])["x-forwarded-for"] == [client]


def host_of(node: Node, host: str) -> tuple[int, str]:
    answer, body = ask(node, "/", Host=host)
    return answer.status, body.decode()


def test_only_what_calls_the_portal_by_its_name_gets_in(portal: Node) -> None:
    port = portal.box.balancer.https_port
    for host in (
        "localhost",
        f"localhost:{port}",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        f"127.0.0.1:{port}",
    ):
        assert host_of(portal, host)[0] == 200, host
    for host in (
        "evil.example",
        "evil.example:443",
        "localhost.evil.example",
        "xlocalhost",
        "127.0.0.2",
        "[::1]",
    ):
        status, said = host_of(portal, host)
        assert status == 421, host
        assert f"https://localhost:{port}/" in said


def test_the_address_that_was_connected_to_is_a_name(portal: Node) -> None:
    """As on the first day, before there is a name for it; here by an address that nothing was told of."""
    with configured(portal, hostname="portal.example.com"):
        wait_until(lambda: host_of(portal, "portal.example.com")[0] == 200)
        assert host_of(portal, "127.0.0.1")[0] == 200
        assert host_of(portal, "127.0.0.9")[0] == 421


def test_other_names_are_told_to_the_box(portal: Node) -> None:
    with configured(portal, names=("intranet", "203.0.113.9")):
        wait_until(lambda: host_of(portal, "intranet")[0] == 200)
        assert host_of(portal, "203.0.113.9")[0] == 200
        assert host_of(portal, "intranet2")[0] == 421


def test_the_names_of_the_certificate_are_the_portals(portal: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ("a.example.com", "*.b.example.com")
    monkeypatch.setattr(certificates.Bundle, "names", property(lambda self: found))
    assert names(portal) == (("localhost", "a.example.com"), (".b.example.com",))
    service_files.apply(portal, only=(BALANCER,))
    Supervisord(portal).reload("balancer")
    try:
        wait_until(lambda: host_of(portal, "a.example.com")[0] == 200)
        assert host_of(portal, "x.b.example.com")[0] == 200
        for host in ("x.y.b.example.com", "b.example.com", "x.bxexample.com", "x.a.example.com"):
            assert host_of(portal, host)[0] == 421
    finally:
        monkeypatch.undo()
        service_files.apply(portal, only=(BALANCER,))
        Supervisord(portal).reload("balancer")


def test_plain_http_leads_to_no_other_name(portal: Node) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", portal.box.balancer.http_port, timeout=10)
    connection.request("GET", "/a", headers={"Host": "evil.example"})
    location = connection.getresponse().headers["Location"]
    assert location == f"https://localhost:{portal.box.balancer.https_port}/a"


@pytest.mark.parametrize(
    "path",
    [
        "/rest/1/s/dies.a",
        "//rest/dies.b",
        "/%72est/dies.c",
        "/%2Frest/dies.d",
        "/REST/dies.e",
        "/r%65st/dies.f",
    ],
)
def test_a_program_is_never_asked_twice(portal: Node, path: str) -> None:
    """It may write with a GET, and the worker may die behind that."""
    Echo.left_unanswered.clear()
    assert ask(portal, path)[0].status == 502
    assert len(Echo.left_unanswered) == 1


def test_a_page_is_asked_for_again_and_a_form_is_not(portal: Node) -> None:
    Echo.left_unanswered.clear()
    # Over a connection that was kept nothing is answered in the end, so that the browser tries once more.
    with suppress(http.client.RemoteDisconnected):
        assert ask(portal, "/feed/dies")[0].status == 502
    assert len(Echo.left_unanswered) > 1
    Echo.left_unanswered.clear()
    assert ask(portal, "/feed/dies", method="POST", Content_Length="0")[0].status == 502
    assert len(Echo.left_unanswered) == 1


def test_plain_http_leads_to_https(portal: Node) -> None:
    for method, status in (("GET", 301), ("POST", 308)):
        connection = http.client.HTTPConnection("127.0.0.1", portal.box.balancer.http_port, timeout=PATIENCE)
        connection.request(method, "/a?b=c", headers={"Host": f"localhost:{portal.box.balancer.http_port}"})
        answer = connection.getresponse()
        assert answer.status == status
        assert answer.headers["Location"] == f"https://localhost:{portal.box.balancer.https_port}/a?b=c"


def test_browsers_are_told_to_insist_only_on_a_trusted_certificate(portal: Node) -> None:
    assert "Strict-Transport-Security" not in ask(portal, "/")[0].headers
    with configured(portal, publicly_trusted=True):
        wait_until(lambda: "Strict-Transport-Security" in ask(portal, "/")[0].headers)
        assert ask(portal, "/")[0].headers["Strict-Transport-Security"] == "max-age=31536000"


def test_http_2_is_offered_and_old_tls_is_not(portal: Node) -> None:
    context = ssl.create_default_context(cafile=str(portal.paths.tls / "ca.crt"))
    context.set_alpn_protocols(["h2"])
    address = ("127.0.0.1", portal.box.balancer.https_port)
    with (
        socket.create_connection(address) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"
    done = subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"{address[0]}:{address[1]}",
            "-tls1_1",
            "-cipher",
            "ALL:@SECLEVEL=0",
        ],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Cipher is (NONE)" in done.stdout


def test_push_has_a_route_of_its_own(portal: Node) -> None:
    assert json.loads(ask(portal, "/push/stream?after=3")[1])["path"] == "/push/stream?after=3"


def test_nobody_learns_what_serves(portal: Node) -> None:
    assert "Server" not in ask(portal, "/")[0].headers


@pytest.fixture
def link(portal: Node) -> str:
    """A signed link to a file, as the portal makes it: for the portal's own host."""
    bucket = portal.box.objects.bucket
    setup.client(portal).put_object(
        bucket_name=bucket,
        object_name="page",
        data=io.BytesIO(CONTENT),
        length=len(CONTENT),
        content_type="text/html",
    )
    signer = setup.client(portal)
    signer._base_url._url = urlsplit(f"https://localhost:{portal.box.balancer.https_port}")
    signed = signer.presigned_get_object(
        bucket_name=bucket, object_name="page", expires=timedelta(seconds=60)
    )
    parts = urlsplit(signed)
    return f"{parts.path}?{parts.query}"


def test_a_file_runs_nothing_and_sets_nothing_on_the_portals_host(portal: Node, link: str) -> None:
    answer, body = ask(portal, link, Cookie="sessionid=abc")
    assert (answer.status, body) == (200, CONTENT)
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_changed_link_is_refused_by_the_store(portal: Node, link: str) -> None:
    assert ask(portal, link.replace("page", "other"))[0].status == 403
    assert ask(portal, link[:-3] + "000")[0].status == 403


def test_the_store_is_reached_with_a_signed_link_only(portal: Node, link: str) -> None:
    bucket = portal.box.objects.bucket
    assert ask(portal, f"/{bucket}/page")[0].status == 403
    assert ask(portal, f"/{bucket}/page", Authorization="AWS4-HMAC-SHA256 Credential=x")[0].status == 403
    for method in ("DELETE", "POST", "OPTIONS"):
        assert ask(portal, link, method=method)[0].status == 405


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/rest/17/{secret}/user.get", "/rest/.../user.get"),
        ("/rest/17/{secret}/user.get.json?ID=1", "/rest/.../user.get.json"),
        ("/rest/17/{secret}", "/rest/..."),
        ("//rest/17/{secret}/first.odd", "/rest/..."),
        ("/%72est/17/{secret}/second.odd", "/rest/..."),
        ("/rest/17/0{secret}/third.odd", "/rest/..."),
        ("/links/17:{secret}/", "/links/..."),
        ("/links/17:{secret}/5/content", "/links/..."),
        ("//Links/17:{secret}", "/links/..."),
        ("/%6cinks/17:{secret}/", "/links/..."),
        ("/join/{secret}/", "/join/..."),
        ("/sign-in/reset/{secret}/", "/sign-in/reset/..."),
        ("/letters/{secret}/", "/letters/..."),
        ("/book/{secret}/appointments/", "/book/..."),
        ("//Appointments/{secret}/", "/appointments/..."),
        ("/calendar/feeds/17:{secret}.ics", "/calendar/feeds/..."),
        ("/calls/sounds/17:{secret}/", "/calls/sounds/..."),
        ("/%63alendar//feeds/17:{secret}.ics", "/calendar/feeds/..."),
    ],
)
def test_the_secret_in_an_address_is_in_no_log(portal: Node, path: str, logged: str) -> None:
    secret = token_hex(32)
    log = portal.paths.log / "balancer.log"
    before = len(log.read_text())
    answer, body = ask(portal, path.format(secret=secret))
    assert answer.status == 200
    assert secret in json.loads(body)["path"]
    wait_until(lambda: f"GET {logged}\n" in log.read_text()[before:])
    assert secret not in log.read_text()


@pytest.mark.parametrize("path", ["/retrievals/", "/retrievals/3/putting-back/", "//%72etrievals/3/"])
def test_who_gets_something_back_from_a_backup_is_in_no_log(portal: Node, path: str) -> None:
    log = portal.paths.log / "balancer.log"
    before = len(log.read_text())
    assert ask(portal, path)[0].status == 200
    assert ask(portal, "/retrievals-of-others/")[0].status == 200
    wait_until(lambda: "GET /retrievals-of-others/\n" in log.read_text()[before:])
    assert log.read_text()[before:].lower().count("etrievals") == 1


def test_a_signed_link_is_in_no_log(portal: Node, link: str) -> None:
    ask(portal, link)
    log = portal.paths.log / "balancer.log"
    wait_until(lambda: f"/{portal.box.objects.bucket}/page" in log.read_text())
    assert "X-Amz-Signature" not in log.read_text()


def test_a_worker_that_is_gone_costs_no_request(portal: Node) -> None:
    """Its socket refuses connections: the other one answers."""
    web_socket(portal, 1).unlink()
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda n: ask(portal, f"/{n}")[0].status, range(60)))
    assert set(answers) == {200}


def taken_in(balancer: Runtime) -> int:
    """The forms that have come and are not answered."""
    (row,) = csv.DictReader(balancer._ask("show stat writes 2 -1").removeprefix("# ").splitlines())
    return int(row["scur"])


def wait_until_no_worker_is_there(node: Node) -> None:
    servers = Runtime(runtime_socket(node))
    wait_until(lambda: not any(server.is_up for server in servers.servers("web").values()))


def test_requests_wait_while_no_worker_is_there(balanced: Node) -> None:
    servers = Runtime(runtime_socket(balanced))
    wait_until_no_worker_is_there(balanced)
    with ThreadPoolExecutor(4) as people:
        waiting = [people.submit(ask, balanced, f"/{n}", method="POST") for n in range(4)]
        wait_until(lambda: taken_in(servers) == 4)
        assert not any(request.done() for request in waiting)
        with worker(web_socket(balanced, 1), balanced):
            assert {request.result()[0].status for request in waiting} == {200}


def test_the_maintenance_page_speaks_both_languages(balanced: Node) -> None:
    wait_until_no_worker_is_there(balanced)
    answer, body = ask(balanced, "/feed/")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "10"
    assert "The portal will be back" in body.decode()
    assert "Портал скоро вернётся" in body.decode()
    assert "max-width: 100%;" in body.decode()
    assert 'http-equiv="refresh" content="10"' in body.decode()


def test_while_a_long_operation_keeps_the_portal_down_the_page_says_how_far_it_is(balanced: Node) -> None:
    file = progress_file(balanced.paths)
    wait_until_no_worker_is_there(balanced)
    file.write_text("300\n1200\nFiles to <disk>: 300 MiB of 1.2 GiB, 80 MiB/s, 12 s left\n")
    try:
        answer, body = ask(balanced, "/feed/")
    finally:
        file.unlink()
    assert answer.status == 503
    page = body.decode()
    assert '<progress max="1200" value="300"></progress>' in page
    assert "Files to &lt;disk&gt;: 300 MiB of 1.2 GiB, 80 MiB/s, 12 s left" in page
    assert 'http-equiv="refresh" content="2"' in page
    file.write_text("0\n0\nStopping what uses the database.\n")
    try:
        page = ask(balanced, "/feed/")[1].decode()
    finally:
        file.unlink()
    assert "Stopping what uses the database." in page
    assert "<progress" not in page


def test_a_drained_worker_gets_no_new_request(portal: Node) -> None:
    balancer = Runtime(runtime_socket(portal))
    balancer.drain("web", "web-1")
    before = balancer.servers("web")["web-1"]
    assert not before.is_up
    assert {ask(portal, "/")[0].status for _ in range(10)} == {200}
    balancer.welcome("web", "web-1")
    assert balancer.servers("web")["web-1"].is_up


def test_a_mistake_in_its_file_leaves_it_running(portal: Node) -> None:
    file = portal.generated("balancer") / "haproxy.cfg"
    good = file.read_text()
    file.chmod(0o600)
    file.write_text(good + "\nnonsense\n")
    try:
        with pytest.raises(Exception, match=r"refuses its generated files(.|\n)*nonsense"):
            Supervisord(portal).reload("balancer")
        assert ask(portal, "/")[0].status == 200
    finally:
        file.unlink()
        service_files.apply(portal, only=(BALANCER,))


def test_a_port_that_is_taken_is_told_and_the_old_one_serves_on(portal: Node) -> None:
    """HAProxy itself keeps its old worker, and says so in its log only."""
    before = portal.paths.box_toml.read_text()
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        portal.paths.box_toml.write_text(
            config.set_value(before, "balancer.https_port", taken, from_console=False)
        )
        try:
            now = Node.load(portal.paths)
            service_files.apply(now, only=(BALANCER,))
            with pytest.raises(SupervisorError, match=rf"a port is taken(.|\n)*{taken}"):
                Supervisord(now).reload("balancer")
            assert ask(portal, "/")[0].status == 200
        finally:
            portal.paths.box_toml.write_text(before)
            service_files.apply(portal, only=(BALANCER,))
            Supervisord(portal).reload("balancer")
    assert ask(portal, "/")[0].status == 200


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "Файлы сейчас недоступны"),
        ("de,en;q=0.8,ru;q=0.5", "Files are not reachable right now"),
        ("", "Files are not reachable right now"),
    ],
)
def test_who_follows_a_link_while_the_store_is_away_is_told_so(
    portal: Node, link: str, languages: str, words: str
) -> None:
    supervisor = Supervisord(portal)
    supervisor.stop("objects")
    try:
        answer, body = ask(portal, link, Accept_Language=languages)
    finally:
        supervisor.start("objects")
    assert answer.status == 503
    assert body.decode().startswith(words)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Retry-After"] == "10"
    wait_until(lambda: ask(portal, link)[0].status == 200)


def announced(node: Node, preamble: bytes) -> bytes:
    """What somebody gets who sends these bytes before TLS begins."""
    context = ssl.create_default_context(cafile=str(node.paths.tls / "ca.crt"))
    with socket.create_connection(("127.0.0.1", node.box.balancer.https_port), timeout=PATIENCE) as plain:
        plain.sendall(preamble)
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(4096), b""))


ANNOUNCED_V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 51000 443\r\n"
ANNOUNCED_V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"
    + socket.inet_aton("203.0.113.9")
    + socket.inet_aton("198.51.100.1")
    + struct.pack("!HH", 51000, 443)
)


@pytest.mark.parametrize("preamble", [ANNOUNCED_V1, ANNOUNCED_V2], ids=["v1", "v2"])
def test_a_proxy_tells_the_client_by_the_proxy_protocol(portal: Node, preamble: bytes) -> None:
    with configured(portal, proxy_protocol=True, trusted_proxies=("127.0.0.1",)):
        body = announced(portal, preamble).partition(b"\r\n\r\n")[2]
        assert seen(body)["x-forwarded-for"] == ["203.0.113.9"]
        with pytest.raises((ssl.SSLError, OSError)):
            announced(portal, b"")


def test_nobody_else_may_speak_the_proxy_protocol(portal: Node) -> None:
    """From an address that is no trusted proxy the announcement is no TLS, and is refused."""
    with configured(portal, proxy_protocol=True, trusted_proxies=("192.0.2.1",)):
        with pytest.raises((ssl.SSLError, OSError)):
            announced(portal, ANNOUNCED_V1)
        assert seen(ask(portal, "/")[1])["x-forwarded-for"] == ["127.0.0.1"]


@pytest.mark.usefixtures("as_root")
def test_it_serves_without_roots_rights(portal: Node) -> None:
    status = Supervisord(portal).status("balancer", with_health=False)[0]
    uids = Path(f"/proc/{status.pid}/status").read_text()
    assert f"Uid:\t{users.account(users.BALANCER).uid}\t" in uids


@pytest.mark.parametrize(("piece", "pause"), [(bytes(1 << 16), 0.0), (b"#", 0.05)])
def test_a_balancer_that_does_not_stop_talking_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: bytes, pause: float
) -> None:
    """It has a user of its own, and root asks it every second."""
    monkeypatch.setattr(runtime, "SECONDS", 1.0)

    def talk(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        # Much more than it may say, and not for ever: what asks in vain has to come to its end here.
        with connection, suppress(OSError):
            for _ in range(400):
                connection.sendall(piece)
                time.sleep(pause)

    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as beside:
        listener.bind(str(tmp_path / "admin.sock"))
        listener.listen()
        beside.submit(talk, listener)
        with pytest.raises(BalancerAway, match="does not come to an end"):
            Runtime(tmp_path / "admin.sock")._ask("show info")
