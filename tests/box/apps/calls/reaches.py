"""Whom this room's messages and tables reach."""

from __future__ import annotations

from box.apps.calls.actions.logging import tell
from box.bridges.telephony.actions import ask_pbx, refuse_command
from box.bridges.telephony.models import Pbx
from box.core.events.delivery import deliver_all
from tests.box.reach import Exported, Push, World
from tests.box.visits import CONSOLE, EMPLOYEES


def _refused(world: World) -> None:
    anna = world.cast.anna
    branch = Pbx.objects.create(name="branch", host="pbx.corp.test")
    refuse_command(ask_pbx(branch, "Hangup", {}, by=anna), "No such channel")
    deliver_all()


PUSHES = (
    Push("calls", "now", lambda world: tell([world.cast.anna.pk, world.cast.boris.pk], 1), "anna boris"),
    Push("calls", "refused", _refused, "anna"),
)

# The rows are those that the list shows: `visible_to`.
EXPORTS = (
    Exported("box.apps.calls.views.log.log", "calls:log", EMPLOYEES, query="as=csv"),
    Exported("box.apps.calls.views.reports.table", "calls:report-table", EMPLOYEES, query="of=people&as=csv"),
    Exported("box.apps.calls.views.setup.extension_table", "calls:extension-table", CONSOLE, of="pbx"),
)
