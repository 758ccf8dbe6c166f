"""The portal's web workers: interchangeable, stateless, on one Unix socket each."""

from __future__ import annotations

from pathlib import Path

from appliance import users
from appliance.node import Node
from appliance.services import portal, probe
from appliance.services.base import Listener, Sandbox, Service


def socket_path(node: Node, number: int | str) -> Path:
    return node.run("web") / f"{number}.sock"


SERVICE = Service(
    name="web",
    title="Web workers",
    order=20,
    user=users.PORTAL,
    is_quarantined=True,
    command=lambda node, number: (
        *(str(node.python), "manage.py", "web"),
        *("--socket", str(socket_path(node, number)), "--threads", str(node.box.web.threads)),
    ),
    environment=lambda node: node.portal_environment,
    directory=lambda node: node.release,
    listeners=lambda node, number: (Listener(str(socket_path(node, number))),),
    health=lambda node, number: probe.http_status(
        socket_path(node, number), "/healthz", host=node.box.public_name
    ),
    memory_mb=lambda _: 768,
    backup=(),
    files=portal.files,
    files_folder=portal.FOLDER,
    instances=lambda node: node.web_workers,
    is_instanced=True,
    socket_group=users.BALANCER,
    stop_seconds=30,
    oom_score=200,
    sandbox=lambda node: Sandbox(writable=(node.run("web"),)),
)
