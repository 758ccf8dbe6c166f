"""An installed box as its tests handle it: under a prefix of this machine, or as a whole machine.

What is done to it goes through its own front doors (boxctl, HTTPS, signals); what is looked up goes through
`/proc` and, as the database's superuser, through `psql`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from appliance import ports

from .boxes import ADMINISTRATOR, PASSWORD
from .machines import Machine
from .poster import Person, Site

# Of a disk this large the box holds back as much as of any larger one.
DISK_BYTES = 16 << 30
SERVICES = ("database", "objects", "cache", "balancer", "web", "push", "jobs", "agent")
INSTALL = ("--admin-email", ADMINISTRATOR, "--admin-password-stdin")


class Box(ABC):
    """A box that is installed and runs."""

    site: Site
    prefix: Path
    """As the box itself calls it."""
    root: Path
    """The same folder as it is seen from this host."""

    @abstractmethod
    def run(
        self, command: Sequence[str], *, user: str = "root", stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command where the box lives; with `check`, a failure raises with what it said."""

    @abstractmethod
    def everything(self) -> list[psutil.Process]:
        """The processes where the box lives, whosever they are."""

    # --- its front doors

    def boxctl(
        self, *arguments: str, check: bool = True, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return self.run([str(self.prefix / "usr/local/bin/boxctl"), *arguments], check=check, stdin=stdin)

    def status(self) -> dict[str, dict[str, Any]]:
        """What `boxctl status` says about each service."""
        said = json.loads(self.boxctl("status", "--json", check=False).stdout)
        return {service["name"]: service for service in said["services"]}

    def is_healthy(self, *services: str) -> bool:
        found = self.status()
        return all(found[name]["is_healthy"] for name in services or SERVICES)

    def administrator(self) -> Person:
        olga = Person(self.site)
        olga.sign_in(ADMINISTRATOR, PASSWORD)
        return olga

    def employee(self, name: str) -> Person:
        """A new person, signed in."""
        email = f"{name}@example.com"
        self.boxctl("user", "create", email, "--password-stdin", stdin=f"{PASSWORD}\n")
        person = Person(self.site)
        person.sign_in(email, PASSWORD)
        return person

    # --- what is inside

    def query(self, sql: str) -> list[list[str]]:
        """The rows of a query, as PostgreSQL's superuser."""
        return [line.split("|") for line in self.run(self._psql(), stdin=sql).stdout.splitlines()]

    def processes(self, service: str | None = None) -> list[psutil.Process]:
        """The box's processes, or one service's: those that carry its mark, and all that they started."""
        found: dict[int, psutil.Process] = {}
        for process in self.everything():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                if environment.get("KOROBKA_PREFIX") != str(self.prefix):
                    continue
                of = environment.get("KOROBKA_SERVICE", "").partition("@")[0]
                if service in (None, of):
                    for one in (process, *process.children(recursive=True)):
                        if one.status() != psutil.STATUS_ZOMBIE:
                            found[one.pid] = one
        return list(found.values())

    def kill(self, service: str | None = None) -> list[psutil.Process]:
        """kill -9 for every process of a service, or of the whole box with its supervisor, at once."""
        # Whoever would start them again goes first, and is the oldest.
        victims = sorted(self.processes(service), key=psutil.Process.create_time)
        assert victims, f"{service or 'the box'} does not run"
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        return victims

    def pids(self) -> dict[str, set[int]]:
        """Of each service the processes that its supervisor has started; their own helpers come and go."""
        found = {}
        for service in SERVICES:
            parents = {process.pid: process.ppid() for process in self.processes(service)}
            found[service] = {pid for pid, parent in parents.items() if parent not in parents}
        return found

    def path(self, relative: str) -> Path:
        return self.root / relative

    @property
    def secrets(self) -> dict[str, str]:
        """The values of secrets.toml; of a PEM file one line that is like no other."""
        values = tomllib.loads(self.path("etc/korobka/secrets.toml").read_text(encoding="utf-8"))
        return {
            name: value.splitlines()[3] if value.startswith("-----BEGIN") else value
            for name, value in values.items()
            if name not in ("objects_grpc_ca", "objects_grpc_certificate")
        }

    def _psql(self) -> list[str]:
        sockets = self.prefix / "run/korobka/database"
        return ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(sockets), "-U", "postgres", "korobka"]


