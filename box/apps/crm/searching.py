"""Leads, deals and clients are found by name, number, address and tax number, by whoever sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

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
from box.apps.crm.models import ContactPoint, Paper, Record
from box.core.registry.capabilities import Findable, Searchable, Touched

LONGEST_COMMENT = 2000

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


def _read(ids: Sequence[int]) -> Iterable[Findable]:
    found = list(Record.objects.there().filter(pk__in=ids).select_related("type"))
    points: dict[int, list[str]] = defaultdict(list)
    for point in ContactPoint.objects.filter(record__in=found):
        # As it is written, and as it is dialled with and without a country.
        points[point.record_id] += [point.value, point.normal.lstrip("+"), point.normal[-10:]]
    numbers = dict(Paper.objects.filter(record__in=found).values_list("record", "number"))
    for record in found:
        points[record.pk] += [numbers[record.pk]] if record.pk in numbers else []
        words = (record.position, record.tax_number, record.address, record.comment[:LONGEST_COMMENT])
        yield Findable(
            id=record.pk,
            title=record.title,
            body="\n".join(filter(None, [str(record.pk), *points[record.pk], *words])),
            url=record.get_absolute_url(),
            audience=record.audience,
            at=record.created_at,
        )


# One kind for all types: each kind that is searched for costs every write of a record a delivery.
RECORDS = Searchable(
    label=_("Leads, deals and clients"),
    icon="heart-handshake",
    order=40,
    read=_read,
    rows=Record.objects.there,
    touched_by=_TOUCHED,
)
