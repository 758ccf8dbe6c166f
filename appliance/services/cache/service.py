"""memcached on a Unix socket: losing it costs speed, never data."""

from __future__ import annotations

from pathlib import Path

from appliance import users
from appliance.node import Node
from appliance.services import probe
from appliance.services.base import Listener, Sandbox, Service


def socket_path(node: Node) -> Path:
    return node.run("cache") / "memcached.sock"


def servers(node: Node) -> tuple[Path, ...]:
    """Those that the portal divides its keys between: each node of a cluster but its reserves has a part."""
    if node.membership is None:
        return (socket_path(node),)
    return tuple(router_socket(node, member.name) for member in node.membership.topology.caches)


def router_socket(node: Node, name: str) -> Path:
    """The way to the cache of that node. Which key lies where follows from what the sockets are called."""
    return node.run("router") / f"cache-{name}.sock"


SERVICE = Service(
    name="cache",
    title="Cache",
    order=12,
    user=users.CACHE,
    command=lambda node, _: (
        "/usr/bin/memcached",
        *("-s", str(socket_path(node)), "-a", "0770"),
        *("-m", str(node.box.cache.memory_mb), "-c", "2048", "-t", "2"),
    ),
    listeners=lambda node, _: (Listener(str(socket_path(node))),),
    health=lambda node, _: probe.exchange(socket_path(node), b"version\r\n", begins=b"VERSION "),
    memory_mb=lambda node: node.box.cache.memory_mb + 64,
    backup=(),
    socket_group=users.PORTAL,
    stop_seconds=5,
    sandbox=lambda node: Sandbox(writable=(node.run("cache"),), network=False),
)
