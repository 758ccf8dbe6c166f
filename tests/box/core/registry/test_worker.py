"""A web worker as the balancer meets it."""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.core import signing
from django.core.management import call_command
from django.db import connection
from django.urls import clear_url_caches, get_resolver
from psycopg_pool import ConnectionPool
from psycopg_pool.base import AttemptWithBackoff

import box
from box.apps.calls.deliveries import address_for
from box.bridges.telephony.models import Pbx
from box.core.registry import worker as workers
from box.core.registry.management.commands import web
from box.core.registry.metrics import requests
from box.core.registry.worker import (
    LONGEST_STATEMENT,
    POOL,
    Channel,
    WebWorker,
    hasten_pools,
    refuse_cut,
    use_pool,
)
from tests.box.processes import (
    PATIENCE,
    UnixConnection,
    configuration,
    database_away,
    get,
    running,
    serving,
    stop,
    until,
)

# An application of three pages on the real worker: one waits for a file, one is long, one tells what it got.
PROGRAM = """
import json, sys, time
from pathlib import Path
import django
django.setup()
from box.core.registry.worker import serve

folder = Path(sys.argv[1])

def application(environ, start_response):
    path, body = environ["PATH_INFO"], b"ok"
    if path == "/wait":
        (folder / "arrived").touch()
        while not (folder / "go").exists():
            time.sleep(0.01)
    if path == "/long":
        body = b"x" * 5_000_000
    if path == "/tell":
        names = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "HTTP_X_FORWARDED_HOST")
        body = json.dumps({name: environ.get(name) for name in names}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

serve(application, folder / "web.sock", threads=int(sys.argv[2]))
"""


@contextmanager
def worker(folder: Path, *, threads: int) -> Iterator[subprocess.Popen[bytes]]:
    with serving(
        ["-c", PROGRAM, str(folder), str(threads)], folder / "web.sock", env=configuration(folder)
    ) as process:
        yield process


@pytest.fixture
def portal(transactional_db: None, tmp_path: Path) -> Iterator[Path]:
    """The socket of a worker of the portal itself."""
    path = tmp_path / "1.sock"
    command = ["manage.py", "web", "--socket", str(path), "--threads", "3"]
    with serving(command, path, env=configuration(tmp_path)):
        yield path


