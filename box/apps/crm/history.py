"""What of a record's history is for whom: changes of a field for whoever sees the field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Record
from box.core.history.redaction import CHANGES, with_own_fields

if TYPE_CHECKING:
    from box.apps.crm.field_rights import RecordFields
    from box.core.accounts.models import User
    from box.core.history.models import Line
    from box.core.registry.capabilities import Ref

_OF_FIELDS: Mapping[str, str] = {
    "crm.payment": "amount",
    "crm.payment-removed": "amount",
    "crm.observed": "observers",
    "crm.unobserved": "observers",
}
"""By the kind of a line the field that it tells of."""


def redactor(ref: Ref, reader: User, lines: Sequence[Line]) -> list[Mapping[str, Any] | None]:
    """See `box.core.history.redaction`."""
    type_id = Record.objects.filter(pk=ref.id).values_list("type_id", flat=True).first()
    return redacted(lines, reader, type_id) if type_id else [None for _line in lines]


def redacted(lines: Iterable[Line], reader: User, type_id: int) -> list[Mapping[str, Any] | None]:
    """Of each line what this reader may read, None for one that is not for them; what fields of the company's
    own point at is called as the reader sees it, in a query or two a kind of it."""
    fields = fields_for(reader, type_id)
    return with_own_fields([_seen(line, fields) for line in lines], set_of(type_id), reader)


def _seen(line: Line, fields: RecordFields) -> Mapping[str, Any] | None:
    if not fields.sees(_OF_FIELDS.get(line.kind, "title")):
        return None
    details: Mapping[str, Any] = line.details
    if line.kind != "crm.changed":
        return details
    told = fields.told(details.get(CHANGES, ()))
    return {**details, CHANGES: told} if told else None
