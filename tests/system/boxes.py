"""A box on a test machine: installing it, and looking at it from outside and inside."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .machines import Kind, Machine

ADMINISTRATOR = "olga@example.com"
PASSWORD = "correct horse battery staple"
# What changes by itself while a box runs.
LIVELY = ("var/lib/korobka", "var/log/korobka", "run/korobka")
BOX_FOLDERS = ("etc/korobka", "opt/korobka", "usr/local/bin", "etc/systemd/system", "etc/tmpfiles.d")


@dataclass(frozen=True)
class Installation:
    """How a run of install.sh ended."""

    code: int
    output: str
    seconds: float

    def __str__(self) -> str:
        return f"ended with {self.code} after {self.seconds:.0f} s:\n{self.output}"


def install(
    machine: Machine, *options: str, source: str = "/src", password: str = PASSWORD, user: str = "root"
) -> Installation:
    """Runs install.sh on the machine, with the first administrator's password on its standard input."""
    begun = time.monotonic()
    command = [
        f"{source}/install.sh", "--hostname", machine.hostname, "--admin-email", ADMINISTRATOR,
        "--admin-password-stdin", *options,
    ]  # fmt: skip
    ended = machine.run(
        command, env=machine.registries, stdin=password + "\n", check=False, timeout=1800, user=user
    )
    return Installation(ended.returncode, ended.stdout + ended.stderr, time.monotonic() - begun)


def installed(kind: Kind, folder: Path) -> Path:
    """Installs a box once and keeps the switched-off machine in `folder`, for `Machine(based_on=...)`."""
    if not folder.exists():
        with Machine(kind) as machine:
            done = install(machine)
            assert done.code == 0, str(done)
            machine.power_off()
            machine.keep(folder)
    return folder


# --- from outside


def ask(
    machine: Machine, path: str, *, name: str | None = None, ca: Path | None = None, port: int = 443
) -> tuple[int, dict[str, str], bytes]:
    """A GET request over TLS to the machine's address, verified by the box's own authority for `name`."""
    name = name or machine.hostname
    context = ssl.create_default_context(cafile=ca or machine.root / "etc/korobka/tls/ca.crt")
    raw = socket.create_connection((machine.address, port), timeout=20)
    with context.wrap_socket(raw, server_hostname=name) as connection:
        request = http.client.HTTPConnection(name)
        request.sock = connection
        request.request("GET", path, headers={"Host": name})
        answer = request.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()


def is_sign_in_page(machine: Machine) -> bool:
    """Whether a stranger is led to a page that asks for a password."""
    status, headers, body = ask(machine, "/")
    if status in (302, 303):
        status, headers, body = ask(machine, headers["location"])
    return status == 200 and b'type="password"' in body


# --- from inside


def boxctl(machine: Machine, *words: str, check: bool = True) -> str:
    """What `boxctl` prints, both outputs."""
    ended = machine.run(["boxctl", *words], check=check)
    return ended.stdout + ended.stderr


def unwell(machine: Machine) -> list[str]:
    """What `boxctl status` does not call healthy, as `name: why`."""
    ended = machine.run(["boxctl", "status", "--json"], check=False)
    if not ended.stdout:
        return [ended.stderr]
    return [
        f"{service['name']}: {service['problem']}"
        for service in json.loads(ended.stdout)["services"]
        if not service["is_healthy"]
    ]


def wait_until_well(machine: Machine, *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while found := unwell(machine):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def files(machine: Machine, folders: Sequence[str] = BOX_FOLDERS) -> dict[str, str]:
    """Every file below these folders with its mode, owner and SHA-256."""
    found = {}
    for folder in folders:
        for path in sorted((machine.root / folder).rglob("*")):
            name = str(path.relative_to(machine.root))
            status = path.lstat()
            if path.is_symlink():
                found[name] = f"-> {path.readlink()}"
            elif path.is_file() and not name.startswith(LIVELY):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[name] = f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {digest}"
    return found


def main_processes(machine: Machine) -> dict[str, int]:
    """The main process of every instance."""
    node = json.loads(machine.run(["boxctl", "status", "--json"]).stdout)
    return {
        instance["name"]: instance["pid"] for service in node["services"] for instance in service["instances"]
    }


def listeners(machine: Machine) -> dict[str, str]:
    """Who listens on which TCP address of the machine: `0.0.0.0:443` to `haproxy`."""
    lines = machine.in_network(["ss", "-Hltnp"]).stdout.splitlines()
    found = {}
    for line in lines:
        _, _, _, address, _, *holders = line.split(maxsplit=5)
        found[address] = holders[0].split('"')[1] if holders else "?"
    return found
