"""Whom this room's tables reach."""

from __future__ import annotations

from tests.box.reach import Exported
from tests.box.visits import SIGN_IN

EXPORTS = (
    Exported(
        "box.core.people.views.people.people",
        "people:people",
        (200, 403, 403, 403, 404, SIGN_IN),
        query="as=csv",
    ),
)
