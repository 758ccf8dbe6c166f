"""Who may what, at the addresses of this room."""

from __future__ import annotations

import io
from typing import Any

from box.core.imports.actions import begin_import
from box.core.imports.importers import importers
from tests.box.visits import ADMINISTRATORS, SIGN_IN, Cast, Visit

VISITS = (
    Visit("GET", "imports:imports", ADMINISTRATORS, of="importer"),
    Visit("POST", "imports:imports", (422, 403, 403, 403, 403, SIGN_IN), of="importer"),
    Visit("GET", "imports:run", ADMINISTRATORS, of="run"),
    Visit("POST", "imports:run", (422, 403, 403, 403, 403, SIGN_IN), of="run"),
    Visit("POST", "imports:reading", (422, 403, 403, 403, 403, SIGN_IN), of="run", data={"head": "0"}),
    Visit("POST", "imports:undoing", (422, 403, 403, 403, 403, SIGN_IN), of="run"),
    Visit("GET", "imports:problems", ADMINISTRATORS, of="run"),
)


def things(cast: Cast) -> dict[str, Any]:
    table = io.BytesIO("Фамилия;E-mail\nИванова;a@b.test\n".encode())
    return {
        "importer": "people",
        "run": begin_import(importers["people"], table, "people.csv", by=cast.olga).pk,
    }
