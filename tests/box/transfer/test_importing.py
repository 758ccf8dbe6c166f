"""What is taken over from elsewhere is dated then, and nobody hears of it; the same act here is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.core.audit.models import AuditRecord
from box.core.discussion.actions import add_comment
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.groups.actions import NewGroup, create_group
from box.core.history.models import Line
from box.core.notify.models import Notification
from box.core.push.models import PushMessage
from box.core.registry.origin import importing, is_importing, moment, origin
from tests.cast import person

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
THEN = datetime(2019, 5, 6, 7, 8, tzinfo=UTC)


@pytest.fixture
def anna(db: None) -> User:
    return person("Anna")


@pytest.fixture
def boris(db: None) -> User:
    found = person("Boris")
    deliver_all()
    PushMessage.objects.all().delete()
    return found


def all_of_it(anna: User, boris: User) -> None:
    post = publish_post(Draft(html=f'<p>Look, <span data-mention="{boris.pk}">B</span></p>'), by=anna)
    add_comment(post.thread, "Well", by=boris)
    add_task(TaskDraft(title="Do it", responsible=boris), by=anna)
    create_group(NewGroup("Launch"), by=anna)
    deliver_all()


def test_what_happens_here_is_told(anna: User, boris: User) -> None:
    all_of_it(anna, boris)
    assert Notification.objects.exists()
    assert PushMessage.objects.exists()


def test_what_is_taken_over_is_told_to_nobody_also_by_what_follows_later(anna: User, boris: User) -> None:
    records = AuditRecord.objects.count()
    with importing(at=THEN):
        all_of_it(anna, boris)
    assert not is_importing()
    deliver_all()
    assert not Notification.objects.exists()
    assert not PushMessage.objects.exists()
    assert AuditRecord.objects.count() == records


def test_its_story_is_dated_when_it_was(anna: User, boris: User) -> None:
    with importing(at=THEN):
        task = add_task(TaskDraft(title="Do it", responsible=boris), by=anna)
    deliver_all()
    assert task.created_at == task.changed_at == THEN
    assert set(Line.objects.values_list("at", flat=True)) == {THEN}
    # The event itself is of now: it waits behind what was there before it, and is kept for its time.
    event = Event.objects.filter(kind="tasks.TaskAdded").get()
    assert event.imported_at == THEN
    assert abs((timezone.now() - event.created_at).total_seconds()) < 600


def test_within_another_moment_it_is_that_one() -> None:
    later = datetime(2020, 1, 1, tzinfo=UTC)
    with importing(at=THEN):
        assert moment() == THEN
        with importing(at=later):
            assert moment() == later
        assert moment() == THEN
    assert origin().imported_at == ""
