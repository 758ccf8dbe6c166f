"""Which place a TZID means. Programs write Windows' names, paths, offsets and names of their own making
beside the names of the time zone database, and not always with a definition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar.cal import Component
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

# Tried in this order where only offsets are known, after the zone of whoever reads.
_COMMON = (
    "Europe/Moscow", "Europe/Kaliningrad", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk",
    "Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan",
    "Asia/Kamchatka", "Europe/London", "Europe/Berlin", "Europe/Helsinki", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "Asia/Kolkata", "Asia/Shanghai",
    "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip
_OFFSET = re.compile(r"(?:UTC|GMT|Etc/GMT)?\s*([+\-−])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_LONGEST_NAME = 200


@cache
def _known() -> Mapping[str, str]:
    return {name.lower(): name for name in available_timezones()}


def zone_named(tzid: str, definitions: Mapping[str, Component], fallback: str) -> str:
    """The name in the time zone database: of a known name, of its definition, of an offset, else the
    fallback."""
    tzid = tzid.strip().strip('"')[:_LONGEST_NAME]
    definition = definitions.get(tzid)
    names = [tzid, *_parts(tzid)]
    if definition is not None:
        names.append(str(definition.get("X-LIC-LOCATION", "")))
    for name in names:
        if found := _known().get(name.lower()) or WINDOWS_TO_OLSON.get(name):
            return found
    if definition is not None and (offsets := _offsets(definition)):
        return _by_offsets(offsets, fallback)
    match = _OFFSET.search(tzid)
    if match is not None:
        length = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        # Etc/GMT+3 is three hours west of Greenwich, as POSIX has it.
        is_west = (match[1] != "+") != tzid.lower().startswith("etc/")
        return _by_offsets(frozenset({-length if is_west else length}), fallback)
    return fallback


def _parts(tzid: str) -> Iterator[str]:
    """`/freeassociation.sourceforge.net/Europe/Berlin` ends with the name that is meant."""
    parts = tzid.strip("/").split("/")
    for count in (3, 2):
        if len(parts) > count:
            yield "/".join(parts[-count:])


def _offsets(definition: Component) -> frozenset[timedelta]:
    """Of the newest standard and the newest daylight saving time that are defined."""
    newest: dict[str, tuple[datetime, timedelta]] = {}
    for part in definition.subcomponents:
        start, offset = getattr(part.get("DTSTART"), "dt", None), getattr(part.get("TZOFFSETTO"), "td", None)
        if not isinstance(start, datetime) or offset is None:
            continue
        start, kind = start.replace(tzinfo=None), str(part.name)
        if kind not in newest or newest[kind][0] <= start:
            newest[kind] = start, offset
    return frozenset(offset for _start, offset in newest.values())


def _by_offsets(offsets: frozenset[timedelta], fallback: str) -> str:
    found = next((name for name in (fallback, *_COMMON) if _offsets_of(name) == offsets), None)
    if found is not None:
        return found
    length = min(offsets)
    hours = int(length.total_seconds() // 3600)
    name = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    is_whole = length == timedelta(hours=hours) and len(offsets) == 1
    return _known().get(name.lower(), fallback) if is_whole else fallback


@cache
def _offsets_of(name: str) -> frozenset[timedelta]:
    zone = ZoneInfo(name)
    # Any year of the present rules does: midwinter and midsummer.
    moments = (datetime(2026, month, 1, tzinfo=UTC).astimezone(zone) for month in (1, 7))
    return frozenset(offset for one in moments if (offset := one.utcoffset()) is not None)
