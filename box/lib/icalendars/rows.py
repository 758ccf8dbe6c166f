"""A calendar as rows of a table, a row an event: what imports preview, take in and undo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from box.lib.icalendars.parser import read

if TYPE_CHECKING:
    from box.lib.icalendars.parser import Item

HEADS = (
    *("Title", "Starts", "Ends", "All day", "Time zone", "Repeats", "Except", "Instead of"),
    *("Place", "Description", "Private", "Free", "Reminder", "UID"),
)


def rows(data: bytes, *, zone: str) -> Iterator[tuple[str, ...]]:
    """The headings, then the events, each series before the times of it that are otherwise. Raises
    NotCalendar."""
    found = [one for one in read(data, zone=zone).items if one.kind == "VEVENT" and not one.is_cancelled]
    yield HEADS
    for one in sorted(found, key=lambda item: item.original_at is not None):
        yield _row(one)


def _row(item: Item) -> tuple[str, ...]:
    return (
        item.title,
        _written(item, item.starts_at),
        _written(item, item.ends_at),
        "1" if item.is_all_day else "",
        item.zone,
        item.rule,
        " ".join(_exact(one) for one in item.excluded),
        _exact(item.original_at) if item.original_at else "",
        item.place,
        item.description,
        "1" if item.is_confidential else "",
        "1" if item.is_free else "",
        str(item.alarms[0]) if item.alarms else "",
        item.uid,
    )


def _written(item: Item, moment: datetime | None) -> str:
    """As people read it: a day, or the time of the event's own place with its offset."""
    if moment is None:
        return ""
    if item.is_all_day:
        return moment.astimezone(UTC).date().isoformat()
    return moment.astimezone(ZoneInfo(item.zone)).isoformat(" ", "minutes")


def _exact(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
