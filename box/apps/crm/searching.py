"""Leads, deals and clients are found by name, number, address and tax number, by whoever sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from box.apps.crm.events import (
    AudiencesChanged,
    MergerTakenBack,
    ObserversChanged,
    RecordAdded,
    RecordChanged,
    RecordMoved,
    RecordsBroughtBack,
    RecordsDeleted,
    RecordsMerged,
    ResponsibleChanged,
)
from box.apps.crm.models import ContactPoint, Record, RecordType
from box.core.registry.capabilities import Findable, Searchable, Touched

if TYPE_CHECKING:
    from box.apps.crm.models.records import RecordQuerySet

LONGEST_COMMENT = 2000
FIRST_OWN = 1030

_TOUCHED: Mapping[type[Any], Callable[[Any], Touched]] = {
    **dict.fromkeys(
        (RecordAdded, RecordChanged, RecordMoved, ResponsibleChanged, ObserversChanged),
        lambda event: Touched([event.record_id]),
    ),
    **dict.fromkeys(
        (RecordsDeleted, RecordsBroughtBack, AudiencesChanged), lambda event: Touched(event.record_ids)
    ),
    RecordsMerged: lambda event: Touched([event.record_id, *event.merged_ids]),
    MergerTakenBack: lambda event: Touched([event.record_id, event.parted_id]),
}


def _searchable(label: Any, icon: str, order: int, rows: Callable[[], RecordQuerySet]) -> Searchable:
    def read(ids: Sequence[int]) -> Iterable[Findable]:
        found = list(rows().filter(pk__in=ids).select_related("type"))
        points: dict[int, list[str]] = defaultdict(list)
        for point in ContactPoint.objects.filter(record__in=found):
            # As it is written, and as it is dialled without a country.
            points[point.record_id] += [point.value, point.normal.lstrip("+"), point.normal[-10:]]
        for record in found:
            words = (record.position, record.tax_number, record.address, record.comment[:LONGEST_COMMENT])
            yield Findable(
                id=record.pk,
                title=record.title,
                body="\n".join(filter(None, [str(record.pk), *points[record.pk], *words])),
                url=record.get_absolute_url(),
                audience=record.audience,
                at=record.created_at,
            )

    return Searchable(label=label, icon=icon, order=order, read=read, rows=rows, touched_by=_TOUCHED)


def _of_type(type_id: int) -> Callable[[], RecordQuerySet]:
    return lambda: Record.objects.there().of_type(type_id)


SEARCHABLES: Mapping[str, Searchable] = {
    "crm.contact": _searchable(_("Contacts"), "address-book", 40, _of_type(RecordType.Id.CONTACT)),
    "crm.company": _searchable(_("Companies"), "building", 41, _of_type(RecordType.Id.COMPANY)),
    "crm.deal": _searchable(_("Deals"), "heart-handshake", 42, _of_type(RecordType.Id.DEAL)),
    "crm.lead": _searchable(_("Leads"), "target-arrow", 43, _of_type(RecordType.Id.LEAD)),
    "crm.quote": _searchable(_("Quotes"), "file-text", 44, _of_type(RecordType.Id.QUOTE)),
    "crm.invoice": _searchable(_("Invoices"), "file-invoice", 45, _of_type(RecordType.Id.INVOICE)),
    "crm.record": _searchable(
        _("Other records of the CRM"), "box", 46, lambda: Record.objects.there().filter(type__gte=FIRST_OWN)
    ),
}
