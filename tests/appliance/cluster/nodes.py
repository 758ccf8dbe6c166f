"""Three boxes in network namespaces of their own, joined by a switch that can cut any of them off.

    with Company() as company:
        one, two, three = company.nodes
        one.install("database"); one.cluster("init", ...)
        company.cut(two); company.mend(two)

Each node is a scratch box under supervisord with an address of its own; what it says to another goes through
a real cable. Sockets of the file system are reached from here. Needs root.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from appliance import config, scratch
from appliance.cluster.etcd import Etcd
from appliance.node import Node
from appliance.paths import Paths
from appliance.supervise import processes
from installer.signing import SIGNERS
from tests import require
from tests.appliance import clusters
from tests.appliance.boxes import wait_until
from tests.system.poster import Site

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 2400.0
_NUMBERS = itertools.count(1)
"""Of companies in this process, whose networks need names of their own."""


def require_engines() -> None:
    require.root("Machines on networks of their own are root's to make")
    for program, package in (
        ("etcd", "etcd-server"), ("patronictl", "patroni python3-etcd"),
        ("haproxy", "haproxy"), ("ip", "iproute2"),
    ):  # fmt: skip
        require.programs(program, cure=f"apt-get install {package}")


class BoxFailed(AssertionError):
    """A command of a node ended badly."""


class BoxNode:
    """One machine of the company."""

    def __init__(self, company: Company[Any], number: int) -> None:
        self.company, self.number = company, number
        self.name, self.address = f"node-{number}", f"10.88.0.{number}"
        self.space = f"{company.mark}-{number}"
        self.prefix = company.folder / self.name
        self.prefix.mkdir(mode=0o755)
        self._disks: list[Path] = []

    # --- what somebody does on it

    def run(
        self,
        command: Sequence[str | Path],
        *,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this host on the node's network."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.space, *map(str, command)],
            env={
                **os.environ, "KOROBKA_PREFIX": str(self.prefix), "PYTHONPATH": str(ROOT),
                "PYTHONSAFEPATH": "1", **(env or {}),
            },
            cwd="/", input=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        if check and done.returncode:
            raise BoxFailed(f"{self.name}: {' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
        return done

    @contextmanager
    def inside(self) -> Iterator[Paths]:
        """This thread is on the node's network; the box's paths."""
        with _within(self.space):
            yield Paths(self.prefix)

    def install(self, *services: str, has_tables: bool = False, **values: config.Value) -> None:
        """A box of its own, as it is before anybody thinks of a cluster, on request with tables, and with
        these values in its box.toml (`metrics__networks=("10.0.0.0/8",)`)."""
        node = scratch.create(self.prefix)
        if has_tables:
            clusters.give(node)
        toml = node.paths.box_toml
        given = {name.replace("__", "."): value for name, value in values.items()}
        given.setdefault("node.listen", (self.address,))
        own = config.set_values(toml.read_text(), given, from_console=False)
        toml.write_text(own)
        self.run([sys.executable, "-m", "appliance.scratch", "start", self.prefix, *services])

    def boxctl(self, *words: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self.run([sys.executable, "-m", "appliance.cli", *words], check=check, stdin=stdin)

    def cluster(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.boxctl("cluster", *words, check=check)

    def join(self, other: BoxNode, *words: str) -> subprocess.CompletedProcess[str]:
        """With the line that the other one prints, word by word."""
        line = other.cluster("token").stdout.split()
        assert line[:4] == ["sudo", "boxctl", "cluster", "join"]
        named = ("--name", self.name, "--address", self.address)
        return self.cluster(*line[3:], *named, *words)

    @contextmanager
    def etcd(self) -> Iterator[Etcd]:
        """The cluster's, asked by this thread from here."""
        with self.inside() as paths:
            yield Etcd.of(paths, self.node.cluster.topology)

    def status(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.cluster("status", "--json", check=False).stdout)
        return said

    # --- what is asked of it

    @property
    def node(self) -> Node:
        return Node.load(Paths(self.prefix))

    @property
    def site(self) -> Site:
        """The portal as this node's balancer serves it."""
        ca_file = self.prefix / "etc/korobka/tls/ca.crt"
        return Site("localhost", self.node.box.balancer.https_port, self.address, ca_file)

    def sql(self, text: str, *, check: bool = True) -> str:
        """As the portal: through the node's own way to whoever leads."""
        done = subprocess.run(
            [
                *("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.prefix / "run/korobka/router"),
                *("-U", "korobka_app", "korobka", "-c", text),
            ],
            capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PGCONNECT_TIMEOUT": "5"},
        )  # fmt: skip
        if check and done.returncode:
            raise BoxFailed(f"{self.name}: {done.stderr}")
        return done.stdout.strip()

    def log(self, service: str, lines: int = 30) -> str:
        file = self.prefix / f"var/log/korobka/{service}.log"
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])

    # --- what befalls it

    def pids(self, service: str | None = None) -> set[int]:
        """Of a service, or of one instance (`web@1`), with all that it has started; or of everything."""
        found: set[int] = set()
        for pid, of in processes.marked(self.prefix).items():
            if service in (None, of, of.partition("@")[0]):
                found |= processes.children_of(pid)
        return found

    def processes(self) -> set[tuple[int, str]]:
        """All of them, each with when it began: numbers come again."""
        found = set()
        for pid in self.pids():
            with suppress(OSError):
                found.add((pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]))
        return found

    def kill(self, service: str | None = None) -> None:
        """kill -9 of a service, or of the whole machine with its supervisor: the power is cut."""
        victims = self.pids(service)
        if service is None:
            with suppress(OSError, ValueError):
                victims.add(int((self.prefix / "run/korobka/supervisord.pid").read_text()))
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def boot(self) -> None:
        """The power is back: the supervisor starts what it has to."""
        self.boxctl("start")

    def boot_ahead(self, *, seconds: int) -> None:
        """The same, with a time of day that is so far ahead: how long a second lasts stays as it is. Not that
        of HAProxy, which does not begin under faketime, nor of etcd and the store, which ask the kernel."""
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        ahead = f'LD_PRELOAD="{library}",FAKETIME="+{seconds}s"'
        ahead += ',FAKETIME_DONT_FAKE_MONOTONIC="1",FAKETIME_DISABLE_SHM="1"'
        own = self.node.paths.generated / "supervisor/supervisord.conf"
        changed = self.prefix / "ahead.conf"
        not_haproxys = r'^environment=(?!.*KOROBKA_SERVICE="(?:balancer|router)")'
        changed.write_text(re.sub(not_haproxys, f"environment={ahead},", own.read_text(), flags=re.MULTILINE))
        mark = f"{processes.PREFIX_MARK}={self.prefix}"
        begin = (sys.executable, "-m", "supervisor.supervisord", "-c", changed)
        self.run(["env", "-i", f"PATH={os.defpath}", "LANG=C.UTF-8", mark, *begin])
        self.boot()

    @contextmanager
    def stalled(self, service: str, program: str) -> Iterator[None]:
        """A program of a service is there and does nothing, as on a disk that does not answer."""
        halted = {pid for pid in self.pids(service) if _program_of(pid) == program}
        assert halted, f"no {program} runs on {self.name}"
        for pid in halted:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in halted:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextmanager
    def taken_when_free(self, port: int) -> Iterator[None]:
        """A stranger on this machine has the port from the moment on in which it is free."""
        is_over = threading.Event()

        def take() -> None:
            while not is_over.is_set():
                with suppress(OSError), socket.create_server((self.address, port)):
                    is_over.wait()
                is_over.wait(0.001)

        with self.inside(), ThreadPoolExecutor(1) as stranger:
            stranger.submit(take)
            try:
                yield
            finally:
                is_over.set()

    def put_on_a_small_disk(self, service: str, *, mib: int) -> Path:
        """Before it is installed: a service's data get a disk of their own; its folder."""
        place = Paths(self.prefix).data / service
        place.mkdir(parents=True, mode=0o755)
        _run("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tmpfs", str(place))
        self._disks.append(place)
        return place

    def take_disks_out(self) -> None:
        for place in self._disks:
            subprocess.run(["umount", "--lazy", str(place)], check=False)


