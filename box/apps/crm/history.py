"""What of a record's history is for whom: changes of a field for whoever sees the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Record

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.history.redaction import Redact
    from box.core.registry.capabilities import Ref

_OF_FIELDS: Mapping[str, str] = {
    "crm.payment": "amount",
    "crm.payment-removed": "amount",
    "crm.observed": "observers",
    "crm.unobserved": "observers",
}
"""By the kind of a line the field that it tells of."""


def redactor(ref: Ref, reader: User) -> Redact:
    """See `box.core.history.redaction`; in one query."""
    type_id = Record.objects.filter(pk=ref.id).values_list("type_id", flat=True).first()
    return redaction_for(reader, type_id or 0)


def redaction_for(reader: User, type_id: int) -> Redact:
    fields = fields_for(reader, type_id)

    def redact(kind: str, details: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not fields.sees(_OF_FIELDS.get(kind, "title")):
            return None
        if kind != "crm.changed":
            return details
        told = fields.told(details.get("changes", ()))
        return {**details, "changes": told} if told else None

    return redact