def test_it_starts_over_a_dead_ones_socket_and_lets_only_its_group_in(
    transactional_db: None, tmp_path: Path
) -> None:
    path = tmp_path / "1.sock"
    command = ["manage.py", "web", "--socket", str(path), "--threads", "2"]
    with serving(command, path, env=configuration(tmp_path)) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert path.exists()
    with running(command, env=configuration(tmp_path)) as process:
        until(lambda: process.poll() is not None or _is_healthy(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stop(process) == 0
        assert not path.exists()


def test_stopping_answers_every_request_that_has_arrived(db: None, tmp_path: Path) -> None:
    with worker(tmp_path, threads=1) as process, ThreadPoolExecutor(3) as clients:
        first = clients.submit(get, tmp_path / "web.sock", "/wait")
        until((tmp_path / "arrived").exists)
        waiting = [clients.submit(get, tmp_path / "web.sock", "/long") for _ in range(2)]
        until(lambda: _established(process) >= 3)
        process.send_signal(signal.SIGTERM)
        until(lambda: not (tmp_path / "web.sock").exists())
        assert process.poll() is None
        (tmp_path / "go").touch()
        assert first.result() == (200, b"ok")
        assert [(status, len(body)) for status, body in (c.result() for c in waiting)] == [
            (200, 5_000_000)
        ] * 2
        assert process.wait(PATIENCE) == 0


def test_an_idle_connection_does_not_delay_stopping(db: None, tmp_path: Path) -> None:
    with worker(tmp_path, threads=1) as process:
        idle = UnixConnection(tmp_path / "web.sock")
        idle.request("GET", "/tell")
        idle.getresponse().read()
        assert stop(process) == 0
        assert idle.sock.recv(1) == b"", "closed by the worker"
        idle.close()


def test_the_client_is_whom_the_balancer_names(db: None, tmp_path: Path) -> None:
    with worker(tmp_path, threads=1):
        headers = {
            "X_Forwarded_For": "2001:db8::7",
            "X_Forwarded_Proto": "https",
            "X_Forwarded_Host": "evil.test",
            "Host": "portal.test",
        }
        told = json.loads(get(tmp_path / "web.sock", "/tell", **headers)[1])
    assert told == {
        "REMOTE_ADDR": "2001:db8::7",
        "wsgi.url_scheme": "https",
        "HTTP_HOST": "portal.test",
        "HTTP_X_FORWARDED_HOST": None,
    }


def test_a_body_too_large_for_a_form_is_refused(db: None, tmp_path: Path) -> None:
    with worker(tmp_path, threads=1):
        client = UnixConnection(tmp_path / "web.sock")
        client.putrequest("POST", "/tell")
        client.putheader("Content-Length", str(3 * 1024 * 1024))
        client.endheaders()
        assert client.getresponse().status == 413
        client.close()


def test_only_whoever_was_given_an_address_for_a_file_sends_one(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [1, "disk.folder.uploadfile", {"ID": 7}, "0"]
    given = signing.dumps(told, salt="rest.upload", compress=True)
    with monkeypatch.context() as before:
        before.setattr(signing, "time", SimpleNamespace(time=lambda: time.time() - 2 * 3600))
        old = signing.dumps(told, salt="rest.upload", compress=True)
    form = 3 * 1024 * 1024
    recordings = address_for(Pbx(name="office"))
    with worker(tmp_path, threads=1):
        for address, size, status in (
            (recordings, form, 200),
            (f"{recordings}x", form, 413),
            (f"{recordings.partition('?')[0]}?token={given}", form, 413),
            (f"/rest/upload.json?{recordings.partition('?')[2]}", form, 413),
            (recordings, 501 * 1024 * 1024, 413),
            (f"/rest/upload.json?token={given}", form, 200),
            (f"/rest/upload.json?token={given}x", form, 413),
            (f"/rest/upload.json?token={old}", form, 413),
            ("/rest/upload.json", form, 413),
            (f"/rest/uploads.json?token={given}", form, 413),
            (f"/rest/upload.json?token={given}", 514 * 1024 * 1024, 413),
        ):
            client = UnixConnection(tmp_path / "web.sock")
            client.putrequest("POST", address)
            client.putheader("Content-Length", str(size))
            client.endheaders(bytes(size) if status == 200 else None)
            assert client.getresponse().status == status, address
            client.close()


def test_without_a_database_the_worker_lives_and_says_so_and_recovers(portal: Path) -> None:
    headers = {
        "Cookie": "__Host-session=nobody-has-this-key",
        "Accept": "text/html",
        "X_Forwarded_Proto": "https",
    }
    assert get(portal, "/feed/", **headers)[0] == 302, "to the sign-in page: the session was looked up"
    with database_away():
        statuses = {get(portal, "/feed/", **headers)[0] for _ in range(5)}
        assert statuses == {503}
        assert get(portal, "/healthz")[0] == 200
        assert get(portal, "/readyz")[0] == 503
    until(lambda: get(portal, "/feed/", **headers)[0] == 302)


def test_threads_share_at_most_as_many_connections(
    portal: Path,
) -> None:
    headers = {"Cookie": "__Host-session=nobody-has-this-key", "X_Forwarded_Proto": "https"}
    with ThreadPoolExecutor(12) as clients:
        statuses = set(clients.map(lambda _: get(portal, "/feed/", **headers)[0], range(60)))
    assert statuses == {302}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (count,) = cursor.fetchone()
    assert 1 <= count <= 3


def _is_healthy(path: Path) -> bool:
    try:
        return get(path, "/healthz")[0] == 200
    except OSError:
        return False


def _established(process: subprocess.Popen[bytes]) -> int:
    """Connections that the worker has accepted."""
    import psutil

    return sum(c.status != "LISTEN" for c in psutil.Process(process.pid).net_connections("unix")) - 1


# Minimum rates


LARGE = 5_000_000


def large(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", str(LARGE))])
    return [b"x" * LARGE]


@pytest.fixture
def turning(tmp_path: Path) -> Iterator[WebWorker]:
    """A worker whose loop is turned by the test, which is also its clock."""
    server = WebWorker(large, tmp_path / "slow.sock", threads=1)
    try:
        yield server
    finally:
        server._drain(0)


def turn(server: WebWorker) -> None:
    """As often as takes in what the tests send at once; idle turns are short."""
    for _ in range(20):
        server._turn(timeout=0.01)


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while data := connection.recv(2**20):
            assert data
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    return False


def visiting(server: WebWorker, request: bytes) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(server.socket))
    connection.sendall(request)
    turn(server)
    return connection


def answering(server: WebWorker) -> socket.socket:
    """A visit whose answer waits to be read, more of it than the kernel takes."""
    connection = visiting(server, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    [channel] = server._channels

    def has_answered() -> bool:
        server._turn(timeout=0.05)
        return bool(not channel.requests and channel.total_outbufs_len)

    until(has_answered)
    return connection


def take(server: WebWorker, connection: socket.socket, amount: int) -> None:
    """Reads that much, while the worker goes on sending."""
    connection.setblocking(False)
    taken = 0

    def has_come() -> bool:
        nonlocal taken
        server._turn(timeout=0.05)
        with suppress(BlockingIOError):
            taken += len(connection.recv(amount - taken))
        return taken == amount

    until(has_come)


def passed(server: WebWorker, seconds: float) -> None:
    server.close_slow(seconds)
    turn(server)


def test_a_request_that_stops_coming_is_ended(turning: WebWorker) -> None:
    with visiting(turning, b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\nab") as connection:
        passed(turning, 100)
        passed(turning, 100 + Channel.WINDOW_SECONDS - 1)
        assert is_open(connection)
        connection.sendall(b"x" * 100)
        turn(turning)
        passed(turning, 100 + Channel.WINDOW_SECONDS)
        assert not is_open(connection)


def test_a_request_that_comes_fast_enough_is_waited_for(turning: WebWorker) -> None:
    with visiting(turning, b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\nab") as connection:
        for minute in range(1, 4):
            passed(turning, minute * Channel.WINDOW_SECONDS)
            connection.sendall(b"x" * Channel.LEAST)
            turn(turning)
        passed(turning, 4 * Channel.WINDOW_SECONDS)
        assert is_open(connection)


def test_an_answer_that_is_not_read_is_ended(turning: WebWorker) -> None:
    with answering(turning) as connection:
        passed(turning, 100)
        passed(turning, 100 + Channel.WINDOW_SECONDS - 1)
        assert turning._channels
        passed(turning, 100 + Channel.WINDOW_SECONDS)
        assert not turning._channels
        assert not is_open(connection)


def test_an_answer_that_is_read_is_waited_for(turning: WebWorker) -> None:
    with answering(turning) as connection:
        for minute in range(1, 4):
            passed(turning, minute * Channel.WINDOW_SECONDS)
            # What the kernel holds goes first, and is more than the least.
            take(turning, connection, LARGE // 8)
        passed(turning, 4 * Channel.WINDOW_SECONDS)
        assert turning._channels[0].total_outbufs_len > 0
        assert is_open(connection)


def test_who_has_nothing_to_send_is_not_slow(turning: WebWorker) -> None:
    with visiting(turning, b"") as connection:
        passed(turning, 100)
        passed(turning, 100 + 10 * Channel.WINDOW_SECONDS)
        assert is_open(connection)


def is_hung_up(connection: socket.socket) -> bool:
    """Sends a little, so that nobody can take it for idle."""
    try:
        connection.send(b"x")
        return not is_open(connection)
    except (BrokenPipeError, ConnectionResetError):
        return True


def test_a_worker_that_runs_looks_for_the_slow_ones_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Channel, "WINDOW_SECONDS", 1.0)
    server = WebWorker(large, tmp_path / "running.sock", threads=1)
    with ThreadPoolExecutor(1) as pool, socket.socket(socket.AF_UNIX) as connection:
        served = pool.submit(server.run)
        try:
            connection.connect(str(server.socket))
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\nab")
            until(lambda: is_hung_up(connection))
        finally:
            server.stop()
            served.result(PATIENCE)


@pytest.mark.django_db
def test_a_connection_that_the_server_has_ended_is_not_given_out() -> None:
    parameters = connection.get_connection_params()
    kept = {name: parameters[name] for name in ("host", "port", "dbname", "user")}
    with (
        psycopg.connect(**kept, autocommit=True) as standing,
        psycopg.connect(**kept, autocommit=True) as cut,
    ):
        standing.execute("SELECT pg_terminate_backend(%s)", [cut.info.backend_pid])
        until(
            lambda: (
                not standing.execute(
                    "SELECT FROM pg_stat_activity WHERE pid = %s", [cut.info.backend_pid]
                ).fetchall()
            )
        )
        refuse_cut(standing)
        assert not cut.closed, "it has yet to be looked at"
        with pytest.raises(psycopg.OperationalError):
            refuse_cut(cut)
        assert cut.closed, "the pool makes another one"
        assert standing.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.django_db
def test_where_all_connections_were_cut_whoever_comes_next_has_one_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when another node takes the lead of the database."""
    for name in ("INITIAL_DELAY", "DELAY_BACKOFF"):
        monkeypatch.setattr(AttemptWithBackoff, name, getattr(AttemptWithBackoff, name))
    hasten_pools()
    parameters = connection.get_connection_params()
    kept = {name: parameters[name] for name in ("host", "port", "dbname", "user")} | {"autocommit": True}
    with psycopg.connect(**kept) as standing, ConnectionPool(kwargs=kept, max_size=8, **POOL) as pool:
        taken = [pool.getconn() for _ in range(8)]
        for one in taken:
            standing.execute("SELECT pg_terminate_backend(%s, 5000)", [one.info.backend_pid])
            pool.putconn(one)
        with pool.connection() as found:
            assert found.execute("SELECT 1").fetchone() == (1,)


def test_no_statement_holds_a_connection_of_a_worker_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the leader or of a replica; what else the settings ask of a connection holds too."""
    for name in ("INITIAL_DELAY", "DELAY_BACKOFF"):
        monkeypatch.setattr(AttemptWithBackoff, name, getattr(AttemptWithBackoff, name))
    given = connection.get_connection_params()
    own = {name: given[name] for name in ("host", "port", "dbname", "user")}
    settings: dict[str, Any] = {
        name: {"OPTIONS": {"options": "-c plan_cache_mode=force_generic_plan"}}
        for name in ("default", "replica")
    }
    monkeypatch.setattr(workers, "connections", SimpleNamespace(settings=settings))
    use_pool(threads=8)
    assert settings["default"]["OPTIONS"]["pool"]["max_size"] == 8
    assert "pool" not in settings["replica"]["OPTIONS"]
    for name in settings:
        with psycopg.connect(**own, options=settings[name]["OPTIONS"]["options"]) as made:
            told = [
                made.execute(f"SHOW {one}").fetchone() for one in ("statement_timeout", "plan_cache_mode")
            ]
        assert told == [(f"{LONGEST_STATEMENT // 60}min",), ("force_generic_plan",)]


@pytest.mark.parametrize(("replicas_port", "seconds"), [(5433, {2}), (None, {5})])
def test_an_attempt_to_connect_that_hangs_ends_when_nobody_waits_for_it_any_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, replicas_port: int | None, seconds: set[int]
) -> None:
    """In a cluster, where some hang while the lead moves."""
    told = json.loads(Path(os.environ["KOROBKA_CONFIG"]).read_text(encoding="utf-8"))
    told["database"]["replicas_port"] = replicas_port
    (tmp_path / "portal.json").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("KOROBKA_CONFIG", str(tmp_path / "portal.json"))
    known = runpy.run_path(str(Path(box.__file__).with_name("settings.py")))["DATABASES"]
    assert len(known) == (2 if replicas_port else 1)
    assert {one["OPTIONS"]["connect_timeout"] for one in known.values()} == seconds
    assert not replicas_port or seconds == {POOL["timeout"]}


def test_a_worker_knows_its_pages_before_anybody_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found: list[bool] = []

    def serve(*_: object, **__: object) -> None:
        found.append("url_patterns" in vars(get_resolver()))

    monkeypatch.setattr(web, "serve", serve)
    monkeypatch.setattr(web, "use_pool", lambda **_: None)
    monkeypatch.setattr(requests, "worker", "")
    clear_url_caches()
    call_command("web", socket=tmp_path / "1.sock")
    assert found == [True]
