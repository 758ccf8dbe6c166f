"""People go first: what takes long takes the machine's time only where nobody else wants it."""

from __future__ import annotations

import os

NICENESS = 10


def lower_priority() -> None:
    """From now on, for this process and what it starts. The kernel orders its reading and writing alike."""
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
