"""Whom this room's results reach."""

from __future__ import annotations

from tests.box.reach import Exported
from tests.box.visits import CONSOLE

EXPORTS = (Exported("box.rest.views.everybodys", "rest:everybodys", CONSOLE, query="as=csv"),)
