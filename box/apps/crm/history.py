"""What of a record's history is for whom: changes of a field for whoever sees the field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Record
from box.core.fields.values import as_read

if TYPE_CHECKING:
    from box.apps.crm.field_rights import RecordFields
    from box.core.accounts.models import User
    from box.core.history.models import Line
    from box.core.registry.capabilities import Ref

_CHANGES = "changes"

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
    seen = [_seen(line, fields) for line in lines]
    changes = [change for details in seen if details for change in details.get(_CHANGES, ())]
    called = iter(as_read(changes, {field.key: field for field in set_of(type_id).fields}, reader))
    return [
        {**details, _CHANGES: [next(called) for _change in details[_CHANGES]]}
        if details and _CHANGES in details
        else details
        for details in seen
    ]


def _seen(line: Line, fields: RecordFields) -> Mapping[str, Any] | None:
    if not fields.sees(_OF_FIELDS.get(line.kind, "title")):
        return None
    details: Mapping[str, Any] = line.details
    if line.kind != "crm.changed":
        return details
    told = fields.told(details.get(_CHANGES, ()))
    return {**details, _CHANGES: told} if told else None
