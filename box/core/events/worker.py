"""The jobs process: huey's threads, the couriers of events, and one scheduler for the whole cluster.

A job is deleted from the queue as it is taken, so a killed process loses those it was running. Whatever must
happen is therefore found again from its own row, as an event's delivery is.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import Any

import psycopg
from huey import signals
from huey.api import Huey
from huey.consumer import Consumer, Scheduler, Worker

from box.core.events import node_jobs
from box.core.events.delivery import Courier
from box.core.registry.health import is_read_only

logger = logging.getLogger(__name__)

SCHEDULER_LOCK = "box.core.events scheduler"
# A job that runs longer when the process is told to stop is put back into the queue and run again.
STOP_SECONDS = 3.0
# What the couriers get after the workers have stopped; they were told at the same time.
LAST_SECOND = 1.0


# Not on a copy of the database, which may be read while nobody leads: each has locks of its own.
_TAKE = """
SELECT CASE WHEN pg_is_in_recovery() THEN false ELSE pg_try_advisory_lock(hashtext(%s)) END
"""


class ClusterLock:
    """Held by at most one process of the cluster, for as long as its connection to the database lives."""

    def __init__(self, name: str, **database: Any) -> None:
        self._name = name
        self._database = database
        self._connection: psycopg.Connection | None = None

    def is_held(self) -> bool:
        """Whether this process has the lock; takes it if it is free. False as well without a database."""
        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return True
            connection = psycopg.connect(**self._database, autocommit=True)
            taken = connection.execute(_TAKE, [self._name]).fetchone()
            if taken == (True,):
                self._connection = connection
            else:
                connection.close()
        except psycopg.Error:
            self.release()
        return self._connection is not None

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PausingWorker(Worker):  # type: ignore[misc]
    """Takes no job while nothing can be written."""

    paused: threading.Event

    def loop(self, now: datetime | None = None) -> None:
        if self.paused.is_set():
            self.stop_flag.wait(1)
        else:
            super().loop(now)


class ElectedScheduler(Scheduler):  # type: ignore[misc]
    """Puts periodic jobs into the queue only where the cluster's lock is held, so once for all nodes."""

    paused: threading.Event
    lock: ClusterLock

    def loop(self, now: datetime | None = None) -> None:
        if self.paused.is_set():
            self.stop_flag.wait(1)
        else:
            super().loop(now)

    def enqueue_periodic_tasks(self, now: datetime | None) -> None:
        if self.lock.is_held():
            super().enqueue_periodic_tasks(now)

    def shutdown(self) -> None:
        self.lock.release()


class JobsConsumer(Consumer):  # type: ignore[misc]
    """Huey's consumer, with the couriers beside it: one signal stops, one flag pauses them all."""

    worker_class = PausingWorker
    scheduler_class = ElectedScheduler

    def __init__(self, huey: Huey, *, workers: int, couriers: int, database: dict[str, Any]) -> None:
        self.paused = threading.Event()
        self._lock = ClusterLock(SCHEDULER_LOCK, **database)
        super().__init__(
            huey, workers=workers, max_delay=2.0, shutdown_timeout=STOP_SECONDS, graceful_signal="TERM"
        )
        self._couriers = [
            threading.Thread(
                target=Courier(self.stop_flag, self.paused).run, name=f"Courier-{number}", daemon=True
            )
            for number in range(1, couriers + 1)
        ]
        self._own = threading.Thread(
            target=node_jobs.run_until, args=(self.stop_flag, self.paused), name="Node", daemon=True
        )
        huey.signal(signals.SIGNAL_INTERRUPTED)(self._put_back)

    def start(self) -> None:
        self._look_at_flag()
        super().start()
        for courier in self._couriers:
            courier.start()
        self._own.start()

    def loop(self, health_check_ts: float | None = None) -> float | None:
        self._look_at_flag()
        checked_at: float | None = super().loop(health_check_ts)
        return checked_at

    def run(self) -> None:
        """Returns when the process was told to stop, with everything stopped that stops in time.

        A courier still busy then is cut off with the process: the transaction is rolled back, and the event
        delivered again.
        """
        super().run()
        deadline = time.monotonic() + LAST_SECOND
        for courier in self._couriers:
            courier.join(max(0.0, deadline - time.monotonic()))

    def _look_at_flag(self) -> None:
        if is_read_only():
            self.paused.set()
        else:
            self.paused.clear()

    def _create_worker(self) -> Worker:
        worker = super()._create_worker()
        worker.paused = self.paused
        return worker

    def _create_scheduler(self) -> Scheduler:
        scheduler = super()._create_scheduler()
        scheduler.paused, scheduler.lock = self.paused, self._lock
        return scheduler

    def _put_back(self, signal: str, task: Any) -> None:
        logger.info("%s did not finish in time; it will run again.", task)
        self.huey.enqueue(task)
