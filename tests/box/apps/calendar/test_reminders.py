from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.calendar.actions import Scope, answer_event, choose_reminder, move_event, remove_event
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, Reminder
from box.core.notify.reminders import tell_due
from tests.box.apps.calendar.conftest import MOSCOW, TEN, draft, planned, whole_days

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.clock import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

QUARTER, HOUR, WEEK = timedelta(minutes=15), timedelta(hours=1), timedelta(weeks=1)


def due() -> dict[int, str]:
    deliver_all()
    moments = Reminder.objects.order_by("due_at").values_list("user_id", "due_at")
    return {pk: f"{at.astimezone(MOSCOW):%d.%m %H:%M}" for pk, at in moments}


def test_who_comes_is_told_a_quarter_before(anna: User, boris: User, cara: User) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}", f"U{cara.pk}")))
    answer_event(event, "declined", by=cara)
    assert due() == {anna.pk: "01.12 09:45", boris.pk: "01.12 09:45"}
    choose_reminder(event, 60, by=boris)
    choose_reminder(event, None, by=anna)
    assert due() == {boris.pk: "01.12 09:00"}
    tell_due(TEN - HOUR)
    assert list(Notification.objects.filter(kind="calendar.reminder").values_list("user", flat=True)) == [
        boris.pk
    ]


def test_of_what_recurs_each_time_is_told_once(anna: User) -> None:
    planned(anna, draft(rule="FREQ=WEEKLY;COUNT=2"))
    assert due() == {anna.pk: "01.12 09:45"}
    tell_due(TEN - QUARTER)
    assert due() == {anna.pk: "08.12 09:45"}
    tell_due(TEN + WEEK - QUARTER)
    assert due() == {}
    assert Notification.objects.filter(kind="calendar.reminder").count() == 2


def test_a_moved_event_is_told_of_at_its_new_time_and_a_removed_one_not_at_all(anna: User) -> None:
    event = planned(anna)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    assert due() == {anna.pk: "01.12 10:45"}
    remove_event(event, by=anna)
    assert due() == {}


def test_a_time_that_was_moved_is_told_of_where_it_is_now(anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=2"))
    move_event(event, TEN + 5 * HOUR, TEN + 6 * HOUR, scope=Scope.THIS, at=TEN, by=anna)
    deliver_all()
    moments = Reminder.objects.order_by("due_at").values_list("due_at", flat=True)
    assert [f"{at.astimezone(MOSCOW):%d.%m %H:%M}" for at in moments] == ["01.12 14:45", "08.12 09:45"]


def test_who_is_asked_chooses_when_to_be_told_also_as_it_begins(anna: User, boris: User, cara: User) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    choose_reminder(event, 0, by=boris)
    with pytest.raises(ValidationError, match="not invited"):
        choose_reminder(event, 60, by=cara)
    assert due() == {anna.pk: "01.12 09:45", boris.pk: "01.12 10:00"}


def test_what_is_due_is_told_whatever_is_planned_at_that_moment(anna: User, clock: Clock) -> None:
    planned(anna)
    other = planned(anna, draft("Other", TEN + HOUR))
    deliver_all()
    clock.now = TEN - QUARTER + timedelta(minutes=1)
    choose_reminder(other, 30, by=anna)
    assert tell_due(clock.now) == 1


def test_whole_days_are_told_of_in_the_morning(anna: User, clock: Clock) -> None:
    planned(anna, whole_days(first=7))
    assert due() == {anna.pk: "07.12 08:45"}


def test_who_is_to_hear_already_hears_whatever_happens_in_that_minute(
    clock: Clock, anna: User, boris: User
) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=2", invited=(f"U{boris.pk}",)))
    deliver_all()
    clock.now = TEN - QUARTER + timedelta(seconds=20)
    answer_event(event, "tentative", by=boris)
    assert due() == {anna.pk: "01.12 09:45", boris.pk: "01.12 09:45"}
    assert tell_due(clock.now) == 2
    assert due() == {anna.pk: "08.12 09:45", boris.pk: "08.12 09:45"}


def test_but_not_of_a_time_that_is_another_by_then(clock: Clock, anna: User) -> None:
    event = planned(anna)
    deliver_all()
    clock.now = TEN - QUARTER + timedelta(seconds=20)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    assert due() == {anna.pk: "01.12 10:45"}
    assert tell_due(clock.now) == 0
