"""Whom this room's results and tables reach."""

from __future__ import annotations

from box.core.org.actions import create_department
from tests.box.reach import Exported, Found
from tests.box.visits import SIGN_IN

FOUND = (
    Found(
        "org.department",
        lambda world, word: create_department(word, parent=world.cast.sales, by=None),
        "olga anna boris cara",
    ),
)
EXPORTS = (
    Exported("box.core.org.views.people", "org:people", (200, 403, 403, 403, 404, SIGN_IN), query="as=csv"),
)
