"""The node's part in the cluster: tells how it is, follows what all agree on, lets others in by a token."""

from __future__ import annotations

from appliance import users
from appliance.cluster import credentials
from appliance.cluster.topology import MEMBER_PORT
from appliance.services.base import Listener, Sandbox, Service

SERVICE = Service(
    name="member",
    title="Member of the cluster",
    order=8,
    user=users.ROOT,
    command=lambda node, _: (str(node.python), "-m", "appliance.cluster.member"),
    environment=lambda node: {
        "KOROBKA_PREFIX": str(node.paths.prefix),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    },
    directory=lambda node: node.release,
    listeners=lambda node, _: (Listener(node.cluster.me.address, MEMBER_PORT, is_public=True),),
    health=lambda node, _: credentials.probe(node, MEMBER_PORT, "/healthz"),
    memory_mb=lambda _: 256,
    backup=("the cluster's own authority",),
    stop_seconds=10,
    oom_score=-200,
    sandbox=lambda _: Sandbox(trusted=True, private_tmp=False),
)
