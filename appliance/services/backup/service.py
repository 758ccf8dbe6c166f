"""Keeps the backup up with the portal: copies new files, and begins what the schedule says."""

from __future__ import annotations

from appliance import users
from appliance.backup_file import is_set_up
from appliance.services.base import Sandbox, Service

SERVICE = Service(
    name="backup",
    title="Backup",
    order=24,
    # It reads the configuration of the whole box. What speaks to the network are engines under another user.
    user=users.ROOT,
    command=lambda node, _: (str(node.python), "-m", "backup", "serve"),
    environment=lambda node: {
        "KOROBKA_PREFIX": str(node.paths.prefix),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    },
    directory=lambda node: node.release,
    listeners=lambda _node, _number: (),
    # Whether backups are well is told by `boxctl backup status`; a target that is away makes no service ill.
    health=lambda _node, _number: None,
    memory_mb=lambda _: 512,
    backup=("backup.json, with the master key",),
    # Else there is nothing to do for it.
    is_enabled=lambda node: is_set_up(node.paths),
    stop_seconds=10,
    oom_score=200,
    sandbox=lambda _: Sandbox(trusted=True, private_tmp=False),
)
