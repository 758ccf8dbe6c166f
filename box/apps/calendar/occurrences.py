"""When events take place within a stretch of time: rows in, times out, nothing asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from box.apps.calendar.models import Event

# What a page shows at most; a month of somebody who is asked to everything has some hundreds.
MOST = 3000
# Midnight of whole days is in UTC: the farthest reader's day begins so much earlier or later.
WIDEST_OFFSET = timedelta(hours=14)


@dataclass(frozen=True)
class Occurrence:
    """One time of an event; of one that does not recur its only one."""

    event: Event
    starts_at: datetime
    ends_at: datetime

    @property
    def original_at(self) -> datetime | None:
        """Which time of its series it is."""
        return self.starts_at if self.event.rule else self.event.original_at


def occurrences(events: Iterable[Event], since: datetime, before: datetime) -> list[Occurrence]:
    """All times that touch the stretch, in order."""
    found = (one for event in events for one in of_event(event, since, before))
    return sorted(islice(found, MOST), key=lambda one: (one.starts_at, -one.ends_at.timestamp()))


def of_event(event: Event, since: datetime, before: datetime) -> Iterator[Occurrence]:
    duration = event.duration
    rule = event.recurrence
    if rule is None:
        if event.starts_at < before and event.ends_at > since:
            yield Occurrence(event, event.starts_at, event.ends_at)
        return
    excluded = set(event.excluded)
    for start in rule.between(event.local_start, since - duration, before):
        if start not in excluded and start + duration > since:
            yield Occurrence(event, start, start + duration)


def occurrence_at(event: Event, at: datetime) -> Occurrence | None:
    """The time of the event that begins at this moment; None: there is none."""
    found = of_event(event, at, at + timedelta(seconds=1))
    return next((one for one in found if one.starts_at == at), None)