class InstalledNode(BoxNode):
    """One that was installed as an administrator does it, from the tree of a release."""

    def install_from(self, tree: Path, *, trusts: str) -> None:
        """`trusts`: the signers of releases, as the box's own file has them."""
        self.run(
            [
                tree / "install.sh", "--prefix", self.prefix, "--hostname", "localhost",
                "--https-port", "8443", "--http-port", "8080",
                "--admin-email", "olga@example.com", "--admin-password-stdin",
            ],
            env={"PYTHONPATH": ""}, stdin="Correct-horse-7-battery\n",
        )  # fmt: skip
        (self.prefix / "etc/korobka" / SIGNERS).write_text(trusts)

    def boxctl(self, *words: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self.run([self.prefix / "usr/local/bin/boxctl", *words], check=check, stdin=stdin)

    @property
    def release(self) -> str:
        """The running one's name."""
        return (self.prefix / "opt/korobka/current").readlink().name


def _program_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@contextmanager
def _within(space: str) -> Iterator[None]:
    """This thread, and those that it begins meanwhile, are on that network."""
    with (
        Path("/proc/thread-self/ns/net").open() as home,
        Path(f"/run/netns/{space}").open() as there,
    ):
        os.setns(there.fileno(), os.CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(home.fileno(), os.CLONE_NEWNET)


class Company[T: BoxNode = BoxNode]:
    """The switch, the cables, the machines at them, and a desk for somebody who works with the portal."""

    def __init__(self, machines: int = 3, *, kind: type[T] = BoxNode) -> None:  # type: ignore[assignment]
        self.folder = Path(tempfile.mkdtemp(prefix="korobka-cluster-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.mark = f"kc{os.getpid()}-{next(_NUMBERS)}"
        self.switch, self.desk = f"{self.mark}-s", f"{self.mark}-d"
        self._machines, self._kind = machines, kind
        self.nodes: tuple[T, ...] = ()

    def __enter__(self) -> Self:
        try:
            _ip("netns", "add", self.switch)
            _ip("-n", self.switch, "link", "add", "bridge", "type", "bridge")
            _ip("-n", self.switch, "link", "set", "bridge", "up")
            self.nodes = tuple(self._kind(self, number) for number in range(1, self._machines + 1))
            for node in self.nodes:
                self._plug_in(node.space, f"port{node.number}", node.address)
            self._plug_in(self.desk, "desk", "10.88.0.200")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until_well(self, *nodes: T) -> None:
        """That is what these nodes say, or all."""
        wait_until(lambda: all(one.status()["is_healthy"] for one in nodes or self.nodes), seconds=300)

    def cut(self, node: BoxNode) -> None:
        """Pull its cable at the switch: it cannot tell that from the others' death."""
        _ip("-n", self.switch, "link", "set", f"port{node.number}", "down")

    def mend(self, node: BoxNode) -> None:
        _ip("-n", self.switch, "link", "set", f"port{node.number}", "up")

    @contextmanager
    def at_desk(self) -> Iterator[None]:
        with _within(self.desk):
            yield

    def close(self) -> None:
        for node in self.nodes:
            for _ in range(3):  # whoever was just being started
                node.kill()
            node.take_disks_out()
        for space in (*(node.space for node in self.nodes), self.desk, self.switch):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _plug_in(self, space: str, port: str, address: str) -> None:
        _ip("netns", "add", space)
        _ip("-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", "lan", "netns", space)
        _ip("-n", self.switch, "link", "set", port, "master", "bridge", "up")
        _ip("-n", space, "address", "add", f"{address}/24", "dev", "lan")
        for link in ("lo", "lan"):
            _ip("-n", space, "link", "set", link, "up")


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
