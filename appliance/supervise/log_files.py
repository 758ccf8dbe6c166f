"""Pages through the log files of a service, the newest lines first, several instances merged by time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CHUNK = 64 * 1024
MAX_BYTES = 4 << 20
"""One page never reads more of a file than this, however long its lines are."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]?\d*")


@dataclass(frozen=True)
class Line:
    """A line, where it begins in its file (bytes), and the moment it belongs to, as text that sorts."""

    file: int
    offset: int
    moment: str
    text: str


def page(files: Sequence[Path], *, lines: int, before: str = "") -> tuple[tuple[str, ...], str]:
    """The last `lines` lines of the files, oldest first, and the cursor for those before (empty: no more).

    The cursor holds one offset for each file. A file that was rotated away meanwhile begins anew.
    """
    sizes = [path.stat().st_size if path.exists() else 0 for path in files]
    ends = [min(end, size) for end, size in zip(_offsets(before, len(files)) or sizes, sizes, strict=True)]
    found = [
        line
        for number, (path, end) in enumerate(zip(files, ends, strict=True))
        for line in _last_lines(path, number, end, lines)
    ]
    # Stable: lines of one file keep their order, also those without a time of their own.
    taken = sorted(found, key=lambda line: line.moment)[-lines:]
    starts = list(ends)
    for line in reversed(taken):
        starts[line.file] = line.offset
    older = ",".join(map(str, starts)) if any(starts) else ""
    return tuple(line.text for line in taken), older


def _offsets(cursor: str, count: int) -> list[int] | None:
    numbers = cursor.split(",")
    if len(numbers) != count or not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    return [int(number) for number in numbers]


def _last_lines(path: Path, number: int, end: int, count: int) -> Iterator[Line]:
    """The last `count` whole lines that end at or before `end`."""
    if end == 0:
        return
    with path.open("rb") as file:
        start, data = end, b""
        while start > 0 and data.count(b"\n") <= count and len(data) < MAX_BYTES:
            size = min(CHUNK, start)
            start -= size
            file.seek(start)
            data = file.read(size) + data
    parts = data.removesuffix(b"\n").split(b"\n")
    if start > 0 and len(parts) > 1:
        # The first part is the end of a line that began before what was read.
        start += len(parts[0]) + 1
        parts = parts[1:]
    offset, moment = start, ""
    kept: list[Line] = []
    for part in parts:
        text = part.decode(errors="replace")
        # A traceback has no times of its own; it belongs to the line before it.
        if match := _TIME.search(text[:80]):
            # Never backwards, whatever the clock did: what is taken of a file must be its end.
            moment = max(moment, match.group().replace("T", " ").replace(",", "."))
        kept.append(Line(number, offset, moment, text))
        offset += len(part) + 1
    yield from kept[-count:]
