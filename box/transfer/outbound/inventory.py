"""What is here and would go, who of us is there, and what the webhook lacks: before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from math import ceil
from typing import Any

from box.apps.drive.models import Item
from box.core.accounts.models import User
from box.core.registry.rest import TRANSFER
from box.transfer.archive.export.own_fields import fields
from box.transfer.cloud import Cloud
from box.transfer.models import Match, Migration
from box.transfer.outbound.base import MOST_UPLOADED, OutboundStage, OutboundWork
from box.transfer.outbound.company import People
from box.transfer.outbound.stages import OUTBOUND_STAGES

# A page is looked for, sent, and completed.
_REQUESTS_A_PAGE = 2.5


def reach(cloud: Cloud) -> dict[str, Any]:
    """Whose webhook it is, and what it opens: as it is kept. Raises CloudRefused, CloudAway."""
    scopes = frozenset(cloud.call("scope") or ())
    person = cloud.call("profile") or {}
    is_administrator = person.get("ADMIN") is True
    return {
        "person": " ".join(filter(None, (person.get("NAME"), person.get("LAST_NAME")))),
        "person_id": str(person.get("ID") or ""),
        "is_administrator": is_administrator,
        "takes_over": TRANSFER in scopes and is_administrator,
        "missing_scopes": sorted({stage.scope for stage in OUTBOUND_STAGES.values()} - scopes),
    }


def take_stock(migration: Migration, cloud: Cloud) -> tuple[dict[str, Any], list[Match]]:
    """As it is kept, and who of ours is whom there. Raises CloudRefused, CloudAway."""
    opened = reach(cloud)
    work = OutboundWork(migration, cloud, takes_over=opened["takes_over"])
    counts = {key: stage.count(work.scope) for key, stage in OUTBOUND_STAGES.items()}
    going = (counts["fields"] or 0) + (counts["task-fields"] or 0)
    matches = list(_matches(work)) if People.scope not in opened["missing_scopes"] else []
    pages = sum(ceil((count or 0) / OUTBOUND_STAGES[key].at_once) for key, count in counts.items())
    found = {
        "is_outbound": True,
        "portal": cloud.portal,
        **opened,
        "counts": counts,
        "there": totals(cloud, work.mark),
        "strangers": User.objects.active().count() - len(matches),
        "large_files": Item.objects.there().filter(file__blob__size__gt=MOST_UPLOADED).count(),
        "fields_that_stay": sum(1 for _one in fields(work.scope)) - going,
        "seconds": round(pages * _REQUESTS_A_PAGE / cloud.limits.per_second, 1),
    }
    return found, matches


def totals(cloud: Cloud, mark: str) -> dict[str, int | None]:
    """How many the portal has, by the keys of stages: see `OutboundStage.total`."""
    stages: list[OutboundStage[Any]] = list(OUTBOUND_STAGES.values())
    asked = [command for stage in stages if (command := stage.total(mark)) is not None]
    unique = {one.name: one for one in asked}
    return {name: one.total for name, one in cloud.totals(list(unique.values())).items()}


def _matches(work: OutboundWork) -> Iterator[Match]:
    stage = People()
    for page in batched(stage.things(work.scope), stage.at_once, strict=False):
        found = stage.find(work, page)
        for one in page:
            if one.id in found:
                yield Match(
                    migration=work.migration, theirs=found[one.id], name=one.name, email=one.email,
                    has_left=one.status == "dismissed", user_id=one.id, way=Match.Way.EMAIL,
                )  # fmt: skip
