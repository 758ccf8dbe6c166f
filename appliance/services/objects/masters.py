"""What this node's master knows of the others: SeaweedFS's masters agree on where files are."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException

from appliance.bounded_server import cut_off_after
from appliance.node import Node
from appliance.services.objects.service import Ports, address

_SECONDS = 3.0
_MOST_BYTES = 64 << 10


def leader(node: Node) -> str:
    """The address (`Member.loopback`) of the one that leads. Empty where none does, or nothing is said."""
    connection = HTTPConnection(address(node), Ports(node.box.objects.port).master, timeout=_SECONDS)
    try:
        connection.connect()
        # It is a service's word, and root is who asks.
        with cut_off_after(connection.sock, _SECONDS):
            connection.request("GET", "/cluster/status")
            said = json.loads(connection.getresponse().read(_MOST_BYTES))
    except (OSError, HTTPException, ValueError, RecursionError):
        return ""
    finally:
        connection.close()
    known = said.get("Leader") if isinstance(said, dict) else None
    return known.partition(":")[0] if isinstance(known, str) else ""
