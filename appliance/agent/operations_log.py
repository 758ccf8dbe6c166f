"""Who asked for which change, and when: `operations.log`, one JSON line each.

`proven.log` beside it has the same lines of what root did, what was proven, and what was tried with a
wrong proof. Whoever holds the portal asks for anything else as often as they like: it pushes nothing out
of that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.agent.answers import RecordedLine, RecordPage
from appliance.agent.codec import encode
from appliance.agent.protocol import Acting, Operation
from appliance.paths import Paths

MAX_BYTES = 5 << 20
LONGEST = 1000
"""Characters of each thing that is noted: a request has room for many more."""


@dataclass(frozen=True)
class Asker:
    """Whoever asks: `by` is what the peer says, `uid` and `pid` are what the kernel says about the peer."""

    by: str
    acting: Acting
    uid: int
    pid: int

    @classmethod
    def here(cls) -> Asker:
        """The person in front of this terminal, behind sudo or not."""
        return cls(by=os.environ.get("SUDO_USER", "root"), acting="root", uid=os.geteuid(), pid=os.getpid())

    def __str__(self) -> str:
        return self.by or f"uid {self.uid}"


def note(paths: Paths, asker: Asker, what: str | Operation[object]) -> None:
    """Append one line. Each log is bounded: what is older lies beside it as `….log.1`, or is gone."""
    line = {
        "at": datetime.now(UTC).isoformat(),
        **{name: _short(value) for name, value in encode(asker).items()},
    }
    if isinstance(what, str):
        line["operation"] = _short(what)
    else:
        said = {name: _short(value) for name, value in encode(what).items() if name not in what.secret}
        line |= {"operation": type(what).__name__, "arguments": said}
    is_lasting = asker.acting == "root" or isinstance(what, str) or what.needs_proof
    for older, newer in (_proven(paths), _files(paths)) if is_lasting else (_files(paths),):
        _append(newer, older, json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _short(value: Any) -> Any:
    """The beginning alone of what is longer than anybody reads."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _append(target: Path, older: Path, line: bytes) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, line)
        if os.fstat(descriptor).st_size > MAX_BYTES:
            target.replace(older)
    finally:
        os.close(descriptor)


def page(paths: Paths, *, cursor: str, lines: int) -> RecordPage:
    """The lines behind the cursor, which holds the file's inode and an offset: a rename keeps both.

    A file that is gone was rotated away twice since: then it goes on with the oldest there is. What was read
    before may so come again, under the same keys.
    """
    files = [path for path in _files(paths) if path.exists()]
    inodes = [path.stat().st_ino for path in files]
    inode, _colon, offset = cursor.partition(":")
    is_known = inode.isdigit() and offset.isdigit() and int(inode) in inodes
    first, start = (inodes.index(int(inode)), int(offset)) if is_known else (0, 0)
    found: list[RecordedLine] = []
    for number in range(first, len(files)):
        read, start = _lines_of(files[number], start, lines - len(found))
        found += read
        cursor = f"{inodes[number]}:{start}"
        if len(found) >= lines:
            break
        start = 0
    return RecordPage(tuple(found), cursor)


def _lines_of(path: Path, start: int, most: int) -> tuple[list[RecordedLine], int]:
    """At most so many whole lines from the offset on, and where they end."""
    found: list[RecordedLine] = []
    with path.open("rb") as file:
        file.seek(start)
        while len(found) < most and (line := file.readline()).endswith(b"\n"):
            start += len(line)
            # A line that a power cut has torn tells nothing.
            with contextlib.suppress(ValueError, KeyError):
                found.append(_understood(line))
    return found, start


def _understood(line: bytes) -> RecordedLine:
    entry = json.loads(line)
    arguments = entry.get("arguments") or {}
    return RecordedLine(
        key=hashlib.sha256(line).hexdigest(),
        at=datetime.fromisoformat(entry["at"]),
        by=f"{entry['by'] or 'uid ' + str(entry['uid'])} ({entry['acting']})",
        operation=entry["operation"],
        arguments=json.dumps(arguments, ensure_ascii=False) if arguments else "",
    )


def _files(paths: Paths) -> tuple[Path, Path]:
    """The older one first; it need not be there."""
    return paths.log / "operations.log.1", paths.log / "operations.log"


def _proven(paths: Paths) -> tuple[Path, Path]:
    """The same of what nothing else pushes out."""
    return paths.log / "proven.log.1", paths.log / "proven.log"
