"""What a portal has: counts by kind, what the webhook may not see, and how long it takes to fetch it all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from box.core.registry.rest import TRANSFER
from box.transfer.cloud import AT_ONCE, Cloud, Command, Outcome

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class Kind:
    """Something that a portal has many of, and the method that lists it."""

    key: str
    label: _StrOrPromise
    method: str
    scope: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


KINDS = (
    Kind("people", _("People"), "user.get", "user"),
    Kind("departments", _("Departments"), "department.get", "department"),
    Kind("groups", _("Groups"), "sonet_group.get", "sonet_group", {"IS_ADMIN": "Y"}),
    Kind("posts", _("Posts of the feed"), "log.blogpost.get", "log"),
    Kind("tasks", _("Tasks"), "tasks.task.list", "task", {"select": ["ID"]}),
    Kind("leads", _("Leads"), "crm.lead.list", "crm", {"select": ["ID"]}),
    Kind("deals", _("Deals"), "crm.deal.list", "crm", {"select": ["ID"]}),
    Kind("contacts", _("Contacts"), "crm.contact.list", "crm", {"select": ["ID"]}),
    Kind("companies", _("Companies"), "crm.company.list", "crm", {"select": ["ID"]}),
    Kind("activities", _("Activities"), "crm.activity.list", "crm", {"select": ["ID"]}),
    Kind("products", _("Products"), "crm.product.list", "crm", {"select": ["ID"]}),
    Kind("drives", _("Drives"), "disk.storage.getlist", "disk"),
    Kind("calls", _("Calls"), "voximplant.statistic.get", "telephony"),
)
UNCOUNTED = frozenset({"calendar", "vote"})
"""Permissions for what comes, and is counted by no method."""


@dataclass(frozen=True)
class Counted:
    kind: Kind
    count: int | None
    """None: the webhook does not see it, or the portal has nothing of the kind."""
    hidden: str = ""
    """The portal's word for why."""


@dataclass(frozen=True)
class Inventory:
    portal: str
    person: str
    is_administrator: bool
    """Whoever is none sees what they see, and nobody learns what is missing."""
    counted: tuple[Counted, ...]
    is_korobka: bool
    """Another one, whose webhook may also see what the cloud has no words for."""
    missing_scopes: tuple[str, ...]
    seconds: float
    """At the least, to list everything by its limits; files come on top."""


def take_stock(cloud: Cloud, kinds: Sequence[Kind] = KINDS) -> Inventory:
    """In three requests. Raises CloudRefused, CloudAway."""
    scopes = frozenset(cloud.call("scope") or ())
    person = cloud.call("profile") or {}
    totals = cloud.totals([Command(kind.key, kind.method, kind.parameters) for kind in kinds])
    counted = tuple(_counted(kind, totals[kind.key]) for kind in kinds)
    return Inventory(
        cloud.portal,
        " ".join(filter(None, (person.get("NAME"), person.get("LAST_NAME")))),
        person.get("ADMIN") is True,
        counted,
        TRANSFER in scopes,
        tuple(sorted({*(kind.scope for kind in kinds), *UNCOUNTED} - scopes)),
        _seconds((one.count or 0 for one in counted), cloud.limits.per_second),
    )


def as_json(found: Inventory) -> dict[str, Any]:
    """As it is kept, and for programs."""
    return {
        "portal": found.portal,
        "person": found.person,
        "is_administrator": found.is_administrator,
        "is_korobka": found.is_korobka,
        "missing_scopes": list(found.missing_scopes),
        "counts": {one.kind.key: one.count for one in found.counted},
        "hidden": {one.kind.key: one.hidden for one in found.counted if one.hidden},
        "seconds": round(found.seconds, 1),
    }


def _counted(kind: Kind, outcome: Outcome) -> Counted:
    return Counted(kind, outcome.total, str(outcome.refused) if outcome.refused else "")


def _seconds(counts: Iterable[int], per_second: float) -> float:
    return sum(ceil(count / AT_ONCE**2) for count in counts) / per_second
