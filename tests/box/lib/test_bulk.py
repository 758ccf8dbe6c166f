"""Rows in bulk, whatever they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus

from box.core.discussion.models import Comment, Thread
from box.core.events.models import Event
from box.lib import bulk

if TYPE_CHECKING:
    from box.core.accounts.models import User

AT = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)
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
    events = [
        Event(kind=f"crm.{n}\t\\\n", payload={"text": 'Ё\\n\t"', "no": None}, created_at=AT) for n in range(3)
    ]
    assert bulk.copy_models(events) == events
    assert [one.pk for one in events] == sorted(one.pk for one in events)
    found = list(Event.objects.filter(kind__startswith="crm.").order_by("pk"))
    assert [(one.pk, one.kind, one.payload, one.created_at, one.origin) for one in found] == [
        (one.pk, one.kind, one.payload, AT, {}) for one in events
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


def test_rows_that_are_there_are_written_over_in_the_fields_that_are_named() -> None:
    events = bulk.copy_models([Event(kind=f"crm.{n}", payload={"n": n}) for n in range(4)])
    kept, changed = events[0], events[1:]
    before = {one.pk: one.created_at for one in events}
    for n, one in enumerate(changed):
        one.kind, one.payload, one.created_at = f'Ё\\,{{}}"{n}\n', {"was": [n, None, 'NULL, "']}, AT
    bulk.update_models(changed, ["kind", "payload"])
    found = Event.objects.in_bulk([one.pk for one in events])
    assert [(found[one.pk].kind, found[one.pk].payload) for one in changed] == [
        (one.kind, one.payload) for one in changed
    ]
    assert (found[kept.pk].kind, found[kept.pk].payload) == ("crm.0", {"n": 0})
    assert {pk: one.created_at for pk, one in found.items()} == before


def test_moments_and_what_is_empty_are_written_over_too(anna: User) -> None:
    anna.birthday_on, anna.invited_at = date(1990, 2, 28), AT
    bulk.update_models([anna], {"birthday_on", "invited_at"})
    anna.refresh_from_db()
    assert (anna.birthday_on, anna.invited_at) == (date(1990, 2, 28), AT)
    anna.birthday_on, anna.invited_at = None, None
    bulk.update_models([anna], {"birthday_on", "invited_at"})
    anna.refresh_from_db()
    assert (anna.birthday_on, anna.invited_at) == (None, None)


def test_fields_that_are_no_columns_are_refused_and_no_rows_are_no_statement() -> None:
    (event,) = bulk.copy_models([Event(kind="crm.a", payload={})])
    event.kind = "crm.b"
    with pytest.raises(ValueError, match="no columns id, kinds"):
        bulk.update_models([event], ["kinds", "kind", "id"])
    assert Event.objects.get(pk=event.pk).kind == "crm.a"
    with CaptureQueriesContext(connection) as asked:
        bulk.update_models(list[Event](), ["kind"])
    assert not asked.captured_queries
