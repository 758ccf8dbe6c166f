from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from box.lib.channels import notify_after_commit

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[psycopg.Connection]:
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "prepare_threshold", "context"):
        parameters.pop(name, None)
    with psycopg.connect(**parameters, autocommit=True) as listening:
        listening.execute("LISTEN test_channel")
        yield listening


def heard(listener: psycopg.Connection) -> int:
    """Each is told from the last word of the test, which comes after all that were sent."""
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY test_channel, 'that was all'")
    words = 0
    for word in listener.notifies():
        if word.payload:
            break
        words += 1
    return words


def test_word_goes_out_once_and_after_the_commit(listener: psycopg.Connection) -> None:
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        notify_after_commit("test_channel")
        with transaction.atomic():
            notify_after_commit("test_channel")
    said = [query["sql"] for query in asked]
    # Within the transaction its commit would hold the lock of all who notify.
    assert said.index("COMMIT") < said.index("SELECT pg_notify('test_channel', '')")
    assert heard(listener) == 1


def test_nobody_hears_of_what_was_rolled_back(listener: psycopg.Connection) -> None:
    with transaction.atomic():
        notify_after_commit("test_channel")
        transaction.set_rollback(True)
    assert heard(listener) == 0


def test_what_is_written_after_a_part_was_rolled_back_is_told(listener: psycopg.Connection) -> None:
    with transaction.atomic():
        with transaction.atomic():
            notify_after_commit("test_channel")
            transaction.set_rollback(True)
        notify_after_commit("test_channel")
    assert heard(listener) == 1
