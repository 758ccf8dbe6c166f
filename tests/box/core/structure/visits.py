"""Who may what, at the addresses of this room."""

from __future__ import annotations

from typing import Any

from tests.box.visits import ADMINISTRATORS, EMPLOYEES, SIGN_IN, Cast, Visit

VISITS = (
    Visit("GET", "structure:structure", EMPLOYEES),
    Visit("GET", "structure:chart", EMPLOYEES),
    Visit("POST", "structure:undo", (409, 403, 403, 403, 403, SIGN_IN), data={"note": "forged"}),
    Visit("GET", "structure:departments", ADMINISTRATORS),
    Visit("POST", "structure:departments", (422, 403, 403, 403, 403, SIGN_IN), data={"name": ""}),
    Visit("GET", "structure:department", EMPLOYEES, of="department"),
    Visit("DELETE", "structure:department", (409, 403, 403, 403, 404, SIGN_IN), of="department"),
    Visit("GET", "structure:department-people", EMPLOYEES, of="department"),
    Visit("GET", "structure:name", ADMINISTRATORS, of="department"),
    Visit(
        "POST", "structure:name", (302, 403, 403, 403, 403, SIGN_IN), of="department", data={"name": "New"}
    ),
    Visit("GET", "structure:place", ADMINISTRATORS, of="department"),
    Visit(
        "POST", "structure:place", (422, 403, 403, 403, 403, SIGN_IN), of="department", data={"under": "0"}
    ),
    Visit("GET", "structure:merger", ADMINISTRATORS, of="department"),
    Visit(
        "POST", "structure:merger", (422, 403, 403, 403, 403, SIGN_IN), of="department", data={"into": "0"}
    ),
    Visit("GET", "structure:members", ADMINISTRATORS, of="department"),
    Visit(
        "POST", "structure:members", (422, 403, 403, 403, 403, SIGN_IN), of="department", data={"person": "x"}
    ),
    Visit(
        "POST",
        "structure:membership",
        (302, 403, 403, 403, 403, SIGN_IN),
        of="membership",
        data={"role": "head"},
    ),
    Visit("DELETE", "structure:membership", (302, 403, 403, 403, 403, SIGN_IN), of="membership"),
    Visit("GET", "structure:transfer", ADMINISTRATORS, of="membership"),
    Visit(
        "POST", "structure:transfer", (422, 403, 403, 403, 403, SIGN_IN), of="membership", data={"to": "0"}
    ),
)


def things(cast: Cast) -> dict[str, Any]:
    return {
        "department": cast.sales.pk,
        "membership": cast.sales.memberships.get(user=cast.anna).pk,
    }
