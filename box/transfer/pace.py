"""How fast the cloud may be asked, by its own limits: as fast as they allow, and never over them.

Two limits hold (https://apidocs.bitrix24.com/limits.html). Requests fill a bucket that leaks: one more than
it holds is refused with 503. And what a method has worked in the last ten minutes is added up: beyond 480
seconds this method alone is refused, until the moment that the answers name.

Nothing here reads a clock or waits: moments are seconds of the caller's own, monotonic, clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Those of most plans; a large company's are 250 and 5."""

    burst: int = 50
    per_second: float = 2.0
    operating_seconds: float = 480.0


# Requests do not arrive at the distances at which they were sent: so much of the bucket stays empty, and so
# much of the rate unused, that the one which comes early still fits.
_ROOM = 2
_SHARE = 0.98
# A method's work is known only once it is done, and a batch asks it fifty times.
_OPERATING_SHARE = 0.9


@dataclass
class Pace:
    """One bucket of one portal. Whoever sends asks `wait` first, and says `sent` at once afterwards."""

    limits: Limits = field(default_factory=Limits)
    _level: float = 0.0
    _at: float = 0.0
    _closed_until: float = 0.0
    _methods_closed_until: dict[str, float] = field(default_factory=dict)

    def wait(self, methods: Collection[str], now: float) -> float:
        """In how many seconds a request of these methods may be sent; 0 for now."""
        fits = now + max(0.0, self._level_at(now) + 1 + _ROOM - self.limits.burst) / self._rate
        closed = (self._methods_closed_until.get(method, 0.0) for method in methods)
        return max(fits, self._closed_until, *closed) - now

    def sent(self, now: float) -> None:
        self._level, self._at = self._level_at(now) + 1, now

    def worked(self, method: str, time: Mapping[str, Any], now: float, *, wall: float) -> None:
        """What an answer's `time` says of a method. `wall` is the moment by the cloud's clock, from 1970."""
        try:
            operating = float(time.get("operating") or 0)
            resets_in = float(time.get("operating_reset_at") or 0) - wall
        except (TypeError, ValueError):
            return
        if operating >= self.limits.operating_seconds * _OPERATING_SHARE:
            self.close(now + min(max(resets_in, 1.0), 600.0), method)

    def refused(self, now: float, *, seconds: float) -> None:
        """The bucket is fuller than it looked: others send, too. It is taken for full."""
        self._level, self._at = float(self.limits.burst), now
        self._closed_until = max(self._closed_until, now + seconds)

    def close(self, until: float, method: str) -> None:
        self._methods_closed_until[method] = max(until, self._methods_closed_until.get(method, 0.0))

    @property
    def _rate(self) -> float:
        return self.limits.per_second * _SHARE

    def _level_at(self, now: float) -> float:
        return max(0.0, self._level - max(0.0, now - self._at) * self._rate)
