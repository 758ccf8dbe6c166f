"""Processor time of a box's services: all of them together are what an answer costs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from appliance.supervise.processes import marked


def spent_by(prefix: Path) -> dict[str, float]:
    """CPU seconds of each service of the box so far."""
    services, spent = services_of(prefix), dict[str, float]()
    parents = {process.pid: process for process in psutil.process_iter()}
    for process in parents.values():
        with suppress(psutil.NoSuchProcess):
            # PostgreSQL's children, for one, carry no mark of their own.
            pid: int | None = process.pid
            while pid and pid not in services:
                pid = parents[pid].ppid() if pid in parents else None
            if pid:
                times = process.cpu_times()
                spent[services[pid]] = spent.get(services[pid], 0) + times.user + times.system
    return spent


@cache
def services_of(prefix: Path) -> dict[int, str]:
    """By the ids of its processes. Asking takes a second: who starts others clears the cache."""
    return {pid: instance.partition("@")[0] for pid, instance in marked(prefix).items()}


def difference(before: Mapping[str, float], after: Mapping[str, float], count: float) -> dict[str, float]:
    """Milliseconds of one of so many, without what is not worth saying."""
    each = {service: (after[service] - before.get(service, 0)) / count * 1000 for service in after}
    return {service: ms for service, ms in each.items() if ms >= 0.01}
