"""What a record was before an import corrected it, as JSON: with it the import is undone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from box.apps.crm.actions.bulk import Before
from box.apps.crm.models import Source

_DAYS = ("born_on", "begins_on", "expected_on")


def packed(before: Before, own: Mapping[str, str]) -> dict[str, Any]:
    return {
        "fields": {name: _json(value) for name, value in before.fields.items()},
        "points": [list(point) for point in before.points],
        "own": dict(own),
    }


def _json(value: Any) -> Any:
    match value:
        case Source():
            return value.pk
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
    return value


def unpacked(before: Mapping[str, Any]) -> Before:
    fields = dict(before["fields"])
    for name in _DAYS:
        if fields.get(name):
            fields[name] = date.fromisoformat(fields[name])
    if "amount" in fields:
        fields["amount"] = Decimal(fields["amount"])
    if fields.get("source"):
        fields["source"] = Source.objects.get(pk=fields["source"])
    return Before(fields, [(kind, value) for kind, value in before["points"]])
