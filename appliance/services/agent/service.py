"""The root daemon: the portal's only way to the machine."""

from __future__ import annotations

from pathlib import Path

from appliance import users
from appliance.node import Node
from appliance.services import probe
from appliance.services.base import Listener, Sandbox, Service


def socket_path(node: Node) -> Path:
    return node.run("agent") / "agent.sock"


SERVICE = Service(
    name="agent",
    title="Agent",
    order=5,
    user=users.ROOT,
    command=lambda node, _: (str(node.python), "-m", "appliance.agent"),
    environment=lambda node: {
        "KOROBKA_PREFIX": str(node.paths.prefix),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    },
    directory=lambda node: node.release,
    listeners=lambda node, _: (Listener(str(socket_path(node))),),
    health=lambda node, _: probe.connects(socket_path(node)),
    memory_mb=lambda _: 512,
    backup=("journals of operations",),
    socket_group=users.PORTAL,
    stop_seconds=10,
    oom_score=-200,
    sandbox=lambda _: Sandbox(trusted=True, private_tmp=False),
)
