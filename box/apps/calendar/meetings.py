"""What the page of a meeting shows, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from box.apps.calendar.access import can_keep_minutes
from box.apps.calendar.models import Attendance, Decision, Meeting, Present, Topic
from box.core.registry.capabilities import Card, cards_of

if TYPE_CHECKING:
    from box.apps.calendar.models import Event
    from box.apps.calendar.occurrences import Occurrence
    from box.core.accounts.models import User


@dataclass(frozen=True)
class TopicShown:
    topic: Topic
    begins_at: datetime | None
    """By the agenda; nothing once nobody has said how long a topic before it takes."""


@dataclass(frozen=True)
class DecisionShown:
    decision: Decision
    work: Card | None


@dataclass(frozen=True)
class Page:
    meeting: Meeting
    event: Event
    starts_at: datetime
    topics: Sequence[TopicShown]
    decisions: Sequence[DecisionShown]
    attendances: Sequence[Attendance]
    present: frozenset[int]
    can_write: bool
    planned_minutes: int
    length_minutes: int

    @property
    def is_too_much(self) -> bool:
        """More is planned than there is time for."""
        return self.planned_minutes > self.length_minutes


def meeting_at(occurrence: Occurrence) -> Meeting | None:
    """Of this time, where one was begun."""
    event = occurrence.event
    found = Meeting.objects.filter(event=event.series_id or event.pk)
    if occurrence.original_at is not None:
        found = found.filter(at=occurrence.original_at)
    return found.first()


def page_of(meeting: Meeting, *, reader: User) -> Page:
    event = meeting.held_as
    topics = list(meeting.topics.order_by("position", "id"))
    decisions = list(meeting.decisions.select_related("responsible", "topic").order_by("id"))
    works = cards_of([one.work for one in decisions if one.work is not None], reader)
    rows = event.attendances.exclude(answer=Attendance.Answer.DECLINED).select_related("user")
    present = Present.objects.filter(meeting=meeting).values_list("user", flat=True)
    starts_at = meeting.at if event.rule else event.starts_at
    return Page(
        meeting,
        event,
        starts_at,
        _timed(topics, starts_at),
        [DecisionShown(one, works.get(one.work) if one.work else None) for one in decisions],
        list(rows.order_by("user__sort_name", "id")),
        frozenset(present),
        can_keep_minutes(reader, event),
        sum(one.planned_minutes or 0 for one in topics),
        int(event.duration / timedelta(minutes=1)),
    )


def _timed(topics: Sequence[Topic], starts_at: datetime) -> list[TopicShown]:
    found: list[TopicShown] = []
    at: datetime | None = starts_at
    for one in topics:
        found.append(TopicShown(one, at))
        at = at + timedelta(minutes=one.planned_minutes) if at and one.planned_minutes else None
    return found
