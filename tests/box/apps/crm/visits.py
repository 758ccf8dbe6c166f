"""Who may what, at the addresses of this room. By their usual permissions employees reach what is their own:
anna is responsible, and boris, who shares her department, sees none of it."""

from __future__ import annotations

from typing import Any

from tests.box.apps.crm.conftest import added
from tests.box.visits import EMPLOYEES, SIGN_IN, Cast, Visit

HERS = (200, 200, 404, 404, 404, SIGN_IN)

VISITS = (
    Visit("GET", "crm:home", (302, 302, 302, 302, 404, SIGN_IN)),
    Visit("GET", "crm:list", EMPLOYEES, of="deals"),
    Visit("POST", "crm:list", (400, 400, 400, 400, 404, SIGN_IN), of="deals", data={"do": "nothing"}),
    Visit("GET", "crm:record", HERS, of="deal"),
)


def things(cast: Cast) -> dict[str, Any]:
    deal = added("deal", cast.anna, "Chairs for Rose")
    return {"deals": "deal", "deal": ("deal", deal.pk)}
