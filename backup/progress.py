"""Figures for people: bytes, rate and time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from appliance.agent.answers import Measure
from appliance.agent.journal import Journal

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: float) -> str:
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit < 2 or count >= 100 else f"{count:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole // 60 % 60} min"


@contextmanager
def told_of_silence(journal: Journal, whose: str, *, seconds: float = 20.0) -> Iterator[None]:
    """Say so where nothing has been heard for a while: a network that is cut is noticed by nobody else yet.

    Engines wait for it, without a word, for as long as their own patience lasts.
    """
    is_over, began = threading.Event(), time.time()

    def watch() -> None:
        heard_at = began
        told_at = began
        while not is_over.wait(seconds / 10):
            written_at = journal.path.stat().st_mtime
            if written_at > told_at:
                heard_at = told_at = written_at
            elif time.time() - told_at >= seconds:
                silence = duration(time.time() - heard_at)
                journal.progress(f"Nothing has been heard of {whose} for {silence}. It is waited for.")
                told_at = journal.path.stat().st_mtime

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


class Meter:
    """Tells how far something is, at most once a second: every sentence is synced into a journal."""

    def __init__(
        self,
        what: str,
        tell: Callable[[str, int, int, Measure | None], None],
        *,
        total: int = 0,
        kind: Literal["files", "database"] = "files",
        target: str = "",
    ) -> None:
        self._what, self._tell, self.total = what, tell, total
        self._kind: Literal["files", "database"] = kind
        self._target = target
        self._began = time.monotonic()
        self._told = 0.0
        self._latest = -1

    def at(self, done: int, *, rate: float | None = None) -> None:
        now = time.monotonic()
        # The end is told at once, and once: of a thousand empty files each is the last.
        is_the_end = done >= self.total and self._latest != done
        if now - self._told < 1 and not is_the_end:
            return
        self._told, self._latest = now, done
        rate = rate if rate is not None else done / max(now - self._began, 0.001)
        left = (self.total - done) / rate if 0 < done < self.total and rate > 0 else None
        text = f"{self._what}: {size(done)} of {size(self.total)}, {size(rate)}/s"
        if left is not None:
            text += f", {duration(left)} left"
        measure = Measure(self._kind, self._target, done, self.total, rate, left)
        # Counted in MiB: a progress bar's numbers are not made for bytes.
        self._tell(text, done >> 20, max(self.total >> 20, 1), measure)
