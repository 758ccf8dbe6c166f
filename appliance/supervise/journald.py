"""Pages through what systemd's journal keeps of units, the newest lines first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from appliance import runner

MAX_BYTES = 4 << 20
"""One page never reads more of the journal than this, as journalctl writes it."""

# sd_journal_get_cursor(3); what comes from outside becomes an argument only where it is one.
_CURSOR = re.compile("[a-z]=[0-9a-f]{1,32}(;[a-z]=[0-9a-f]{1,32}){0,9}")
_FIELDS = ("MESSAGE", "SYSLOG_IDENTIFIER", "_PID")


def page(units: Iterable[str], *, lines: int, before: str = "") -> tuple[tuple[str, ...], str]:
    """The last `lines` lines of the units, oldest first, and the cursor for those before (empty: no more).

    The cursor is that of the first line beyond the page, with which the next one begins.
    """
    command = ["journalctl", "--quiet", "--no-pager", "--reverse", "--output=json"]
    command += [f"--output-fields={','.join(_FIELDS)}", f"--lines={lines + 1}"]
    command += [f"--unit={unit}" for unit in units]
    if _CURSOR.fullmatch(before):
        command.append(f"--cursor={before}")
    taken, size, older = list[str](), 0, ""
    with runner.read_from(command) as output:
        for line in output:
            entry = json.loads(line)
            size += len(line)
            if len(taken) == lines or size > MAX_BYTES:
                older = entry["__CURSOR"]
                break
            taken.append(_line(entry))
    return tuple(reversed(taken)), older


def _line(entry: Mapping[str, Any]) -> str:
    """As `journalctl --output=short-iso` writes it, without the machine's name."""
    at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) // 10**6, UTC).astimezone()
    message, who, pid = (_text(entry.get(name)) for name in _FIELDS)
    return f"{at.isoformat()} {who}[{pid}]: {message}"


def _text(value: Any) -> str:
    """A field as it reads: bytes that are no text come as numbers, and of what is long, nothing."""
    match value:
        case str():
            return value
        case [int(), *_]:
            return bytes(value).decode(errors="replace")
        case _:
            return "(more than 4096 bytes: see `journalctl`)"
