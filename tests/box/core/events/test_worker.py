"""The jobs process, whole: huey, couriers, scheduler."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from huey.contrib.djhuey import HUEY

from box.core.events.models import Delivery, Nonce
from box.core.events.outbox import emit
from box.core.events.worker import ClusterLock
from tests.box.core.events import chores
from tests.box.core.events.bells import Struck
from tests.box.processes import configuration, database_away, running, stop, until

PROGRAM = """
import django
django.setup()
import tests.box.core.events.chores
from django.core.management import call_command
call_command("jobs")
"""


@pytest.fixture(autouse=True)
def _queue(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The queue is in the test's database, as the rows are."""
    HUEY.storage.close()
    monkeypatch.setitem(HUEY.storage.connection_params, "dbname", connection.settings_dict["NAME"])
    HUEY.storage.flush_queue()
    yield
    HUEY.storage.close()


@contextmanager
def jobs(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**configuration(folder), "CHORES_FOLDER": str(folder)}
    with running(["-c", PROGRAM], env=env) as process:
        yield process


def noted(text: str) -> int:
    return Nonce.objects.filter(value=text).count()


def queued(job: str) -> int:
    return sum(task.name == job for task in HUEY.pending())


def strike(hour: int) -> None:
    with transaction.atomic():
        emit(Struck(hour=hour))


def test_it_runs_jobs_delivers_events_and_stops_when_told(tmp_path: Path) -> None:
    with jobs(tmp_path) as process:
        chores.note("dusted")
        strike(3)
        until(lambda: noted("dusted") and noted("struck 3"))
        assert stop(process) == 0
    assert (noted("dusted"), noted("struck 3")) == (1, 1)
    assert not Delivery.objects.filter(completed_at=None)


def test_the_scheduler_enqueues_what_is_periodic(tmp_path: Path) -> None:
    with jobs(tmp_path):
        until(lambda: noted("tick"))


def test_it_takes_nothing_while_nothing_can_be_written(tmp_path: Path) -> None:
    flag = tmp_path / "read-only"
    flag.write_text("the disk is full\n")
    with jobs(tmp_path) as process:
        chores.note("dusted")
        strike(4)
        until(lambda: _is_idle(process))
        assert (noted("dusted"), noted("struck 4")) == (0, 0)
        assert queued("note") == 1
        flag.unlink()
        until(lambda: noted("dusted") and noted("struck 4"))


def test_a_job_cut_off_by_stopping_runs_again(tmp_path: Path) -> None:
    with jobs(tmp_path) as process:
        chores.wait_for_the_file()
        until((tmp_path / "arrived").exists)
        assert queued("wait_for_the_file") == 0, "taken"
        assert stop(process) == 0
    assert queued("wait_for_the_file") == 1
    (tmp_path / "go").touch()
    with jobs(tmp_path):
        until(lambda: noted("waited"))


def test_a_database_that_goes_and_returns_loses_nothing(tmp_path: Path) -> None:
    with jobs(tmp_path):
        strike(5)
        until(lambda: noted("struck 5"))
        with database_away():
            strike(6)
            assert Delivery.objects.filter(completed_at=None).count() == 1
        until(lambda: noted("struck 6"))


def test_the_scheduler_is_one_and_is_replaced_when_it_dies() -> None:
    database: dict[str, Any] = HUEY.storage.connection_params
    first, second = ClusterLock("bells", **database), ClusterLock("bells", **database)
    assert first.is_held()
    assert not second.is_held()
    assert first.is_held(), "asking again changes nothing"
    with connection.cursor() as cursor:
        # Of this database: other processes hold locks in theirs, and test on.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND granted AND datname = %s",
            [database["dbname"]],
        )
    until(second.is_held)
    assert not first.is_held()
    second.release()
    # The server lets go of it when it sees that the connection is closed.
    until(first.is_held)
    first.release()


def test_without_a_database_nobody_holds_the_lock() -> None:
    lock = ClusterLock("bells", host="/nonexistent", dbname="nothing")
    assert not lock.is_held()


def _is_idle(process: subprocess.Popen[bytes]) -> bool:
    """The process has started and all its couriers listen."""
    assert process.poll() is None
    settings = connection.settings_dict
    with psycopg.connect(host=settings["HOST"], dbname=settings["NAME"], user=settings["USER"]) as looking:
        row = looking.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN korobka%'"
        ).fetchone()
    return row == (2,)
