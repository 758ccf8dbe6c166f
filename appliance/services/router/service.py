"""The way of this node's portal to the database, whichever node leads at the moment.

HAProxy again, but another one than that before the portal: people's connections come and go with its reloads,
and these must not. What the portal says to a Unix socket goes on in TLS with the node's own certificate, so
nothing of it is in the clear, and the portal needs no certificate.
"""

from __future__ import annotations

import signal
from pathlib import Path

from appliance import users
from appliance.cluster import credentials
from appliance.cluster.topology import PATRONI_PORT, Role
from appliance.node import Node
from appliance.services import probe
from appliance.services.balancer.runtime import BalancerAway, Runtime
from appliance.services.balancer.service import PROGRAM
from appliance.services.base import GeneratedFile, Listener, Sandbox, Service
from appliance.templates import render


def socket_path(node: Node) -> Path:
    """Named as PostgreSQL names its own, so that `host` is the folder and `port` the number."""
    return node.run("router") / f".s.PGSQL.{node.box.database.port}"


def runtime_socket(node: Node) -> Path:
    return node.run("router") / "admin.sock"


def leading(node: Node) -> str | None:
    """The node to which it leads; None while there is no leader."""
    servers = Runtime(runtime_socket(node)).servers("leader")
    return next((name for name, server in servers.items() if server.is_up), None)


def _files(node: Node) -> tuple[GeneratedFile, ...]:
    folder = node.generated("router")
    conf = render(
        "services/router/haproxy.cfg.j2",
        folder=folder,
        runtime_socket=runtime_socket(node),
        socket=socket_path(node),
        most=node.box.database.max_connections,
        members=node.cluster.topology.with_role(Role.DATABASE),
        database_port=node.box.database.port,
        patroni_port=PATRONI_PORT,
    )
    return (GeneratedFile("haproxy.cfg", conf), *credentials.pem(node))


def _worker(node: Node) -> str | None:
    try:
        return Runtime(runtime_socket(node)).worker()
    except (BalancerAway, KeyError):
        return None


SERVICE = Service(
    name="router",
    title="Way to the database",
    order=14,
    user=users.DATABASE,
    command=lambda node, _: (PROGRAM, "-W", "-db", "-f", str(node.generated("router") / "haproxy.cfg")),
    directory=lambda node: node.generated("router"),
    listeners=lambda node, _: (Listener(str(socket_path(node))),),
    # That there is no leader is not its fault.
    health=lambda node, _: probe.connects(runtime_socket(node)),
    memory_mb=lambda _: 256,
    backup=(),
    files=_files,
    check=lambda node: (PROGRAM, "-c", "-f", str(node.generated("router") / "haproxy.cfg")),
    socket_group=users.PORTAL,
    stop_seconds=10,
    reload_signal=signal.SIGUSR2,
    generation=_worker,
    oom_score=-200,
    sandbox=lambda node: Sandbox(writable=(node.run("router"),)),
)
