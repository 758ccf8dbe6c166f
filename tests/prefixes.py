"""Where scratch boxes lie, and whose they are."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def scratch_prefix(purpose: str) -> Path:
    """Two checkouts on one machine keep apart by KOROBKA_SCRATCH, the beginning of all these paths."""
    # Short, for the path of a Unix socket has at most 107 bytes; and where the services' own users may walk.
    return Path(f"{os.environ.get('KOROBKA_SCRATCH', '/tmp/korobka')}-{purpose}")


@contextmanager
def hold(prefix: Path) -> Iterator[None]:
    """Refuses a prefix that another run is using. The kernel lets go of it when this process ends.

    What lies there once it is held was left by a run that was killed.
    """
    with prefix.with_name(f"{prefix.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(f"{prefix} is in use by another run: wait, or set KOROBKA_SCRATCH.") from error
        yield
