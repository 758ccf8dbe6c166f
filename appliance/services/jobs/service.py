"""Background work: the queue's threads, the deliveries of events, and the box's one scheduler."""

from __future__ import annotations

from appliance import users
from appliance.services import portal
from appliance.services.base import Sandbox, Service

SERVICE = Service(
    name="jobs",
    title="Background jobs",
    order=22,
    user=users.PORTAL,
    is_quarantined=True,
    command=lambda node, _: (str(node.python), "manage.py", "jobs"),
    environment=lambda node: node.portal_environment,
    directory=lambda node: node.release,
    listeners=lambda _node, _number: (),
    # It answers nobody: that its process lives is all there is to ask here, and the supervisor knows that.
    health=lambda _node, _number: None,
    memory_mb=lambda _: 1024,
    backup=(),
    files=portal.files,
    files_folder=portal.FOLDER,
    stop_seconds=30,
    oom_score=300,
    sandbox=lambda _: Sandbox(),
)
