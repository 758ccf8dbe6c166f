"""The fields that a company defines for its leads, deals and clients: a set a type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.crm.actions.records import locked_record
from box.apps.crm.events import RecordChanged
from box.apps.crm.models import RecordType
from box.core.events.outbox import emit
from box.core.fields.kinds import written
from box.core.fields.sets import FieldSet
from box.core.fields.values import write_values

if TYPE_CHECKING:
    from box.apps.crm.models import Record
    from box.core.accounts.models import User
    from box.core.fields.models import Field

_ABOUT = _(
    "What your company wants to know beside what is there already. Tables that you import fill these in, too."
)
_LABELS = {
    RecordType.Id.LEAD: _("Fields of leads"),
    RecordType.Id.DEAL: _("Fields of deals"),
    RecordType.Id.CONTACT: _("Fields of contacts"),
    RecordType.Id.COMPANY: _("Fields of companies"),
    RecordType.Id.QUOTE: _("Fields of quotes"),
    RecordType.Id.INVOICE: _("Fields of invoices"),
}
SETS: Mapping[int, FieldSet] = {
    type_id.value: FieldSet(f"crm.{type_id.name.lower()}", label, _ABOUT)
    for type_id, label in _LABELS.items()
}


def set_of(type_id: int) -> FieldSet | None:
    """None for a company's own entities: theirs come with them."""
    return SETS.get(type_id)


@transaction.atomic
def set_values(record: Record, values: Mapping[Field, Sequence[Any]], *, by: User | None) -> bool:
    """Writes these values of the record; whether anything has changed. Raises PermissionDenied."""
    held = locked_record(record, by=by)
    of = SETS[held.type_id]
    changes = write_values(of, held.pk, values, by=by, audience=held.audience)
    if not changes:
        return False
    held.changed_by, held.changed_at = by, timezone.now()
    held.save(update_fields=["changed_by", "changed_at"])
    said = tuple(
        (one.field.key, written(one.field, one.before), written(one.field, one.after)) for one in changes
    )
    emit(RecordChanged(record_id=held.pk, by_id=by.pk if by else None, changes=said))
    return True
