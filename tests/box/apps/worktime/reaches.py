"""Whom this room's messages and tables reach."""

from __future__ import annotations

from box.apps.worktime.actions import take_step
from box.apps.worktime.clock import Step
from tests.box.apps.worktime.visits import MINE
from tests.box.reach import Exported, Push
from tests.box.visits import SIGN_IN

PUSHES = (Push("worktime", "clock", lambda world: take_step(Step.START, by=world.cast.anna), "anna"),)
EXPORTS = (
    Exported(
        "box.apps.worktime.export.table_of",
        "worktime:team-export",
        (200, 404, 404, 404, 404, SIGN_IN),
        of="csv",
    ),
    Exported("box.apps.worktime.views.reports.reports", "worktime:reports", MINE, query="as=csv"),
)
