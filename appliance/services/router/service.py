"""The ways of this node's portal to the other nodes: to whichever leads the database, to their parts of the
cache, and to the files.

HAProxy again, but another one than that before the portal: people's connections come and go with its reloads,
and these must not. What the portal says to a Unix socket goes on in TLS with the node's own certificate, so
nothing of it is in the clear, and the portal needs no certificate.
"""

from __future__ import annotations

import signal
from pathlib import Path

from appliance import users
from appliance.cluster import credentials
from appliance.cluster.identity import STORE
from appliance.cluster.topology import PATRONI_PORT, ROUTER_PORT, Member, Role
from appliance.node import Node
from appliance.services import probe
from appliance.services.balancer.runtime import BalancerAway, Runtime
from appliance.services.balancer.service import PROGRAM
from appliance.services.base import GeneratedFile, Listener, Sandbox, Service
from appliance.services.cache.service import router_socket
from appliance.services.cache.service import socket_path as cache_socket
from appliance.services.database.names import replicas_port
from appliance.services.router.stores import Destination, Stores
from appliance.templates import render

COPY = "copy:"
"""How servers begin that are read only while nobody leads."""


def socket_path(node: Node) -> Path:
    """Named as PostgreSQL names its own, so that `host` is the folder and `port` the number."""
    return node.run("router") / f".s.PGSQL.{node.box.database.port}"


def replicas_socket(node: Node) -> Path:
    return node.run("router") / f".s.PGSQL.{replicas_port(node)}"


def runtime_socket(node: Node) -> Path:
    return node.run("router") / "admin.sock"


def leading(node: Node) -> str | None:
    """The node to which it leads; None while there is no leader."""
    servers = Runtime(runtime_socket(node)).servers("leader")
    up = (name for name, server in servers.items() if server.is_up)
    return next((name for name in up if not name.startswith(COPY)), None)


def _destination(node: Node, member: Member) -> Destination:
    host = f"[{member.address}]" if ":" in member.address else member.address
    return Destination(
        name=member.name,
        database=f"{host}:{node.box.database.port}",
        router=f"{host}:{ROUTER_PORT}",
        loopback=member.loopback,
        cache=router_socket(node, member.name),
        is_me=member.name == node.cluster.name,
    )


def _files(node: Node) -> tuple[GeneratedFile, ...]:
    topology, me = node.cluster.topology, node.cluster.me
    # Its own copy first: when nobody leads, it is what can surely be reached.
    databases = sorted(topology.with_role(Role.DATABASE), key=lambda one: one.name != me.name)
    conf = render(
        "services/router/haproxy.cfg.j2",
        folder=node.generated("router"),
        runtime_socket=runtime_socket(node),
        socket=socket_path(node),
        replicas=replicas_socket(node) if Role.PORTAL in me.roles and len(databases) > 1 else None,
        # Of the portal here, and of all the others at what is here; each has two sides.
        most=4 * node.box.database.max_connections + 4096,
        name=me.name,
        here=_destination(node, me).router,
        databases=[_destination(node, member) for member in databases],
        patroni_port=PATRONI_PORT,
        cache=cache_socket(node),
        caches=[_destination(node, member) for member in topology.caches],
        has_cache=me in topology.caches,
        store=Stores.of(node, lambda member: _destination(node, member)),
    )
    return (
        GeneratedFile("haproxy.cfg", conf),
        *credentials.pem(node),
        GeneratedFile("store.pem", credentials.both(node, STORE)),
    )


def _worker(node: Node) -> str | None:
    try:
        return Runtime(runtime_socket(node)).worker()
    except (BalancerAway, KeyError):
        return None


SERVICE = Service(
    name="router",
    title="Ways to the other nodes",
    order=14,
    user=users.DATABASE,
    command=lambda node, _: (PROGRAM, "-W", "-db", "-f", str(node.generated("router") / "haproxy.cfg")),
    directory=lambda node: node.generated("router"),
    listeners=lambda node, _: (
        Listener(str(socket_path(node))),
        Listener(node.cluster.me.address, ROUTER_PORT, is_public=True),
    ),
    # That there is no leader is not its fault.
    health=lambda node, _: probe.connects(runtime_socket(node)),
    memory_mb=lambda _: 256,
    backup=(),
    files=_files,
    check=lambda node: (PROGRAM, "-c", "-f", str(node.generated("router") / "haproxy.cfg")),
    socket_group=users.PORTAL,
    groups=(users.PORTAL,),
    stop_seconds=10,
    reload_signal=signal.SIGUSR2,
    generation=_worker,
    oom_score=-200,
    sandbox=lambda node: Sandbox(writable=(node.run("router"), node.run("names"))),
)
