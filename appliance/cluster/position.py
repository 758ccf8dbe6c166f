"""How far the leader of the database has come: noted for the portal here, which reads from replicas by it.

Source: Patroni 4.0, "Patroni REST API", `GET /patroni`: a query of the server's own at that moment.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from appliance.cluster import https
from appliance.cluster.identity import client_context
from appliance.cluster.topology import PATRONI_PORT, Role, folder
from appliance.files import write_atomically
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.balancer.runtime import BalancerAway
from appliance.services.router.service import leading

FILE = "position"
"""Beside the files that tell the portal what it must know: bytes of the log, and the moment at which all of
them had been written, in nanoseconds of the machine's monotonic clock."""
SECONDS = 2.0


def note(paths: Paths) -> bool:
    """Whether it could be noted. A note that is not made anew grows old, and is not gone by any more."""
    node = Node.load(paths)
    if Role.PORTAL not in node.cluster.me.roles:
        return False
    with suppress(BalancerAway, https.NodeAway, https.NodeRefused, KeyError, TypeError, ValueError):
        name = leading(node)
        if name is None:
            return False
        begun = time.monotonic_ns()
        said: dict[str, Any] = https.ask(
            node.cluster.topology[name].address, PATRONI_PORT, "/patroni",
            context=client_context(folder(paths)), seconds=SECONDS,
        )  # fmt: skip
        position = int(said["xlog"]["location"])
        write_atomically(paths.run / "state" / FILE, f"{position} {begun}\n", mode=0o644)
        return True
    return False
