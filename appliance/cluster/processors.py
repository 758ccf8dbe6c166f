"""What the processors of this machine have to do, by the kernel's own count: proc(5), `/proc/stat`."""

from __future__ import annotations

from pathlib import Path


class Meter:
    """The share of the time since the last look in which they were at work: 0 none of it, 1 all of it."""

    def __init__(self, file: Path = Path("/proc/stat")) -> None:
        self._file = file
        self._before = self._read()

    def busy(self) -> float:
        now = self._read()
        (idle, total), self._before = (now[0] - self._before[0], now[1] - self._before[1]), now
        return min(max(1 - idle / total, 0.0), 1.0) if total > 0 else 0.0

    def _read(self) -> tuple[int, int]:
        """Idle ticks and all ticks. The time of guests is in that of users already."""
        first = self._file.read_text(encoding="ascii").splitlines()[0].split()[1:9]
        ticks = [int(word) for word in first]
        return ticks[3] + ticks[4], sum(ticks)
