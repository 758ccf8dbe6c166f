"""How many notices are unread, told to open pages: right also when several are told of at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from box.apps.feed.notices import COMMENTED
from box.core.accounts.models import User
from box.core.notify.actions import notify
from box.core.push.models import PushMessage
from box.core.registry.capabilities import Ref
from tests.appliance.boxes import wait_until

PATIENCE = 20.0


@pytest.mark.django_db(transaction=True)
def test_of_two_told_at_once_the_last_number_is_the_whole(anna: User) -> None:
    backend = threading.Event()

    def tell_another() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET application_name = 'tells another'")
            backend.set()
            notify(anna, COMMENTED, about=Ref("feed.post", 2), key="second")
        finally:
            connection.close()

    other = threading.Thread(target=tell_another)
    with transaction.atomic():
        notify(anna, COMMENTED, about=Ref("feed.post", 1), key="first")
        other.start()
        assert backend.wait(PATIENCE)
        wait_until(lambda: is_waiting() or not other.is_alive())
    other.join(PATIENCE)
    told = PushMessage.objects.filter(topic="notify", kind="count").order_by("pk")
    assert [message.payload["unread"] for message in told] == [1, 2]


def is_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE application_name = 'tells another' AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone() is not None
