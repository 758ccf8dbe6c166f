"""People go first: what takes hours takes the processor's time only where nobody else wants it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from django.db import connections

NICENESS = 10


def run_at_low_priority(work: Callable[[], None]) -> None:
    """Waits until `work` is over, and raises what it raises; it has a thread and connections of its own.

    Linux keeps niceness by thread, and nobody but root takes a raised one back: a worker's thread, which goes
    on with other jobs, has to keep its own. It dies with the process, as the worker does.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            # A sandbox may forbid it: then it is done as everything else is.
            with suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(NICENESS, _niceness()))
            work()
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name=f"{threading.current_thread().name}-low", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
