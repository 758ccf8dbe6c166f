"""What each operation does. The table at the end is the whole of the agent's power."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from appliance import certificates, config, quoting, runner
from appliance.agent import backups, operations, operations_log, proofs, upgrades
from appliance.agent.answers import (
    CertificateState,
    ClusterState,
    ConfigKey,
    ConfigView,
    DiskState,
    InstanceState,
    LogPage,
    NodeStatus,
    OperationList,
    OperationState,
    Progress,
    RecordPage,
    ServiceState,
    WorkersState,
)
from appliance.agent.applied_config import load_node, read_box_toml
from appliance.agent.codec import Malformed
from appliance.agent.disk import Guard
from appliance.agent.journal import Journal, Unknown
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import (
    ApplyConfig,
    CancelOperation,
    FollowOperation,
    ListOperations,
    Operation,
    ReadCertificate,
    ReadCluster,
    ReadConfig,
    ReadLog,
    ReadOperation,
    ReadRecord,
    ReadStatus,
    RestartService,
    SetConfig,
    SetNode,
    SwitchOver,
)
from appliance.cluster import room
from appliance.cluster.overview import overview
from appliance.cluster.topology import TopologyRefused
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import UnknownService, enabled, named, portal
from appliance.supervise import Status, SupervisorError, supervisor_for

type Tell = Callable[[Progress], None]


REFUSALS = (
    backups.NotSetUp,
    backups.BackupsRefused,
    certificates.CertificateRefused,
    config.ConfigError,
    config.RootOnly,
    operations.AlreadyRunning,
    operations.NotCancellable,
    Malformed,
    quoting.Unwritable,
    TopologyRefused,
    Unknown,
    UnknownService,
    upgrades.UpgradeRefused,
)
"""Errors that say: not like this. The text is for whoever asked."""

FAILURES = (SupervisorError, runner.CommandFailed, OSError)
"""Errors that say: tried, and it did not work."""


def perform[R](paths: Paths, operation: Operation[R], asker: Asker, tell: Tell, *, proof: str = "") -> R:
    """Do one operation for `asker`; changes are recorded before they begin, and proven before that."""
    with proofs.proven(paths, operation, asker, proof):
        if operation.changes:
            operations_log.note(paths, asker, operation)
        handler = HANDLERS[type(operation)]
        answer: R = handler(paths, operation, asker, tell)
        return answer


def read_status(paths: Paths, _: ReadStatus, __: Asker, ___: Tell) -> NodeStatus:
    node, guard = load_node(paths), Guard(paths)
    now, space = datetime.now(UTC), guard.space()
    statuses = supervisor_for(node).status()
    return NodeStatus(
        node=node.name,
        version=portal.version(node),
        at=now,
        services=tuple(
            ServiceState(name, named(name).title, tuple(_instance(status, now) for status in group))
            for name, group in groupby(statuses, key=lambda status: status.service)
        ),
        disk=DiskState(space.free, space.total),
        read_only=_why_read_only(node, guard),
        workers=_workers(node),
    )


def _workers(node: Node) -> WorkersState | None:
    if node.web_workers_min == node.web_workers_max:
        return None
    return WorkersState(node.web_workers, node.web_workers_min, node.web_workers_max, node.decision)


def _why_read_only(node: Node, guard: Guard) -> str:
    """A node of a cluster passes on what is written: to it, the disk of the one that leads is what counts."""
    if node.membership is None:
        return guard.reason()
    with suppress(FileNotFoundError):
        return room.flag(node.paths).read_text(encoding="utf-8").strip()
    return ""


def read_log(paths: Paths, asked: ReadLog, _: Asker, __: Tell) -> LogPage:
    node = load_node(paths)
    lines, older = supervisor_for(node).log_page(
        instances_of(node, asked.service), lines=min(max(asked.lines, 1), 2000), before=asked.before
    )
    return LogPage(asked.service, lines, older)


def read_record(paths: Paths, asked: ReadRecord, _: Asker, __: Tell) -> RecordPage:
    return operations_log.page(paths, cursor=asked.cursor, lines=min(max(asked.lines, 1), 2000))


def read_config(paths: Paths, _: ReadConfig, __: Asker, ___: Tell) -> ConfigView:
    box = config.load(paths)
    return ConfigView(
        tuple(
            ConfigKey(name, config.value_of(box, name), key.default, key.help)
            for name, key in config.KEYS.items()
        )
    )


def set_config(paths: Paths, asked: SetConfig, asker: Asker, _: Tell) -> OperationState:
    from_console = asker.acting == "console"
    # The operation does the same again. It is done here so that what is wrong is refused to their face.
    config.set_values(read_box_toml(paths), asked.values, from_console=from_console, file=str(paths.box_toml))
    arguments = {"values": dict(asked.values), "from_console": from_console}
    return operations.begin(paths, "apply", arguments, by=str(asker)).state()


def apply_config(paths: Paths, _: ApplyConfig, asker: Asker, __: Tell) -> OperationState:
    config.load(paths)
    return operations.begin(paths, "apply", {"values": {}, "from_console": False}, by=str(asker)).state()


def restart_service(paths: Paths, asked: RestartService, asker: Asker, _: Tell) -> OperationState:
    if asked.service:
        instances_of(load_node(paths), asked.service)
    return operations.begin(paths, "restart", {"service": asked.service}, by=str(asker)).state()


def read_cluster(paths: Paths, _: ReadCluster, __: Asker, ___: Tell) -> ClusterState:
    now = datetime.now(UTC)
    return overview(paths, now=now) if load_node(paths).membership else ClusterState(now)


def switch_over(paths: Paths, asked: SwitchOver, asker: Asker, _: Tell) -> OperationState:
    # Here, where it is refused to their face.
    known = load_node(paths).cluster.topology[asked.to]
    return operations.begin(paths, "switchover", {"to": known.name}, by=str(asker)).state()


def set_node(paths: Paths, asked: SetNode, asker: Asker, _: Tell) -> OperationState:
    # Here, where it is refused to their face.
    known = load_node(paths).cluster.topology[asked.name]
    if asked.to in ("awake", "asleep") and not known.is_reserve:
        raise TopologyRefused(f"{known.name} is no reserve, and never sleeps.")
    return operations.begin(paths, "node", {"name": known.name, "to": asked.to}, by=str(asker)).state()


def read_certificate(paths: Paths, _: ReadCertificate, __: Asker, ___: Tell) -> CertificateState:
    return certificates.info(paths)


def read_operation(paths: Paths, asked: ReadOperation, _: Asker, __: Tell) -> OperationState:
    return operations.state_for(Journal.find(paths.operations, asked.id), asked.reader)


def follow_operation(paths: Paths, asked: FollowOperation, _: Asker, tell: Tell) -> OperationState:
    journal = Journal.find(paths.operations, asked.id)
    operations.state_for(journal, "")
    for progress in operations.follow(journal):
        tell(progress)
    return operations.state_for(journal, "")


def cancel_operation(paths: Paths, asked: CancelOperation, asker: Asker, _: Tell) -> OperationState:
    journal = Journal.find(paths.operations, asked.id)
    if operations.state_for(journal, "").state == "running":
        operations.cancel(paths, journal, by=str(asker))
    return operations.state_for(journal, "")


def list_operations(paths: Paths, asked: ListOperations, _: Asker, __: Tell) -> OperationList:
    return OperationList(operations.list_states(paths, asked.limit))


def instances_of(node: Node, name: str) -> tuple[str, ...]:
    """The instances that `name` stands for: a service's, or itself."""
    service = named(name.partition("@")[0])
    found = tuple(instance for instance in service.instance_names(node) if name in (instance, service.name))
    if not found or service not in enabled(node):
        raise UnknownService(f"{name} does not run in this box: `boxctl status` names what does.")
    return found


def _instance(status: Status, now: datetime) -> InstanceState:
    since = None if status.uptime_seconds is None else now - timedelta(seconds=status.uptime_seconds)
    return InstanceState(
        name=status.instance,
        state=status.state.value,
        pid=status.pid,
        since=since,
        memory_mb=status.memory_mb,
        problem=status.problem or "",
    )


HANDLERS: Mapping[type[Operation[Any]], Callable[[Paths, Any, Asker, Tell], Any]] = {
    ReadStatus: read_status,
    ReadLog: read_log,
    ReadRecord: read_record,
    ReadConfig: read_config,
    ReadCertificate: read_certificate,
    ReadOperation: read_operation,
    FollowOperation: follow_operation,
    ListOperations: list_operations,
    RestartService: restart_service,
    ReadCluster: read_cluster,
    SwitchOver: switch_over,
    SetNode: set_node,
    SetConfig: set_config,
    ApplyConfig: apply_config,
    CancelOperation: cancel_operation,
    **upgrades.HANDLERS,
    **backups.HANDLERS,
}
