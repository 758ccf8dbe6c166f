"""What each node of a cluster does for itself every minute.

A periodic job runs once for all nodes, on whichever takes it. What asks the machine itself cannot be done by
another one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import close_old_connections, connection

from box.core.registry.offers import Offers

logger = logging.getLogger(__name__)

node_jobs: Offers[Callable[[], object]] = Offers("jobs of each node")

EVERY_SECONDS = 60.0


def run_all() -> None:
    """One after the other; what fails keeps none from its turn."""
    for name, act in node_jobs.items():
        try:
            act()
        except Exception:
            logger.exception("%s is tried again in %.0f s", name, EVERY_SECONDS)


def run_until(stop: threading.Event, paused: threading.Event) -> None:
    """Returns once `stop` is set. Nothing is done while nothing can be written."""
    while not stop.wait(EVERY_SECONDS):
        if paused.is_set():
            continue
        close_old_connections()
        try:
            run_all()
        finally:
            connection.close()
