"""The portal's processes as they run in a box, started on the test's own database."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

PATIENCE = 120.0  # seconds until a test gives up; nothing is asserted about speed

PUSH = [
    *("-m", "uvicorn", "box.asgi:application"),
    *("--http", "box.core.push.handover:HandoverProtocol", "--timeout-graceful-shutdown", "1"),
    *("--forwarded-allow-ips", "*", "--no-access-log", "--no-server-header", "--log-level", "warning"),
]


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket, as the balancer speaks it."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def configuration(folder: Path, **changes: Any) -> dict[str, str]:
    """The environment of a portal process that works on the test's database, with a state folder of its own.

    Without a cache, unless one is given: ids begin anew in each test database, and what an earlier one left
    in the cache would be taken for true.
    """
    own = {
        "database": {**settings.KOROBKA["database"], "name": connection.settings_dict["NAME"]},
        "cache": {"servers": [str(folder / "no-cache.sock")]},
        "state_dir": str(folder),
        "log_level": "WARNING",
    }
    file = folder / "portal.json"
    file.write_text(json.dumps({**settings.KOROBKA, **own, **changes}))
    return {**os.environ, "KOROBKA_CONFIG": str(file), "PYTHONUNBUFFERED": "1"}


@contextmanager
def running(arguments: list[str], *, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Starts `python ARGUMENTS` and ends it, however the test ends."""
    process = subprocess.Popen([sys.executable, *arguments], env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def hanging_at(point: str, act: str, *, env: dict[str, str]) -> Iterator[None]:
    """A process of the portal's that has come to this point of `act`, a function by its dotted name, and is
    killed there in the end."""
    module, _dot, name = act.rpartition(".")
    program = f"import django; django.setup(); from {module} import {name}; {name}()"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**env, "DJANGO_SETTINGS_MODULE": "box.settings", "DIE_AT": point},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == point.encode(), "it hangs in the middle now"
        yield
    finally:
        process.kill()
        process.wait()


def hang(point: str) -> None:
    """Here whoever was started by `hanging_at` may be killed."""
    if point == os.environ["DIE_AT"]:
        sys.stdout.write(f"{point}\n")
        sys.stdout.flush()
        time.sleep(60)


@contextmanager
def serving(arguments: list[str], path: Path, *, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The same for a server, once it answers on its socket."""
    with running(arguments, env=env) as process:
        until(lambda: answers(path) or process.poll() is not None)
        assert process.poll() is None, f"{arguments} ended with {process.returncode}"
        yield process


def answers(path: Path) -> bool:
    try:
        return get(path, "/healthz")[0] == 200
    except OSError:
        return False


def get(path: Path, target: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    http_connection = UnixConnection(path)
    try:
        http_connection.request(
            method, target, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = http_connection.getresponse()
        return response.status, response.read()
    finally:
        http_connection.close()


def stop(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM; the exit code, where -15 is the signal's own."""
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)


def until(condition: Callable[[], Any]) -> Any:
    """Waits for the condition to become true, and returns what it said."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return answer


@contextmanager
def database_away() -> Iterator[None]:
    """The database accepts nobody and has dropped everybody, but for this test's own connection."""
    connection.ensure_connection()
    database, own = connection.settings_dict, connection.connection.info.backend_pid
    name = database["NAME"]
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        dbname="postgres",
        user=database["USER"],
        autocommit=True,
    ) as admin:
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        try:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
                [name, own],
            )
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
