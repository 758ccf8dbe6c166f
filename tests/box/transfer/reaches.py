"""What of a migration leaves the portal as a table."""

from __future__ import annotations

from tests.box.reach import Exported
from tests.box.visits import CONSOLE

EXPORTS = (Exported("box.transfer.views.remarks", "transfer:remarks", CONSOLE, of="migration"),)
