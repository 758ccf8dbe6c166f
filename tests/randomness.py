"""What a run chooses among many: in which language a story is told, at which stage an operation is killed.

The seed is printed, and given again by KOROBKA_SEED. KOROBKA_THOROUGH=1, before a release, takes everything.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Sequence

SEED = "KOROBKA_SEED"
THOROUGH = "KOROBKA_THOROUGH"


def seed() -> int:
    """This run's, the same in all its processes."""
    return int(os.environ.setdefault(SEED, str(secrets.randbelow(2**31))))


def is_thorough() -> bool:
    return os.environ.get(THOROUGH) == "1"


def chosen[T](key: str, options: Sequence[T]) -> Sequence[T]:
    """One of the options, which the seed and the key decide; all of them where the run is thorough."""
    if is_thorough():
        return options
    # Not `random`: the next of these must not depend on how many were asked for before.
    at = zlib.crc32(f"{seed()} {key}".encode()) % len(options)
    return options[at : at + 1]
