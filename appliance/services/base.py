"""What there is to say about a service; each says it once, in its own `service.py`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance.node import Node


@dataclass(frozen=True)
class Listener:
    """Something that a service answers on: a Unix socket, or an address and port."""

    address: str
    port: int | None = None
    is_public: bool = False
    """Whether it may be reached from outside the machine. Only the balancer has such listeners."""

    def __str__(self) -> str:
        return self.address if self.port is None else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class GeneratedFile:
    """A file written for one service, 0400 of its user."""

    name: str
    content: str


@dataclass(frozen=True)
class Sandbox:
    """What the process may do beyond the strict minimum; each supervisor enforces what it can."""

    writable: tuple[Path, ...] = ()
    capabilities: tuple[str, ...] = ()
    """Kept although the user is not root, such as `net_bind_service`."""
    network: bool = True
    """False: Unix sockets only."""
    private_tmp: bool = True
    trusted: bool = False
    """The agent alone: it runs as root, and what it runs needs the whole machine."""


def _nothing(_: Node) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Service:
    """A service as data. Functions of the node compute what depends on the configuration."""

    name: str
    title: str
    order: int
    """Start order: lower first; stopping goes the other way."""
    user: str
    """The system user it runs as (`appliance.users`)."""
    command: Callable[[Node, str], tuple[str, ...]]
    """The argument list of one instance. Never holds a secret. The instance's number comes as text, because
    it is `%i` in a systemd template."""
    listeners: Callable[[Node, int], tuple[Listener, ...]]
    health: Callable[[Node, int], str | None]
    """None when this instance answers, else a sentence that says what is wrong, within seconds."""
    memory_mb: Callable[[Node], int]
    """What one instance may use before it is better restarted (enforced under systemd)."""
    backup: tuple[str, ...]
    """What of it a backup must hold, in words; empty: nothing."""
    before: Callable[[Node], tuple[str, ...]] = lambda _: ()
    """A generated program in Python's standard library, and its arguments: run as the service's user before
    each start, which follows whatever becomes of it."""
    environment: Callable[[Node], Mapping[str, str]] = _nothing
    directory: Callable[[Node], Path] = lambda _: Path("/")
    files: Callable[[Node], tuple[GeneratedFile, ...]] = lambda _: ()
    files_folder: str | None = None
    """The folder under `generated/` when it is not the service's own name: the portal's three share one."""
    check: Callable[[Node], tuple[str, ...]] | None = None
    """A command that says whether the generated files are good, before the service reads them."""
    stale_pid_file: Callable[[Node], Path | None] = lambda _: None
    """A file that keeps the service from starting when its number was given to another process meanwhile."""
    is_quarantined: bool = False
    """Whether it lets people in, or does their work: see `appliance.quarantine`."""
    instances: Callable[[Node], int] = lambda _: 1
    is_instanced: bool = False
    """Whether it runs as NAME@1..N even when N is 1."""
    is_enabled: Callable[[Node], bool] = lambda _: True
    socket_group: str | None = None
    """The group that may connect to what it puts under `run/korobka/NAME/`."""
    groups: tuple[str, ...] = ()
    """Users of `appliance.users` whose group it has beside its own: it connects to sockets of theirs."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int = 20
    """How long it may take to stop before it is killed."""
    abandon_signal: signal.Signals = signal.SIGKILL
    """Ends it at once when what it was doing will be thrown away."""
    reload_signal: signal.Signals | None = None
    """Makes it read its generated files again without a pause; None: it must be restarted."""
    generation: Callable[[Node], str | None] | None = None
    """Tells apart who serves before a reload and after it, for a service that goes on with its old files when
    it cannot take the new ones. None as an answer: nobody serves just now."""
    oom_score: int = 0
    """How readily the kernel ends it when memory is short: the cheap to restart first."""
    sandbox: Callable[[Node], Sandbox] = field(default=lambda _: Sandbox())

    def instance_names(self, node: Node) -> tuple[str, ...]:
        """`("web@1", "web@2")`, or `("cache",)`: the names by which supervisors, logs and status know
        them."""
        if not self.is_instanced:
            return (self.name,)
        return tuple(f"{self.name}@{number}" for number in range(1, self.instances(node) + 1))