class PrefixBox(Box):
    """A box under a folder of this machine, on free ports."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = self.root = prefix
        box = tomllib.loads((prefix / "etc/korobka/box.toml").read_text(encoding="utf-8"))
        ca_file = prefix / "etc/korobka/tls/ca.crt"
        self.site = Site(box["hostname"], box["balancer"]["https_port"], "127.0.0.1", ca_file)

    def run(
        self, command: Sequence[str], *, user: str = "root", stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        become = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        if user == "nobody":
            become = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        return checked([*become, *command], stdin=stdin, check=check)

    def everything(self) -> list[psutil.Process]:
        return list(psutil.process_iter())

    @contextmanager
    def holding(self, sql: str) -> Iterator[None]:
        """A transaction of the superuser that has done `sql` and stays open meanwhile."""
        with subprocess.Popen(self._psql(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
            assert psql.stdin is not None and psql.stdout is not None
            try:
                psql.stdin.write(f"BEGIN; {sql}; SELECT 'held';\n")
                psql.stdin.flush()
                assert psql.stdout.readline().strip() == "held"
                yield
            finally:
                psql.stdin.close()

    @classmethod
    @contextmanager
    def installed(cls, install: Path) -> Iterator[PrefixBox]:
        """Installs a box with this install.sh, and leaves nothing of it behind."""
        folder = Path(tempfile.mkdtemp(prefix="korobka-box-", dir="/var/tmp"))
        folder.chmod(0o755)
        prefix = folder / "box"
        http = ports.reserve(10, holder=folder)
        https, store = http + 1, http + 2
        toml = prefix / "etc/korobka/box.toml"
        toml.parent.mkdir(parents=True)
        # A disk of its own for the data, so that it can be filled: a file with holes, of any size.
        image, disk = folder / "disk.img", prefix / "var/lib/korobka"
        disk.mkdir(parents=True)
        with image.open("wb") as file:
            file.truncate(DISK_BYTES)
        checked(["mkfs.ext4", "-q", "-m", "0", str(image)])
        checked(["mount", "-o", "loop", str(image), str(disk)])
        toml.write_text(f"[objects]\nport = {store}\n\n[node]\nweb_workers = 2\n", encoding="utf-8")
        try:
            checked(
                [
                    *(str(install), "--prefix", str(prefix), "--hostname", "localhost"),
                    *("--http-port", str(http), "--https-port", str(https), *INSTALL),
                ],
                stdin=f"{PASSWORD}\n",
                timeout=1800,
            )
            yield cls(prefix)
        finally:
            uninstall = [str(prefix / "usr/local/bin/boxctl"), "uninstall", "--purge", "--yes"]
            checked(uninstall, check=False, timeout=600)
            checked(["umount", str(disk)])
            shutil.rmtree(folder)


class MachineBox(Box):
    """A box that has a machine to itself."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.prefix, self.root = Path("/"), machine.root
        ca_file = machine.root / "etc/korobka/tls/ca.crt"
        self.site = Site(machine.hostname, 443, machine.address, ca_file)

    def run(
        self, command: Sequence[str], *, user: str = "root", stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return self.machine.run(command, user=user, stdin=stdin, check=check)

    def everything(self) -> list[psutil.Process]:
        return self.machine.processes()


def checked(
    command: Sequence[str], *, stdin: str = "", check: bool = True, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        list(command), input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    if check and result.returncode:
        tail = "\n".join((result.stdout + result.stderr).splitlines()[-60:])
        raise AssertionError(f"{list(command)} ended with {result.returncode}:\n{tail}")
    return result


def wait_until(
    condition: Callable[[], Any], what: str, *, deadline: float | None = None, seconds: float = 30
) -> float:
    """Waits for a condition until a moment of `time.monotonic`; returns the moment at which it held."""
    end = deadline or time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return time.monotonic()
