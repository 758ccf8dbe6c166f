"""One machine of the box: where its files lie, what is configured, what it has."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from appliance import config, users, web_workers
from appliance.agent.answers import WorkersDecision
from appliance.cluster import topology
from appliance.paths import Paths


@dataclass(frozen=True)
class Machine:
    """What services may be sized by."""

    memory_mb: int
    cores: int

    @classmethod
    def here(cls) -> Machine:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return cls(memory_mb=pages * size >> 20, cores=len(os.sched_getaffinity(0)))


@dataclass(frozen=True)
class Node:
    """Everything that a service's description is computed from."""

    paths: Paths
    box: config.Box
    secrets: config.Secrets
    machine: Machine
    membership: topology.Membership | None = None
    """Of the cluster; None for a single box."""
    decision: WorkersDecision | None = None
    """What the load has asked for; None before it has, and where nobody has looked."""

    @classmethod
    def load(cls, paths: Paths) -> Node:
        """The box at `paths` as its files say; raises `ConfigError` where they are wrong."""
        return cls.of(paths, config.load(paths))

    @classmethod
    def of(cls, paths: Paths, box: config.Box) -> Node:
        """The box at `paths` by another configuration than that of its box.toml."""
        secrets, known = config.load_secrets(paths), topology.load(paths)
        return cls(paths, box, secrets, Machine.here(), known, web_workers.last_decision(paths))

    @property
    def cluster(self) -> topology.Membership:
        """Of a node that has one; only services of clusters ask."""
        if self.membership is None:
            raise topology.TopologyRefused(
                "This is a single box: `boxctl cluster init` makes a cluster of it."
            )
        return self.membership

    @property
    def is_home(self) -> bool:
        """Whether files and backups are here: on a single box, and on one node of a cluster."""
        return self.membership is None or topology.Role.FILES in self.membership.me.roles

    def runs(self, service: str) -> bool:
        """Whether that service belongs here: all of them on a single box, else by the node's roles."""
        if self.membership is None:
            return service not in topology.OF_CLUSTERS
        return service in self.membership.me.services

    @property
    def name(self) -> str:
        return self.membership.name if self.membership else self.box.node.name or socket.gethostname().lower()

    @property
    def release(self) -> Path:
        """The running release; the source tree itself where none is installed (a developer's scratch box)."""
        current = self.paths.current
        return current if current.exists() else Path(__file__).resolve().parents[1]

    @property
    def release_name(self) -> str:
        """The version with a hash of what the release holds; empty where none is installed."""
        return self.release.resolve().name if self.paths.current.exists() else ""

    @property
    def python(self) -> Path:
        own = self.release / "venv/bin/python"
        return own if own.exists() else Path(sys.executable)

    @property
    def web_workers(self) -> int:
        """As many as configured, else as the load asks for, and before it has, as there may be."""
        wanted = self.decision.count if self.decision else self.web_workers_max
        return min(max(wanted, self.web_workers_min), self.web_workers_max)

    @property
    def web_workers_min(self) -> int:
        """Half of what the box would choose as most, for a morning comes at once; at least two, so that one
        may restart."""
        own = self.box.node
        return own.web_workers or own.web_workers_min or min(max(self._most // 2, 2), self.web_workers_max)

    @property
    def web_workers_max(self) -> int:
        own = self.box.node
        return own.web_workers or own.web_workers_max or max(self._most, own.web_workers_min)

    @property
    def _most(self) -> int:
        """One a core, which is all that a worker of Python can use: at least two, and at most eight, whose
        threads PostgreSQL has connections for."""
        return min(max(self.machine.cores, 2), 8)

    def data(self, service: str) -> Path:
        return self.paths.data / service

    def run(self, service: str) -> Path:
        """The folder of a service's sockets, lost at every boot of the machine."""
        return self.paths.run / service

    def generated(self, service: str) -> Path:
        return self.paths.generated / service

    def account(self, name: str) -> users.Account:
        return users.account(name)

    @property
    def portal_environment(self) -> dict[str, str]:
        """The environment in which every process of the portal runs, `manage.py` included."""
        return {
            "KOROBKA_PREFIX": str(self.paths.prefix),
            "KOROBKA_CONFIG": str(self.generated("portal") / "portal.json"),
            "DJANGO_SETTINGS_MODULE": "box.settings",
            "PYTHONUNBUFFERED": "1",
            # A release is never written to, not even with compiled files.
            "PYTHONDONTWRITEBYTECODE": "1",
            # glibc gives each thread an arena of its own; two hold a worker's idle memory down at no
            # measured cost.
            "MALLOC_ARENA_MAX": "2",
        }
