"""When an event takes place, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.registry.environment import format_date, format_time
from box.lib.recurrence_text import in_words

if TYPE_CHECKING:
    from box.apps.calendar.occurrences import Occurrence


@dataclass(frozen=True)
class When:
    """When an event is, in words: its days and times for the reader, and for whoever wrote it elsewhere."""

    text: str
    elsewhere: str
    rhythm: str


def when(one: Occurrence) -> When:
    event = one.event
    rhythm = in_words(event.recurrence, event.local_start) if event.recurrence else ""
    if event.is_all_day:
        first, last = utc_day(one.starts_at), utc_day(one.ends_at) - timedelta(days=1)
        days = format_date(first) if first == last else f"{format_date(first)} – {format_date(last)}"
        return When(_("%(days)s, all day") % {"days": days}, "", rhythm)
    here = _stretch(timezone.localtime(one.starts_at), timezone.localtime(one.ends_at))
    starts, ends = one.starts_at.astimezone(event.tz), one.ends_at.astimezone(event.tz)
    is_here = starts.utcoffset() == timezone.localtime(one.starts_at).utcoffset()
    there = f"{starts:%H:%M} – {ends:%H:%M}, {event.zone.replace('_', ' ')}"
    return When(here, "" if is_here else there, rhythm)


def _stretch(starts: datetime, ends: datetime) -> str:
    first, last = f"{format_date(starts.date())}, {_at(starts)}", _at(ends)
    if starts.date() == ends.date():
        return f"{first} – {last}"
    return f"{first} – {format_date(ends.date())}, {last}"


def _at(local: datetime) -> str:
    return format_time(local.time())


def utc_day(moment: datetime) -> date:
    """Of what lasts whole days: they begin at midnight in UTC."""
    return moment.astimezone(UTC).date()
