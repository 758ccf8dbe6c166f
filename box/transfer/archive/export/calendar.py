"""What takes place, and who takes part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from box.apps.calendar.models import Attendance, Event
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, grouped, walked, word


def events(scope: Scope) -> Iterator[records.Event]:
    """Series before the times that are unlike them."""
    rows = scope.seen(Event.objects.all()).there().filter(scope.within("starts_at"))
    if scope.filters.groups:
        rows = rows.filter(calendar__code__in=scope.group_codes)
    if scope.person:
        rows = rows.filter(Q(organizer=scope.person))
    for part in (rows.filter(series=None), rows.exclude(series=None)):
        for page in walked(part.select_related("calendar")):
            coming = grouped(
                Attendance.objects.filter(event__in=page).order_by("id"), lambda one: one.event_id
            )
            otherwise = grouped(Event.objects.there().filter(series__in=page), lambda one: one.series_id or 0)
            for row in page:
                scope.name(row.organizer_id, *(one.user_id for one in coming[row.pk]))
                yield _event(row, coming[row.pk], {one.original_at for one in otherwise[row.pk]})


def _event(row: Event, coming: list[Attendance], otherwise: set[datetime | None]) -> records.Event:
    return records.Event(
        id=row.pk, calendar=row.calendar.code, title=row.title, description=row.description, place=row.place,
        starts_at=row.starts_at, ends_at=row.ends_at, is_all_day=row.is_all_day, zone=row.zone, rule=row.rule,
        excluded=[at for at in row.excluded if at not in otherwise],
        is_confidential=row.is_confidential, is_free=row.is_free,
        organizer=row.organizer_id, created_at=row.created_at,
        series=row.series_id, original_at=row.original_at,
        attendees=[
            records.Attendee(person=one.user_id, answer=word(one.answer), comment=one.comment)
            for one in coming
        ],
    )  # fmt: skip
