"""Moments of a recording that somebody has pointed out: lines of a call's notes that begin with a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from box.core.registry.capabilities import Mark

MOST = 50
LONGEST = 120
# 1:05, 75:00, or 1:02:03.
_LINE = re.compile(r"\s*(?:(\d{1,2}):(?=\d{1,2}:))?(\d{1,3}):([0-5]\d)(?![\d:])[\s\-–—:.,]*(.*)")


def marks_in(note: str, seconds: int) -> tuple[Mark, ...]:
    """In their order. What lies behind the end of a recording of so many seconds (0: nobody knows how many)
    is no moment of it."""
    found = (mark for mark in _read(note) if not seconds or mark.at <= seconds)
    return tuple(sorted(islice(found, MOST), key=lambda mark: mark.at))


def _read(note: str) -> Iterator[Mark]:
    for line in note.splitlines():
        if found := _LINE.fullmatch(line):
            hours, minutes, rest, said = found.groups()
            at = 3600 * int(hours or 0) + 60 * int(minutes) + int(rest)
            yield Mark(at, said.strip()[:LONGEST])
