"""Workers die in the middle: no event is lost, and no effect in the database is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection, transaction

from box.core.events.delivery import deliver_all
from box.core.events.models import Delivery, Nonce
from box.core.events.outbox import emit
from tests.box.core.events.bells import Struck
from tests.box.processes import until

WORKER = """
import django, os, sys
django.setup()
from django.db import connection
import tests.box.core.events.bells as bells
bells.DIE_AT = os.environ["DIE_AT"]
from django.utils import timezone
from box.core.events import delivery
if bells.DIE_AT == "completing":
    whole = delivery._complete
    def complete(ids, now):
        whole(ids, now)
        bells.hang("completing")
    delivery._complete = complete
delivery.deliver_next(timezone.now())
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("die_at", ["before the write", "after the write", "completing"])
def test_a_worker_killed_at_any_point_loses_nothing_and_doubles_nothing(die_at: str) -> None:
    with transaction.atomic():
        emit(Struck(hour=12))
    database = connection.settings_dict["NAME"]
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env={**os.environ, "DIE_AT": die_at, "TEST_DATABASE": str(database)},
        stdout=subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline().strip() == die_at.encode(), "it hangs in the middle now"
    assert deliver_all() == 0, "the row is locked: nobody else takes it meanwhile"
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    until(deliver_all)  # PostgreSQL has noticed that its client is gone
    assert Nonce.objects.filter(value="struck 12").count() == 1
    assert Delivery.objects.get().completed_at is not None
