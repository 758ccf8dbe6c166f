"""Ports for the servers that tests start."""

from __future__ import annotations

import os
from pathlib import Path

from appliance import ports


def hold(count: int = 1) -> int:
    """The first of `count` ports in a row, which no other process is given as long as this one lives.

    A server that can take any port and keep it (0) needs none of these.
    """
    return ports.reserve(count, holder=Path(f"/proc/{os.getpid()}"), is_more=True)
