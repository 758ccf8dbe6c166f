"""How often a webhook may ask: a short burst, and a steady rate behind it.

Bitrix24 has a leaky bucket: it holds 50 and loses 2 a second. Here two windows, each as long as the bucket
takes to empty, do the same with the one atomic operation that memcached has: what was counted in the window
before weighs as much as of it is still within reach.
"""

from __future__ import annotations

from django.core.cache import cache

from box.rest.settings import BURST, RATE

_ROUNDING = 0.001


def is_exceeded(webhook_id: int, now: float) -> bool:
    """Counts this request, at `now` in seconds. Without the cache nobody is kept out."""
    burst = BURST.value
    seconds = max(burst / RATE.value, 1.0)
    window, passed = divmod(now, seconds)
    before, here = (f"rest:rate:{webhook_id}:{seconds:g}:{int(window) - back}" for back in (1, 0))
    count = _counted(here, lives=int(2 * seconds) + 1)
    earlier: int = cache.get(before) or 0
    # What of it is still within reach by the time at which the next one is welcome.
    share = max(0.0, 1 - (passed + 1 / RATE.value) / seconds)
    return count > 0 and count + earlier * share > burst + _ROUNDING


def _counted(key: str, *, lives: int) -> int:
    if cache.add(key, 1, lives):
        return 1
    try:
        return int(cache.incr(key))
    except ValueError:
        # The cache is away, or has just forgotten it.
        return 0
