"""The push service beside a bare server of server-sent events, in one run.

    python -m tests.bench.push [--listeners 2000] [--idle 5000] [--messages 20] [--rounds 3]

Fan-out: from before a message is sent to when a connection has it. On the service's side that includes what
the bare server doesn't do: a row is inserted, committed, numbered, read back, and sent to whom it is for.
Memory: of the server's process alone, with all connections idle. Targets: 1.5 times the bare server's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil

LISTENERS_AT_ONCE = 64
SENDER = ThreadPoolExecutor(1)


class Ear(asyncio.Protocol):
    """A listener that notes when the last event came."""

    heard = 0
    heard_at = 0.0

    def data_received(self, data: bytes) -> None:
        self.heard += data.count(b"\n\n")
        self.heard_at = time.perf_counter()


class Crowd:
    """Many listeners on one server's socket."""

    def __init__(self, path: Path, cookies: list[str]) -> None:
        self.path = path
        self.cookies = cookies
        self.ears: list[Ear] = []
        self.transports: list[asyncio.Transport] = []

    async def gather(self) -> None:
        gate = asyncio.Semaphore(LISTENERS_AT_ONCE)

        async def listen(cookie: str) -> None:
            async with gate:
                loop = asyncio.get_running_loop()
                transport, ear = await loop.create_unix_connection(Ear, str(self.path))
                transport.write(
                    f"GET /push/stream HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\n\r\n".encode()
                )
                self.transports.append(transport)
                self.ears.append(ear)
                await wait_for(lambda: ear.heard > 0)

        await asyncio.gather(*(listen(cookie) for cookie in self.cookies))

    async def latencies(self, send: Callable[[], None]) -> list[float]:
        """Milliseconds from sending one message to each listener's having it."""
        for ear in self.ears:
            ear.heard = 0
        began = time.perf_counter()
        await asyncio.get_running_loop().run_in_executor(SENDER, send)
        await wait_for(lambda: all(ear.heard for ear in self.ears))
        return [(ear.heard_at - began) * 1000 for ear in self.ears]

    async def leave(self) -> None:
        for transport in self.transports:
            transport.close()
        await asyncio.sleep(0.5)


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.005)


@contextmanager
def server(arguments: list[str], path: Path, env: dict[str, str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, *arguments], env=env)
    try:
        deadline = time.monotonic() + 60
        while not path.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{arguments} does not start")
            time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def mib(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20


def people_signed_in(count: int) -> list[str]:
    """Cookies of so many people, each with a session of their own."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.utils import timezone

    from box.core.accounts.models import Session, User
    from box.core.accounts.sessions import SessionStore

    users = User.objects.bulk_create(
        User(login=f"bench{number}", email=f"bench{number}@example.com", password="!")
        for number in range(count)
    )
    store = SessionStore()
    sessions = []
    for user in users:
        data = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        expires_at = timezone.now() + timedelta(days=1)
        sessions.append(
            Session(
                session_key=f"{user.pk:032d}",
                session_data=store.encode(data),
                expire_date=expires_at,
                user=user,
            )
        )
    Session.objects.bulk_create(sessions)
    return [f"{settings.SESSION_COOKIE_NAME}={session.session_key}" for session in sessions]


def send_push() -> None:
    from box.core.push.actions import send

    send("feed", "post", audience=["UA"], payload={"id": 1, "by": 2})


def send_bare(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(
            b'POST / HTTP/1.1\r\n\r\n{"topic": "feed", "kind": "post", "payload": {"id": 1, "by": 2}}\n'
        )
        connection.recv(1)


def quantile(values: list[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


async def measure(options: argparse.Namespace, folder: Path, env: dict[str, str], cookies: list[str]) -> None:
    from tests.box.processes import PUSH

    sides: dict[str, tuple[Callable[[Path], list[str]], Callable[[Path], Callable[[], None]]]] = {
        "push": (lambda path: [*PUSH, "--uds", str(path)], lambda path: send_push),
        "bare": (
            lambda path: ["-m", "tests.bench.bare_sse", str(path)],
            lambda path: lambda: send_bare(path),
        ),
    }
    medians: dict[str, list[float]] = {name: [] for name in sides}
    tails: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(options.rounds):
        for name, (command, sender) in sides.items():
            path = folder / f"{name}{number}.sock"
            with server(command(path), path, env):
                crowd = Crowd(path, cookies[: options.listeners])
                await crowd.gather()
                await crowd.latencies(sender(path))  # the first one warms up
                latencies = [x for _ in range(options.messages) for x in await crowd.latencies(sender(path))]
                medians[name].append(quantile(latencies, 0.5))
                tails[name].append(quantile(latencies, 0.99))
                await crowd.leave()
    print(f"fan-out to {options.listeners} connections, ms (median of {options.rounds} rounds)")
    report("p50", medians, "ms")
    report("p99", tails, "ms")

    before: dict[str, list[float]] = {name: [] for name in sides}
    after: dict[str, list[float]] = {name: [] for name in sides}
    for name, (command, _) in sides.items():
        path = folder / f"{name}-idle.sock"
        with server(command(path), path, env) as process:
            first = Crowd(path, cookies[:1])
            await first.gather()  # whatever is loaded at the first request is loaded
            before[name].append(mib(process))
            crowd = Crowd(path, cookies[: options.idle])
            await crowd.gather()
            await asyncio.sleep(1)
            after[name].append(mib(process))
            await crowd.leave()
            await first.leave()
    print(f"memory with {options.idle} idle connections, MiB of the server's process (proportional set size)")
    report("with nobody", before, "MiB")
    report("with all", after, "MiB")
    grown = {name: [(after[name][0] - before[name][0]) * 1024 / options.idle] for name in sides}
    report("each connection", grown, "KiB")


def report(title: str, values: dict[str, list[float]], unit: str) -> None:
    push, bare = (statistics.median(values[name]) for name in ("push", "bare"))
    print(f"  {title:16} push {push:8.2f} {unit}   bare {bare:8.2f} {unit}   ratio {push / bare:5.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--listeners", type=int, default=2000)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--messages", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "box.settings")
    django.setup()
    from django.db import connection, connections

    from tests.box.processes import configuration

    connection.settings_dict["TEST"]["NAME"] = f"korobka_bench_{os.getpid()}"
    own = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            cookies = people_signed_in(max(options.listeners, options.idle))
            asyncio.run(measure(options, Path(folder), configuration(Path(folder)), cookies))
    finally:
        SENDER.submit(connections.close_all).result()
        connection.creation.destroy_test_db(own, verbosity=0)


if __name__ == "__main__":
    main()
