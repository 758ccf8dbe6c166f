"""The push service: thousands of idle connections in one small ASGI process."""

from __future__ import annotations

from pathlib import Path

from appliance import users
from appliance.node import Node
from appliance.services import portal, probe
from appliance.services.base import Listener, Sandbox, Service


def socket_path(node: Node) -> Path:
    return node.run("push") / "push.sock"


SERVICE = Service(
    name="push",
    title="Push",
    order=21,
    user=users.PORTAL,
    is_quarantined=True,
    command=lambda node, _: (
        *(str(node.python), "-m", "uvicorn", "box.asgi:application", "--uds", str(socket_path(node))),
        # A stream's connection leaves HTTP for a protocol that costs next to nothing while it idles.
        *("--http", "box.core.push.handover:HandoverProtocol"),
        # Who is connected is nobody's business in a log, and a stream never ends by itself.
        *("--no-access-log", "--no-server-header", "--log-level", "warning"),
        *("--timeout-graceful-shutdown", "1", "--forwarded-allow-ips", "*"),
    ),
    environment=lambda node: node.portal_environment,
    directory=lambda node: node.release,
    listeners=lambda node, _: (Listener(str(socket_path(node))),),
    health=lambda node, _: probe.http_status(socket_path(node), "/healthz", host=node.box.public_name),
    memory_mb=lambda _: 1024,
    backup=(),
    files=portal.files,
    files_folder=portal.FOLDER,
    socket_group=users.BALANCER,
    stop_seconds=10,
    sandbox=lambda node: Sandbox(writable=(node.run("push"),)),
)
