"""Rows in bulk, whatever they are made of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from psycopg.pq import TransactionStatus

from box.core.discussion.models import Thread
from box.lib import bulk

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
