"""How often a webhook may ask: a short burst, and a steady rate behind it.

A leaky bucket, as Bitrix24 has it: each request adds one, two a second run out, and what would make it
overflow is refused. A refused request adds nothing, so that whoever goes on at the rate is answered, however
full the bucket was. Source: https://apidocs.bitrix24.com/settings/performance/limits.html
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from django.core.cache import cache

from box.rest.settings import BURST, RATE

_ROUNDING = 0.001
# Requests of one webhook at the very same moment take turns; more than these are not in one box.
TURNS = 100


@dataclass(frozen=True)
class Bucket:
    """How full it was at a moment, in seconds."""

    level: float = 0.0
    at: float = 0.0

    def after(self, now: float, rate: float) -> Bucket:
        """What has not run out by then. Clocks of several machines differ: time never goes back."""
        return Bucket(max(0.0, self.level - rate * max(0.0, now - self.at)), max(now, self.at))


def seconds_to_wait(webhook_id: int, now: float) -> int:
    """Of a webhook: see `seconds_to_wait_of`."""
    return seconds_to_wait_of(str(webhook_id), now)


def seconds_to_wait_of(whose: str, now: float) -> int:
    """Counts this request, at `now` in seconds, and returns 0; or how long to wait, at least 1, and counts
    nothing. Without the cache nobody is kept out."""
    burst, rate = BURST.value, RATE.value
    key = cache.make_and_validate_key(f"rest:bucket:{whose}")
    lives = ceil(burst / rate) + 60
    # What Django's cache has no name for: to write only what nobody else has written meanwhile.
    memcached: Any = cache._cache  # type: ignore[attr-defined]
    for _turn in range(TURNS):
        found = memcached.gets(key)
        known, mark = found if found else (None, None)
        bucket = (Bucket(*known) if known else Bucket()).after(now, rate)
        if bucket.level + 1 > burst + _ROUNDING:
            return max(1, ceil((bucket.level + 1 - burst) / rate))
        kept = [bucket.level + 1, bucket.at]
        if mark is None:
            # Somebody may have been first; and where nothing can be kept, nothing is found either.
            if memcached.add(key, kept, lives) or not memcached.gets(key):
                return 0
        elif memcached.cas(key, kept, mark, lives) is not False:
            return 0
    return 0
