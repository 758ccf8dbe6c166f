"""Who may what, at the addresses of this room: administrators, and nobody beside."""

from __future__ import annotations

from typing import Any

from box.transfer.models import Export, Match, Migration
from tests.box.visits import CONSOLE, SIGN_IN, Cast, Visit, signed_in

DOES = (302, 404, 404, 404, 404, SIGN_IN)
REFUSED = (422, 404, 404, 404, 404, SIGN_IN)

VISITS = (
    Visit("GET", "transfer:list", CONSOLE),
    Visit("POST", "transfer:list", REFUSED, data={"webhook": "nonsense", "per_second": "2", "burst": "50"}),
    Visit("GET", "transfer:migration", CONSOLE, of="migration"),
    Visit("POST", "transfer:connection", REFUSED, of="migration", data={"webhook": "nonsense"}),
    Visit("GET", "transfer:people", CONSOLE, of="migration"),
    Visit("POST", "transfer:match", DOES, of="match", data={"person": ""}),
    Visit("POST", "transfer:passes", DOES, of="migration", data={"stages": "people"}),
    Visit("POST", "transfer:pause", DOES, of="migration"),
    Visit("POST", "transfer:resumption", DOES, of="migration"),
    Visit("GET", "transfer:reconciliation", CONSOLE, of="migration"),
    Visit("POST", "transfer:invitations", DOES, of="migration"),
    Visit("GET", "transfer:remarks", CONSOLE, of="migration"),
    Visit("POST", "transfer:undoing", REFUSED, of="migration"),
    Visit("POST", "transfer:removal", DOES, of="migration"),
    Visit("POST", "transfer:from-archive", REFUSED, data={"files": ""}),
    Visit("POST", "transfer:from-dump", REFUSED, data={"folder": "../etc", "portal": "company.example"}),
    Visit("GET", "transfer:outbound", CONSOLE),
    Visit(
        "POST", "transfer:outbound", REFUSED, data={"webhook": "nonsense", "per_second": "2", "burst": "50"}
    ),
    Visit("POST", "transfer:dry-run", DOES, of="migration"),
    Visit("GET", "transfer:exports", CONSOLE),
    Visit("POST", "transfer:exports", REFUSED, data={"kinds": "secrets"}),
    Visit("POST", "transfer:export-removal", DOES, of="export"),
    Visit("GET", "archives:own", signed_in(200)),
    Visit("POST", "archives:own", signed_in(422), data={"recipient": "nonsense"}),
    Visit("POST", "archives:removal", (404, 302, 404, 404, 404, SIGN_IN), of="own_export"),
)


def things(cast: Cast) -> dict[str, Any]:
    migration = Migration.objects.create(
        portal="company.example",
        webhook="",
        by=cast.olga,
        state=Migration.State.READY,
        stages=["people"],
        inventory={"person": "Anna", "counts": {"people": 3}, "hidden": {}, "seconds": 2.0},
    )
    match = Match.objects.create(migration=migration, theirs="5", name="Anna")
    return {
        "migration": migration.pk,
        "match": (migration.pk, match.pk),
        "export": Export.objects.create(by=cast.olga).pk,
        "own_export": Export.objects.create(by=cast.anna, is_own=True).pk,
    }
