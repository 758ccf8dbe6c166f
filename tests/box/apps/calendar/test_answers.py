"""What those who were invited answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.calendar.actions import answer_event
from box.core.events.models import Event as Told
from box.lib.moments import LATEST
from tests.box.apps.calendar.conftest import TEN, draft, planned

if TYPE_CHECKING:
    from box.apps.calendar.models import Attendance, Event
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def event(anna: User, boris: User) -> Event:
    return planned(anna, draft(invited=(f"U{boris.pk}",)))


def answered(event: Event, person: User) -> Attendance:
    return event.attendances.get(user=person)


def test_only_who_is_invited_answers_and_with_yes_no_or_maybe(event: Event, boris: User, cara: User) -> None:
    with pytest.raises(ValidationError, match="not invited"):
        answer_event(event, "accepted", by=cara)
    for answer in ("waiting", "perhaps", ""):
        with pytest.raises(ValidationError, match="yes, no or maybe"):
            answer_event(event, answer, by=boris)
    assert answered(event, boris).answered_at is None


def test_an_answer_is_ones_own_and_told_of(event: Event, anna: User, boris: User) -> None:
    answer_event(event, "tentative", by=boris)
    assert answered(event, boris).answer == "tentative"
    assert answered(event, boris).answered_at is not None
    assert answered(event, anna).answer == "accepted"
    (told,) = Told.objects.filter(kind="calendar.EventAnswered")
    assert told.payload == {"event_id": event.pk, "user_id": boris.pk, "answer": "tentative"}


def test_another_time_is_proposed_by_who_does_not_come_alone(event: Event, boris: User) -> None:
    later = TEN + HOUR
    for answer, proposed in (
        ("declined", later),
        ("tentative", None),
        ("declined", later),
        ("accepted", None),
    ):
        answer_event(event, answer, proposed_at=later, by=boris)
        assert answered(event, boris).proposed_at == proposed
    with pytest.raises(ValidationError, match="too far away"):
        answer_event(event, "declined", proposed_at=LATEST + HOUR, by=boris)


def test_a_word_with_the_answer_is_one_line_and_has_an_end(event: Event, boris: User) -> None:
    answer_event(event, "declined", comment=f" On \n leave {'x' * 300}", by=boris)
    assert answered(event, boris).comment == f"On leave {'x' * 291}"
