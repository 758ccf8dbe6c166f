"""Writing what a record has in a company's own fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction

from box.apps.crm.actions.records import locked_record
from box.apps.crm.custom_fields import set_of
from box.apps.crm.events import RecordChanged
from box.apps.crm.field_rights import check_changeable, check_seen
from box.core.events.outbox import emit
from box.core.fields.values import write_values
from box.core.registry.origin import moment

if TYPE_CHECKING:
    from box.apps.crm.models import Record
    from box.core.accounts.models import User
    from box.core.fields.models import Field


@transaction.atomic
def set_values(record: Record, values: Mapping[Field, Sequence[Any]], *, by: User | None) -> bool:
    """Writes these values of the record; whether anything has changed. Raises PermissionDenied."""
    held = locked_record(record, by=by)
    check_seen(by, held.type_id, [field.key for field in values])
    of = set_of(held.type_id)
    changes = write_values(of, held.pk, values, by=by, audience=held.audience)
    if not changes:
        return False
    check_changeable(by, held.type_id, [one.field.key for one in changes])
    held.changed_by, held.changed_at = by, moment()
    held.save(update_fields=["changed_by", "changed_at"])
    said = tuple((one.field.key, *one.told()) for one in changes)
    emit(RecordChanged(record_id=held.pk, by_id=by.pk if by else None, changes=said))
    return True
