"""One address takes its share and no more: others are served while it holds all that it can get.

HAProxy, the store and the web workers are real; in the place of the portal stands a small application.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import pytest

from appliance import service_files
from appliance.node import Node
from appliance.services.balancer import service
from appliance.services.balancer.runtime import Runtime
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.balancer.service import limits, runtime_socket
from appliance.services.objects import setup
from appliance.supervise.supervisord import Supervisord
from tests.appliance.boxes import wait_until
from tests.appliance.holding import HOLDER, OTHER, REQUESTS, connect, held, status_for
from tests.appliance.workers import LARGE, Application, serving


def is_empty(balancer: Runtime, table: str) -> bool:
    """Nobody holds anything that it counts."""
    return not re.search("conn_cur=[1-9]", balancer._ask(f"show table {table}"))


@pytest.fixture
def application(balanced: Node) -> Iterator[Application]:
    with serving(balanced) as application:
        balancer = Runtime(runtime_socket(balanced))
        wait_until(lambda: all(balancer.servers("web")[one].is_up for one in ("web-1", "web-2")))
        # Whoever held something before this test has let go of it.
        for table in ("connections", "requests", "transfers"):
            wait_until(partial(is_empty, balancer, table))
        yield application


@pytest.fixture
def portal(balanced: Node, application: Application) -> Node:
    return balanced


def sessions(node: Node, backend: str) -> int:
    servers = Runtime(runtime_socket(node)).servers(backend)
    return sum(server.sessions for server in servers.values() if server.name != "BACKEND")


@contextmanager
def limited(node: Node, monkeypatch: pytest.MonkeyPatch, **values: int) -> Iterator[None]:
    """The balancer with other limits, reloaded."""
    with monkeypatch.context() as patch:
        patch.setattr(service, "limits", lambda node: replace(limits(node), **values))
        assert service_files.apply(node, only=(BALANCER,)) == ("balancer",)
        Supervisord(node).reload("balancer")
        yield
    service_files.apply(node, only=(BALANCER,))
    Supervisord(node).reload("balancer")


@pytest.mark.parametrize("kind", REQUESTS)
def test_who_holds_more_than_there_are_slots_keeps_nobody_out(portal: Node, kind: str) -> None:
    """190 did, before: two workers took 90 requests each."""
    most = limits(portal)
    with held(portal, REQUESTS[kind], 2 * most.slots + 60):
        assert sessions(portal, "web") <= most.share
        assert sessions(portal, "crowd") <= 2 * most.crowd
        assert [status_for(portal, OTHER, path) for path in ("/", "/static/a.css")] == [200, 200]


def test_what_is_beyond_the_share_waits_for_its_own_and_is_served(portal: Node) -> None:
    """It may be a company behind one address."""
    with held(portal, REQUESTS["a page unread"], limits(portal).share):
        wait_until(lambda: sessions(portal, "web") == limits(portal).share)
        assert status_for(portal, HOLDER) == 200
        assert sessions(portal, "web") == limits(portal).share


def test_a_form_that_has_not_come_holds_no_worker(portal: Node, application: Application) -> None:
    with held(portal, REQUESTS["a body that never comes"], 30) as connections:
        assert len(connections) == 30
        assert sessions(portal, "web") == 0
        connections[0].sendall(b"a" * 49)
        assert connections[0].recv(100).startswith(b"HTTP/1.1 200")
    assert application.asked == ["/sign-in/?"]


def test_a_static_file_is_asked_of_a_worker_once(portal: Node, application: Application) -> None:
    """And whoever reads it slowly reads it from the balancer."""
    path = "/static/a.file.css"
    for query in ("", "?v=1", "?v=2"):
        with connect(portal, OTHER) as connection:
            request = (
                f"GET {path}{query} HTTP/1.1\r\nHost: localhost\r\nCookie: a={query}\r\nPragma: no-cache\r\n"
                f"Cache-Control: no-cache\r\nAccept-Encoding: gzip, x-{query}\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(request.encode())
            with connection.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
                assert len(answer.read()) > 3_000_000
    assert application.asked == [f"{path}?"]
    with held(portal, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n", 150):
        assert sessions(portal, "static") == 0
        assert status_for(portal, OTHER, "/static/another.css") == 200
    assert application.asked == [f"{path}?", "/static/another.css?"]


def test_a_page_with_many_pictures_gets_them_all(portal: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser asks for them at once, and so do all of an office when the portal has a new version."""
    with limited(portal, monkeypatch, share=2):
        wait_until(lambda: status_for(portal, HOLDER) == 200)
        with ThreadPoolExecutor(20) as browsers:
            paths = [f"/static/{number}.css" for number in range(20)]
            assert [*browsers.map(partial(status_for, portal, HOLDER), paths)] == [200] * 20


def test_so_many_connections_of_one_address_and_no_more(
    portal: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(portal, monkeypatch, connections=20):
        wait_until(lambda: status_for(portal, HOLDER) == 200)
        with held(portal, REQUESTS["headers that never end"], 20) as connections:
            assert len(connections) == 20
            assert status_for(portal, HOLDER) is None
            assert status_for(portal, OTHER) == 200
        wait_until(lambda: status_for(portal, HOLDER) == 200)


def signed(portal: Node, method: str) -> str:
    """The address of a file, as the portal gives it to a browser."""
    signer = setup.client(portal)
    signer._base_url._url = urlsplit("https://localhost")
    bucket = portal.box.objects.bucket
    given = signer.get_presigned_url(
        method=method, bucket_name=bucket, object_name="large", expires=timedelta(minutes=5)
    )
    parts = urlsplit(given)
    return f"{parts.path}?{parts.query}"


def test_uploads_that_stand_still_are_counted_as_well(portal: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(portal, "PUT")
    begun = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LARGE}\r\n\r\na few bytes"
    with limited(portal, monkeypatch, transfers=5):
        wait_until(lambda: status_for(portal, HOLDER) == 200)
        with held(portal, begun, 5) as connections:
            assert len(connections) == 5
            assert status_for(portal, HOLDER, path) == 429
            assert status_for(portal, OTHER, path) != 429
            assert status_for(portal, HOLDER) == 200
        wait_until(lambda: status_for(portal, HOLDER, path) != 429)


def test_so_many_files_of_one_address_and_no_more(portal: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"x" * LARGE * 2
    setup.client(portal).put_object(
        bucket_name=portal.box.objects.bucket,
        object_name="large",
        data=io.BytesIO(content),
        length=len(content),
    )
    path = signed(portal, "GET")
    with limited(portal, monkeypatch, transfers=5):
        wait_until(lambda: status_for(portal, HOLDER) == 200)
        with held(portal, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n", 5) as connections:
            assert {connection.recv(12) for connection in connections} == {b"HTTP/1.1 200"}
            assert status_for(portal, HOLDER, path) == 429
            assert status_for(portal, OTHER, path) == 200
            assert status_for(portal, HOLDER) == 200


def test_six_addresses_fill_the_slots_and_fewer_do_not(portal: Node) -> None:
    for workers, threads in ((1, 1), (1, 8), (2, 8), (8, 16), (2, 64)):
        box = replace(
            portal.box,
            web=replace(portal.box.web, threads=threads),
            node=replace(portal.box.node, web_workers=workers),
        )
        most = limits(replace(portal, box=box))
        assert 5 * most.share < most.slots * workers <= 6 * (most.share + 1)
        # Of those that wait, enough to keep every thread busy.
        assert most.crowd >= threads
        # What waitress takes, see box.core.registry.worker.
        assert 2 * (most.slots + most.crowd) + most.static + most.crowd + 4 * most.kept < 2500
