"""What a daemon does now and again beside its main work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


def every(seconds: float, act: Callable[[], object]) -> None:
    """Do it now and again, in a thread of its own; after an error, which is logged, it is tried again."""

    def loop() -> None:
        pause = threading.Event()
        while True:
            try:
                act()
            except Exception:
                log.exception("It is tried again in %.0f s.", seconds)
            pause.wait(seconds)

    threading.Thread(target=loop, daemon=True).start()
