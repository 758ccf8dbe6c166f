"""What can be asked of the agent and what it answers: this file is the whole allow-list.

On the wire a request is one JSON line (`Request`), answered by one or more (`Answer`), of which the last one
carries a result or a problem. Operations that take long only start here and answer with their state at once:
they are followed with `FollowOperation`, by the one who began them or by anybody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

type ProcessState = Literal["running", "starting", "stopping", "stopped", "failed"]
type Acting = Literal["console", "root"]
type Scope = Literal["node", "cluster"]
type Value = str | int | bool | tuple[str, ...]


@dataclass(frozen=True)
class Operation[R]:
    """Base of everything that can be asked; `R` is what the answer holds."""

    answer: ClassVar[type[Any]]
    changes: ClassVar[bool] = False
    """Whether it changes anything; such operations are recorded with who asked."""


# Answers


@dataclass(frozen=True)
class Progress:
    """How far something is: `done` of `total` steps, and what is happening, as a sentence."""

    text: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class InstanceState:
    """One instance of a service, such as `web@1`; memory is the proportional set size of its processes."""

    name: str
    state: ProcessState
    pid: int | None = None
    since: datetime | None = None
    memory_mb: int | None = None
    problem: str = ""
    """What its health check found, or why it does not run; empty when it answers."""

    @property
    def is_healthy(self) -> bool:
        return self.state == "running" and not self.problem


@dataclass(frozen=True)
class ServiceState:
    """A service as an administrator sees it."""

    name: str
    title: str
    instances: tuple[InstanceState, ...]

    @property
    def is_healthy(self) -> bool:
        return all(instance.is_healthy for instance in self.instances)

    @property
    def state(self) -> ProcessState:
        """That of the instance which is worst off."""
        order: tuple[ProcessState, ...] = ("failed", "stopped", "stopping", "starting", "running")
        return min((instance.state for instance in self.instances), key=order.index, default="stopped")

    @property
    def problem(self) -> str:
        """What is wrong with its instances, each named where there are several."""
        return " ".join(
            f"{instance.name}: {instance.problem}" if len(self.instances) > 1 else instance.problem
            for instance in self.instances
            if instance.problem
        )


@dataclass(frozen=True)
class DiskState:
    """The file system that holds the box's data, in bytes."""

    free: int
    total: int


@dataclass(frozen=True)
class CertificateState:
    """What the portal's certificate says. `is_own`: issued by the box's own authority, renewed by the box."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    sha256: str
    is_own: bool


@dataclass(frozen=True)
class NodeStatus:
    """Everything about this machine at a glance."""

    node: str
    version: str
    at: datetime
    services: tuple[ServiceState, ...]
    disk: DiskState
    read_only: str = ""
    """Why the portal takes no writes at the moment; empty when it does."""

    @property
    def is_healthy(self) -> bool:
        return not self.read_only and all(service.is_healthy for service in self.services)


@dataclass(frozen=True)
class LogPage:
    """Some lines of a log, oldest first, and the cursor to ask for older ones with (empty: none are)."""

    service: str
    lines: tuple[str, ...]
    older: str = ""


@dataclass(frozen=True)
class ConfigKey:
    """One key of box.toml: where it came from and who may change it."""

    name: str
    value: Value
    default: Value
    is_console: bool
    help: str


@dataclass(frozen=True)
class ConfigView:
    """All keys of box.toml. Secrets are in another file and never here."""

    keys: tuple[ConfigKey, ...]


@dataclass(frozen=True)
class OperationState:
    """A long operation: running, or how it ended."""

    id: str
    kind: str
    asked_by: str
    state: Literal["running", "done", "failed"]
    began_at: datetime
    ended_at: datetime | None = None
    progress: Progress = Progress("")


@dataclass(frozen=True)
class OperationList:
    """Long operations, the newest first."""

    operations: tuple[OperationState, ...]


# Operations


@dataclass(frozen=True)
class ReadStatus(Operation[NodeStatus]):
    """Every service with its state, processes, memory and health."""

    answer: ClassVar = NodeStatus


@dataclass(frozen=True)
class ReadLog(Operation[LogPage]):
    """The last lines of a service's log, or those before a cursor."""

    answer: ClassVar = LogPage
    service: str
    lines: int = 200
    before: str = ""


@dataclass(frozen=True)
class ReadConfig(Operation[ConfigView]):
    """The configuration in force."""

    answer: ClassVar = ConfigView


@dataclass(frozen=True)
class ReadCertificate(Operation[CertificateState]):
    """The certificate that the portal shows."""

    answer: ClassVar = CertificateState


@dataclass(frozen=True)
class ReadOperation(Operation[OperationState]):
    """How far a long operation is."""

    answer: ClassVar = OperationState
    id: str


@dataclass(frozen=True)
class FollowOperation(Operation[OperationState]):
    """The progress of a long operation as it happens, until its end."""

    answer: ClassVar = OperationState
    id: str


@dataclass(frozen=True)
class ListOperations(Operation[OperationList]):
    """The latest long operations."""

    answer: ClassVar = OperationList
    limit: int = 20


@dataclass(frozen=True)
class RestartService(Operation[OperationState]):
    """Restart a service; web workers one after another, each drained first, so that no request fails.

    Without a name it is all of them.
    """

    answer: ClassVar = OperationState
    changes: ClassVar = True
    service: str = ""


@dataclass(frozen=True)
class SetConfig(Operation[OperationState]):
    """Change keys of box.toml and apply them. The portal may change keys marked for the console only."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    values: dict[str, Value]


@dataclass(frozen=True)
class ApplyConfig(Operation[OperationState]):
    """Check box.toml, write the services' files, and restart or reload those whose files changed."""

    answer: ClassVar = OperationState
    changes: ClassVar = True


OPERATIONS: dict[str, type[Operation[Any]]] = {
    kind.__name__: kind
    for kind in (
        ReadStatus,
        ReadLog,
        ReadConfig,
        ReadCertificate,
        ReadOperation,
        FollowOperation,
        ListOperations,
        RestartService,
        SetConfig,
        ApplyConfig,
    )
}


# On the wire


@dataclass(frozen=True)
class Request:
    """The envelope: what, where, and on whose behalf.

    `by` is who the portal acts for, or the person behind sudo. `acting` is the standing that is claimed; only
    root's own programs may claim root's, which the peer's credentials prove.
    """

    operation: str
    arguments: dict[str, Any] = field(default_factory=dict)
    scope: Scope = "node"
    node: str = ""
    acting: Acting = "console"
    by: str = ""


@dataclass(frozen=True)
class Problem:
    """Why there is no result. `refused`: not allowed or not possible as asked; `failed`: tried, in vain."""

    kind: Literal["refused", "failed"]
    message: str


@dataclass(frozen=True)
class Answer:
    """One line: exactly one of the three is there."""

    progress: Progress | None = None
    result: dict[str, Any] | None = None
    problem: Problem | None = None
