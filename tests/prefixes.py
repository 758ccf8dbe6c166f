"""Where scratch boxes lie."""

from __future__ import annotations

import os
from pathlib import Path


def scratch_prefix(purpose: str) -> Path:
    """Two checkouts on one machine keep apart by KOROBKA_SCRATCH, the beginning of all these paths."""
    # Short, for the path of a Unix socket has at most 107 bytes; and where the services' own users may walk.
    return Path(f"{os.environ.get('KOROBKA_SCRATCH', '/tmp/korobka')}-{purpose}")
