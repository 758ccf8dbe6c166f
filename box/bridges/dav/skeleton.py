"""What Radicale reads of an object that is put: which parts it has, and what they are called.

It hands all of a text to vobject, which follows rules to the end of time, and keeps the time zones that a
text describes for the whole process. What an object says is understood, and bounded, by the room that takes
it in.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

# A series and its exceptions.
MOST_PARTS = 600
# As vobject ends lines: what it takes for one more is to be seen here.
_FOLD = re.compile(r"(?:\r\n|\r|\n)[ \t]")
_END = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r'(BEGIN|END|UID|RECURRENCE-ID)(?:;(?:[^":]|"[^"]*")*)?:(.*)', re.IGNORECASE)
_ANY_TIME = "20000101T000000Z"


def skeleton(text: str) -> str:
    """Empty, where its parts are not closed as they were opened. Raises ValidationError for one of too many
    parts."""
    found: list[str] = []
    inside: list[str] = []
    parts = 0
    for line in _END.split(_FOLD.sub("", text)):
        match = _LINE.match(line)
        if match is None:
            continue
        name, value = match[1].upper(), match[2].strip()
        if name == "BEGIN":
            inside.append(value.upper())
            parts += 1
            if parts > MOST_PARTS:
                raise ValidationError(f"An object has {MOST_PARTS} parts at most.")
        is_shown = len(inside) <= 2 and "VTIMEZONE" not in inside
        if name == "END" and (not inside or inside.pop() != value.upper()):
            return ""
        if is_shown:
            found += _said(name, value, len(inside))
    return "" if inside else "\r\n".join([*found, ""])


def _said(name: str, value: str, depth: int) -> list[str]:
    match name:
        case "BEGIN" if depth == 2:
            return [f"BEGIN:{value}", f"DTSTAMP:{_ANY_TIME}", f"DTSTART:{_ANY_TIME}"]
        case "RECURRENCE-ID":
            return [f"RECURRENCE-ID:{_ANY_TIME}"]
        case _:
            return [f"{name}:{value}"]
