"""Starts the services: systemd units where systemd is PID 1, one supervisord elsewhere."""

from __future__ import annotations

from pathlib import Path

from appliance.node import Node
from appliance.supervise.base import State, Status, Supervisor, SupervisorError
from appliance.supervise.supervisord import Supervisord
from appliance.supervise.systemd import Systemd

__all__ = ["State", "Status", "Supervisor", "SupervisorError", "is_systemd_box", "supervisor_for"]


def is_systemd_box(node: Node) -> bool:
    """Whether systemd supervises this box: it is PID 1 and the box is the machine's, not a scratch one."""
    return node.paths.prefix == Path("/") and Path("/run/systemd/system").is_dir()


def supervisor_for(node: Node) -> Supervisor:
    """The supervisor of this box."""
    return Systemd(node) if is_systemd_box(node) else Supervisord(node)
