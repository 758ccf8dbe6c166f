"""The bridge to the company's PBXs, once `telephony.enabled` is set."""

from __future__ import annotations

from appliance import users
from appliance.services import portal
from appliance.services.base import Sandbox, Service

SERVICE = Service(
    name="telephony",
    title="Telephony",
    order=23,
    user=users.PORTAL,
    is_quarantined=True,
    command=lambda node, _: (str(node.python), "manage.py", "telephony", "run"),
    environment=lambda node: node.portal_environment,
    directory=lambda node: node.release,
    # It calls the PBX. Where PBXs ask about calls that come in is set in the portal: `doctor` looks there.
    listeners=lambda _node, _number: (),
    # How each PBX is, the portal's own pages tell: that one is away is no fault of this machine.
    health=lambda _node, _number: None,
    memory_mb=lambda _: 512,
    backup=(),
    is_enabled=lambda node: node.box.telephony.enabled,
    files=portal.files,
    files_folder=portal.FOLDER,
    stop_seconds=25,
    oom_score=300,
    sandbox=lambda _: Sandbox(),
)
