"""Rows in bulk, whatever they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction
from psycopg.pq import TransactionStatus

from box.core.discussion.models import Comment, Thread
from box.core.events.models import Event
from box.lib import bulk

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def test_rows_may_ask_the_database_for_what_they_are_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a COPY the question would wait for ever."""
    monkeypatch.setattr(bulk, "AT_ONCE", 3)
    ids = bulk.reserve_ids(Thread, 10)

    def rows() -> Iterator[tuple[object, ...]]:
        for number, pk in enumerate(ids):
            assert connection.connection.info.transaction_status != TransactionStatus.ACTIVE
            assert Thread.objects.count() == number // 3 * 3
            yield pk, "feed.post", 0, 0, 0

    bulk.copy_rows(Thread, ("id", "kind", "comments_count", "likes_count", "dislikes_count"), rows())
    assert sorted(Thread.objects.values_list("pk", flat=True)) == ids


def test_objects_are_written_as_they_are_and_know_their_ids(anna: User) -> None:
    at = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)
    events = [
        Event(kind=f"crm.{n}\t\\\n", payload={"text": 'Ё\\n\t"', "no": None}, created_at=at) for n in range(3)
    ]
    assert bulk.copy_models(events) == events
    assert [one.pk for one in events] == sorted(one.pk for one in events)
    found = list(Event.objects.filter(kind__startswith="crm.").order_by("pk"))
    assert [(one.pk, one.kind, one.payload, one.created_at, one.origin) for one in found] == [
        (one.pk, one.kind, one.payload, at, {}) for one in events
    ]
    threads = bulk.copy_models([Thread(kind="feed.post"), Thread(kind="feed.post", emoji_counts={"🎉": 1})])
    (comment,) = bulk.copy_models([Comment(thread=threads[1], author=anna, text="So")])
    assert (comment.thread.emoji_counts, comment.parent, comment.author) == ({"🎉": 1}, None, anna)
    comment.text = "Otherwise"
    comment.save()
    assert Comment.objects.get().text == "Otherwise"
    assert bulk.copy_models(list[Thread]()) == []


def test_what_the_database_refuses_is_refused_as_everywhere() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.copy_rows(Thread, ("id", "kind"), [(1, None)])
    assert not Thread.objects.exists()
