from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.calendar.access import readers_of
from box.apps.calendar.demo import plan
from box.apps.calendar.models import Event, Room
from box.apps.calendar.occurrences import of_event
from box.core.registry.demo import Company

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def planned(now: datetime, people: list[User], department: Department) -> None:
    plan(
        Company(
            employees=len(people), posts=0, now=now, random=Random(1),
            people=[one.pk for one in people], departments={department.pk: department.path},
        )
    )  # fmt: skip


def test_what_the_company_has_planned_is_as_if_people_had(anna: User, boris: User, sales: Department) -> None:
    planned(timezone.now(), [anna, boris], sales)
    assert Room.objects.count() == 2
    events = list(Event.objects.select_related("calendar"))
    assert len(events) == 5
    for event in events:
        present = set(event.attendances.values_list("user_id", flat=True))
        assert event.organizer_id in present
        assert event.audience == readers_of(event, present)
        assert {one.span for one in event.attendances.all()} == {event.span}
    assert [event.span.upper for event in events if event.rule] == [None]


@pytest.mark.parametrize("day", range(7))
def test_a_series_begins_on_a_day_of_its_rule_whatever_day_it_is(
    day: int, anna: User, sales: Department
) -> None:
    planned(datetime(2026, 11, 2, 20, 30, tzinfo=UTC) + timedelta(days=day), [anna], sales)
    series = Event.objects.exclude(rule="").get()
    first = next(of_event(series, series.starts_at - timedelta(days=1), series.starts_at + timedelta(days=7)))
    assert first.starts_at == series.starts_at
