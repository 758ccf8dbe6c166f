"""Whether PBXs are heard of, and whether what they ask while a call comes in is answered."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from appliance.node import Node
from installer.findings import Finding
from installer.portal_commands import manage

_SECONDS = 3


def findings(node: Node) -> Iterator[Finding]:
    told = manage(node, node.release, "telephony", "status", "--json", check=False)
    if told.code != 0:
        # What is wrong with the portal itself is found elsewhere.
        return
    with suppress(json.JSONDecodeError):
        for pbx in json.loads(told.stdout):
            yield from of_pbx(node, pbx)


def of_pbx(node: Node, pbx: dict[str, Any]) -> Iterator[Finding]:
    """`pbx` as `boxctl telephony status --json` tells it."""
    if pbx["trouble"]:
        yield Finding(
            "telephony", f"The PBX {pbx['name']} is not heard: {pbx['trouble']}", "boxctl telephony test",
            is_warning=True,
        )  # fmt: skip
    # In a cluster one node listens, which need not be this one.
    if pbx["asks_at"] and not node.membership and not _answers(pbx["asks_at"], pbx["asks_port"]):
        where = f"{pbx['asks_at']}, port {pbx['asks_port']}"
        yield Finding(
            "telephony",
            f"Nothing answers the PBX {pbx['name']} at {where}: its calls go on, and nobody is rung first.",
            f"Give an address of this machine under Console, Telephony, {pbx['name']}, Numbers; then: boxctl"
            " restart telephony.",
            is_warning=True,
        )


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=_SECONDS).close()
    except OSError:
        return False
    return True
