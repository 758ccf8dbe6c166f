"""A whole box of this checkout, installed by its own installer into a scratch folder, for browsers to visit.

With KOROBKA_E2E_PREFIX in the environment the tests visit the box under that prefix instead, and leave it
running: so one installs once (`make run`) while writing tests.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from appliance import config
from appliance.paths import Paths
from appliance.services.objects.service import STORE_PORTS, reserve_ports
from tests.prefixes import hold, scratch_prefix

ROOT = Path(__file__).resolve().parents[2]
# Each worker visits a box of its own: stories write to everybody, and count what arrives.
PREFIX = scratch_prefix(f"e2e{os.environ.get('PYTEST_XDIST_WORKER', '')}")
PATIENCE = 20.0  # seconds until a test gives up; nothing is asserted about speed


@dataclass(frozen=True)
class Login:
    """What one types into the sign-in form."""

    login: str
    password: str


@dataclass(frozen=True)
class Box:
    """A running box, as who administers it and who visits it know it."""

    prefix: Path
    admin: Login

    @property
    def paths(self) -> Paths:
        return Paths(self.prefix)

    @cached_property
    def port(self) -> int:
        return config.load(self.paths).balancer.https_port

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def bucket(self) -> str:
        return config.load(self.paths).objects.bucket

    @property
    def ca_file(self) -> Path:
        return self.paths.tls / "ca.crt"

    def boxctl(self, *words: str, stdin: str = "", check: bool = True) -> str:
        """What boxctl prints."""
        done = subprocess.run(
            [self.paths.boxctl, *words], input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or not check, f"boxctl {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.boxctl("status", "--json", check=False))
        return status

    def processes(self, service: str) -> set[int]:
        """The ids of the service's processes, one an instance that runs."""
        (found,) = (one for one in self.status()["services"] if one["name"] == service)
        return {instance["pid"] for instance in found["instances"] if instance["pid"]}

    def log(self, service: str) -> str:
        """Everything that the service has said so far."""
        return (self.paths.log / f"{service}.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def box_to_visit() -> Iterator[Box]:
    """The box named in the environment, or a new one, of which nothing is left afterwards."""
    if prefix := os.environ.get("KOROBKA_E2E_PREFIX"):
        yield visited(Path(prefix))
        return
    with hold(PREFIX):
        uninstall(PREFIX)  # what a run that was killed has left
        try:
            yield installed(PREFIX)
        finally:
            uninstall(PREFIX)


def installed(prefix: Path) -> Box:
    """A new box with its first administrator."""
    paths = Paths(prefix)
    paths.etc.mkdir(parents=True)
    first = reserve_ports(prefix, more=2)
    # Beside other boxes of this machine: only the configuration says where the store listens.
    paths.box_toml.write_text(
        'hostname = "localhost"\n\n'
        f"[objects]\nport = {first}\n\n"
        '[node]\nlisten = ["127.0.0.1"]\nweb_workers = 2\n',
        encoding="utf-8",
    )
    admin = Login("olga@example.com", secrets.token_urlsafe(12))
    http, https = str(first + STORE_PORTS), str(first + STORE_PORTS + 1)
    words = ["--prefix", str(prefix), "--hostname", "localhost", "--language", "en"]
    listen = ["--http-port", http, "--https-port", https]
    who = ["--admin-email", admin.login, "--admin-password-stdin"]
    done = subprocess.run(
        [ROOT / "install.sh", *words, *listen, *who],
        input=f"{admin.password}\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"install.sh ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return Box(prefix, admin)


def uninstall(prefix: Path) -> None:
    """Stops every service, and removes the box with all that is in it, also one that was never finished."""
    if Paths(prefix).boxctl.exists():
        subprocess.run([Paths(prefix).boxctl, "uninstall", "--purge", "--yes"], check=True)
    shutil.rmtree(prefix, ignore_errors=True)


def visited(prefix: Path) -> Box:
    """A box that runs already, with one more administrator."""
    admin = Login(f"olga.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12))
    box = Box(prefix, admin)
    name = ("--first-name", "Olga", "--last-name", "Orlova")
    words = ("user", "create", admin.login, *name, "--administrator", "--password-stdin")
    box.boxctl(*words, stdin=f"{admin.password}\n")
    return box


def until[T](condition: Callable[[], T], *, patience: float = PATIENCE) -> T:
    """Waits for the condition to become true, and returns what it said."""
    deadline = time.monotonic() + patience
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return answer
