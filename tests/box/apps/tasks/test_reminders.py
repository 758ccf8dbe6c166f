"""Who wants to hear of a task again is told at that moment, once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.tasks.actions.locking import Gone
from box.apps.tasks.actions.reminders import choose_reminder
from box.apps.tasks.actions.states import complete_task
from box.apps.tasks.actions.tasks import delete_tasks, restore_tasks
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, Reminder
from box.core.notify.reminders import tell_due
from box.lib.moments import LATEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give
    from tests.clock import Clock

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def reminded(user: User) -> int:
    return Notification.objects.filter(user=user, kind="tasks.reminder").count()


def test_each_is_told_at_their_own_moment_and_once(give: Give, anna: User, boris: User) -> None:
    task, now = give(), timezone.now()
    choose_reminder(task, now + HOUR, by=boris)
    choose_reminder(task, now + 2 * HOUR, by=anna)
    assert tell_due(now + HOUR - timedelta(seconds=1)) == 0
    assert tell_due(now + HOUR) == 1
    assert tell_due(now + HOUR) == 0
    assert (reminded(boris), reminded(anna)) == (1, 0)
    tell_due(now + 2 * HOUR)
    assert (reminded(boris), reminded(anna)) == (1, 1)


def test_another_moment_takes_the_place_of_the_first_and_none_ends_it(give: Give, boris: User) -> None:
    task, now = give(), timezone.now()
    choose_reminder(task, now + HOUR, by=boris)
    choose_reminder(task, now + 3 * HOUR, by=boris)
    assert tell_due(now + 2 * HOUR) == 0
    choose_reminder(task, None, by=boris)
    assert tell_due(now + 4 * HOUR) == 0


def test_a_moment_is_to_come_and_not_too_far(clock: Clock, give: Give, boris: User) -> None:
    task = give()
    for at, said in ((clock.now, "that is to come"), (LATEST + timedelta(seconds=1), "too far")):
        with pytest.raises(ValidationError, match=said):
            choose_reminder(task, at, by=boris)
    choose_reminder(task, clock.now + timedelta(seconds=1), by=boris)
    assert Reminder.objects.count() == 1


def test_what_is_over_reminds_nobody(give: Give, anna: User, boris: User) -> None:
    done, gone = give(needs_acceptance=False), give()
    now = timezone.now()
    for task in (done, gone):
        choose_reminder(task, now + HOUR, by=boris)
    complete_task(done, by=boris)
    delete_tasks([gone], by=anna)
    deliver_all()
    assert not Reminder.objects.exists()
    for task in (done, gone):
        with pytest.raises((ValidationError, Gone)):
            choose_reminder(task, now + HOUR, by=boris)


def test_a_word_of_before_that_comes_late_ends_no_new_reminder(give: Give, anna: User, boris: User) -> None:
    task = give()
    delete_tasks([task], by=anna)
    restore_tasks([task], by=anna)
    choose_reminder(task, timezone.now() + HOUR, by=boris)
    deliver_all()
    assert Reminder.objects.filter(user=boris).count() == 1


def test_the_page_sets_and_shows_it_to_its_reader_alone(
    as_person: Callable[[User], Client], give: Give, anna: User, boris: User
) -> None:
    task = give()
    browser, address = as_person(boris), f"/tasks/{task.pk}/reminder/"
    past = browser.post(address, {"at": "2020-01-31T18:00"}, headers={"HX-Request": "true"})
    assert past.status_code == 422
    assert "that is to come" in past.content.decode()
    assert browser.post(address, {"at": "2031-01-31T18:00"}).status_code == 302
    value = 'value="2031-01-31T18:00"'
    assert value in browser.get(f"/tasks/{task.pk}/").content.decode()
    assert value not in as_person(anna).get(f"/tasks/{task.pk}/").content.decode()
