from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.calendar.access import readers_of
from box.apps.calendar.demo import plan
from box.apps.calendar.models import Event, Room
from box.core.registry.demo import Company

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def test_what_the_company_has_planned_is_as_if_people_had(anna: User, boris: User, sales: Department) -> None:
    people, departments = [anna.pk, boris.pk], {sales.pk: sales.path}
    company = Company(
        employees=2, posts=0, now=timezone.now(), random=Random(1), people=people, departments=departments
    )
    plan(company)
    assert Room.objects.count() == 2
    events = list(Event.objects.select_related("calendar"))
    assert len(events) == 5
    for event in events:
        present = set(event.attendances.values_list("user_id", flat=True))
        assert event.organizer_id in present
        assert event.audience == readers_of(event, present)
        assert {one.span for one in event.attendances.all()} == {event.span}
    assert [event.span.upper for event in events if event.rule] == [None]
