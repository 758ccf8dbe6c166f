from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from box.core.notify.actions import Decision, decide
from box.core.notify.models import Notification, Reminder
from box.core.notify.reminders import BATCH, LATEST, set_reminders, tell_due
from box.core.registry.capabilities import Ref, reminded
from box.core.registry.notices import Notice, Topic, notices

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SOON = Notice("feed.soon", "Soon: %(about)s", Topic("feed.soon", "Soon"))
POST = Ref("feed.post", 7)


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(notices._offers, SOON.kind, SOON)


def told() -> list[tuple[int, str]]:
    return list(Notification.objects.order_by("pk").values_list("user_id", "kind"))


def test_each_is_told_when_it_is_time_and_once(anna: User, boris: User) -> None:
    set_reminders(POST, SOON, {anna.pk: NOW, boris.pk: NOW + MINUTE})
    assert tell_due(NOW - MINUTE) == 0
    assert tell_due(NOW) == 1
    assert tell_due(NOW) == 0
    assert told() == [(anna.pk, "feed.soon")]
    tell_due(NOW + MINUTE)
    assert told() == [(anna.pk, "feed.soon"), (boris.pk, "feed.soon")]


def test_what_is_set_replaces_what_was(anna: User, boris: User) -> None:
    set_reminders(POST, SOON, {anna.pk: NOW, boris.pk: NOW})
    set_reminders(Ref("feed.post", 8), SOON, {anna.pk: NOW})
    set_reminders(POST, SOON, {boris.pk: NOW + MINUTE})
    assert tell_due(NOW) == 1
    assert list(Notification.objects.values_list("user", "about_id")) == [(anna.pk, 8)]


def test_nobody_is_reminded_of_what_is_long_over(anna: User, boris: User) -> None:
    set_reminders(POST, SOON, {anna.pk: NOW - LATEST, boris.pk: NOW - LATEST + MINUTE})
    tell_due(NOW)
    assert told() == [(boris.pk, "feed.soon")]
    assert not Reminder.objects.exists()


def test_who_does_not_want_to_hear_of_the_topic_is_not_told(anna: User) -> None:
    decide(anna, Decision(hidden=frozenset({"feed.soon"}), mailed=frozenset()))
    set_reminders(POST, SOON, {anna.pk: NOW})
    assert tell_due(NOW) == 1
    assert told() == []


def test_the_room_hears_of_what_it_was_told(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []
    monkeypatch.setitem(reminded._offers, POST.kind, lambda ids, now: heard.append((ids, now)))
    set_reminders(POST, SOON, {anna.pk: NOW})
    tell_due(NOW)
    assert heard == [([7], NOW)]


def test_more_than_a_batch_is_told_in_one_go(anna: User) -> None:
    Reminder.objects.bulk_create(
        Reminder(user=anna, kind=SOON.kind, about_kind="feed.post", about_id=pk, due_at=NOW)
        for pk in range(BATCH + 1)
    )
    assert tell_due(NOW) == BATCH + 1
    assert len(told()) == BATCH + 1
