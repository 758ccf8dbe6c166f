"""The fields that a company defines for its leads, deals and clients: a set a type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from box.apps.crm.catalog import catalog
from box.apps.crm.models import RecordType
from box.core.fields.sets import FieldSet

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


def set_of(type_id: int) -> FieldSet:
    return SETS.get(type_id) or _own_set(catalog().types[type_id])


def own_sets() -> list[FieldSet]:
    """Of a company's own entities, those that are out of use too."""
    return [_own_set(one) for one in catalog().types.values() if not one.is_built_in]


def all_sets() -> Iterable[FieldSet]:
    return (*SETS.values(), *own_sets())


def _own_set(kind: RecordType) -> FieldSet:
    return FieldSet(f"crm.t{kind.pk}", gettext("Fields: %(type)s") % {"type": kind.label}, _ABOUT)
