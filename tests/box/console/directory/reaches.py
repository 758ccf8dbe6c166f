"""Who comes by what of the directories."""

from __future__ import annotations

from tests.box.reach import Exported
from tests.box.visits import CONSOLE

EXPORTS = (
    Exported(
        "box.console.directory.runs.run", "console:directory:run", CONSOLE, of="directory-run", query="as=csv"
    ),
    Exported(
        "box.console.directory.views.overview",
        "console:directory:overview",
        CONSOLE,
        of="directory",
        query="as=csv",
    ),
    Exported(
        "box.console.directory.conflicts.conflicts",
        "console:directory:conflicts",
        CONSOLE,
        of="directory",
        query="as=csv",
    ),
)
