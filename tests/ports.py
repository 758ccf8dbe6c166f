"""Ports for the servers that tests start."""

from __future__ import annotations

import os
from pathlib import Path

from appliance import ports
from appliance.services.objects.service import reserve_ports


def hold(count: int = 1) -> int:
    """The first of `count` ports in a row, which no other process is given as long as this one lives.

    A server that can take any port and keep it (0) needs none of these.
    """
    return ports.reserve(count, holder=_me(), is_more=True)


def hold_store() -> int:
    """Those of a store of the tests' own."""
    return reserve_ports(_me(), is_more=True)


def _me() -> Path:
    return Path(f"/proc/{os.getpid()}")
