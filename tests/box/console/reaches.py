"""Whom this room's tables reach."""

from __future__ import annotations

from tests.box.reach import Exported
from tests.box.visits import CONSOLE

EXPORTS = (Exported("box.console.audit.views.records", "console:audit", CONSOLE, query="as=csv"),)
