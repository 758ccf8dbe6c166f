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
from box.apps.crm.field_rights import SEARCHED, hidden_from_some
from box.apps.crm.models import ContactPoint, Paper, Record
from box.core.registry.capabilities import Findable, Searchable, Touched

LONGEST_COMMENT = 2000
_TEXTS = ("position", "tax_number", "address", "comment")

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
    """What is hidden from somebody is found by nobody: the index has one text for all who see a record."""
    found = list(Record.objects.there().filter(pk__in=ids).select_related("type"))
    points: dict[int, list[str]] = defaultdict(list)
    hidden = {pk: hidden_from_some(pk, SEARCHED) for pk in {record.type_id for record in found}}
    reached = [record for record in found if "reached_by" not in hidden[record.type_id]]
    for point in ContactPoint.objects.filter(record__in=reached):
        # As it is written, and as it is dialled with and without a country.
        points[point.record_id] += [point.value, point.normal.lstrip("+"), point.normal[-10:]]
    numbers = dict(Paper.objects.filter(record__in=found).values_list("record", "number"))
    for record in found:
        points[record.pk] += [numbers[record.pk]] if record.pk in numbers else []
        texts = {name: getattr(record, name) for name in _TEXTS if name not in hidden[record.type_id]}
        words = [text[:LONGEST_COMMENT] for text in texts.values()]
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
