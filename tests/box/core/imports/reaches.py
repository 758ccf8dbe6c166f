"""Whom this room's tables reach."""

from __future__ import annotations

from tests.box.reach import Exported
from tests.box.visits import ADMINISTRATORS

EXPORTS = (Exported("box.core.imports.views.problems", "imports:problems", ADMINISTRATORS, of="run"),)
