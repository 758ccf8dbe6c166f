"""vCard 2.1, 3.0 and 4.0 (RFC 6350) as rows of a table: a column a property, several values in lines.

What address books export differs more than the versions do, so this reads what is alike: folded lines,
quoted-printable with its own folding, groups (`item1.TEL`), charsets and escapes. Pictures and keys are left
out.
"""

from __future__ import annotations

import quopri
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import IO

LONGEST_LINE = 100_000
LONGEST_UNFOLDED = 8 * 2**20
"""A picture; everything else is short."""
MOST_IN_CARD = 2_000
MOST_LINES = 1_500_000
"""The largest file, of lines of 20 bytes."""
MOST_PARTS = 20
"""Of a name or an address, which have seven at most; a company may have departments in departments."""

HEADS = (
    *("Full name", "Last name", "First name", "Patronymic", "Company", "Department", "Position"),
    *("E-mail", "Phone", "Website", "Address", "Birthday", "Note"),
)
_BEGIN = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*BEGIN:VCARD\s", re.IGNORECASE)
# Each character has one place in it, so that what is none is known in one pass.
_LINE = re.compile(r"(?:[\w-]++\.)?([\w-]++)((?:;(?:[^:;\"]|\"[^\"]*+\")*+)*+):(.*)", re.DOTALL)
# Other codecs of Python's are no encodings of letters, or take long.
_CHARSET = re.compile(
    r"utf-?(8|16)|(windows-|cp)\d{3,4}|koi8-[ru]|iso-8859-\d{1,2}|(us-)?ascii", re.IGNORECASE
)


class NotVcard(ValueError):
    """It breaks off, or is longer than any card of a person."""


def is_vcard(head: bytes) -> bool:
    return _BEGIN.match(head) is not None


def read(file: IO[bytes], encoding: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The headings as row 1, then a row a card. Raises NotVcard."""
    yield 1, HEADS
    card: list[bytes] | None = None
    number = 1
    for count, line in enumerate(_unfolded(file)):
        if count >= MOST_LINES:
            raise NotVcard("it has too many lines")
        word = line.strip().upper()
        if word == b"BEGIN:VCARD":
            card = []
        elif word == b"END:VCARD" and card is not None:
            number += 1
            yield number, _row(card, encoding)
            card = None
        elif card is not None:
            card.append(line)
            if len(card) > MOST_IN_CARD:
                raise NotVcard("a card has too many lines")
    if card is not None:
        raise NotVcard("the last card has no end")


def _unfolded(file: IO[bytes]) -> Iterator[bytes]:
    """A line that begins with a space goes on from the one before; quoted-printable also after a `=`."""
    whole, is_quoted = bytearray(), False
    while line := file.readline(LONGEST_LINE):
        line = line.rstrip(b"\r\n")
        if whole and line[:1] in (b" ", b"\t"):
            whole += line[1:]
        elif is_quoted and whole.endswith(b"="):
            del whole[-1:]
            whole += line
        else:
            if whole:
                yield bytes(whole)
            whole, is_quoted = bytearray(line), b"QUOTED-PRINTABLE" in line.upper()
        if len(whole) > LONGEST_UNFOLDED:
            raise NotVcard("a line has no end")
    if whole:
        yield bytes(whole)


def _row(card: list[bytes], encoding: str) -> tuple[str, ...]:
    found: dict[str, list[str]] = defaultdict(list)
    for raw in card:
        match = _LINE.fullmatch(raw.decode("latin-1"))
        if match is None:
            continue
        name, parameters = match[1].upper(), match[2].upper()
        if "BASE64" in parameters or "ENCODING=B" in parameters.replace('"', ""):
            continue
        data = match[3].encode("latin-1")
        if "QUOTED-PRINTABLE" in parameters:
            data = quopri.decodestring(data)
        charset = re.search(r"CHARSET=\"?([\w.-]+)", parameters)
        text = _decoded(data, charset[1] if charset else encoding)
        for head, value in _values(name, text):
            if value and value not in found[head]:
                found[head].append(value)
    if not found["Full name"]:
        names = (*found["Last name"][:1], *found["First name"][:1], *found["Patronymic"][:1])
        found["Full name"] = [" ".join(names)] if names else []
    return tuple("\n".join(found[head]) for head in HEADS)


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset if _CHARSET.fullmatch(charset) else "utf-8", errors="replace")
    except LookupError:
        return data.decode(errors="replace")


def _values(name: str, text: str) -> Iterator[tuple[str, str]]:
    match name:
        case "FN":
            yield "Full name", _plain(text)
        case "N":
            parts = [*_parts(text), "", "", ""]
            yield from zip(("Last name", "First name", "Patronymic"), parts, strict=False)
        case "ORG":
            company, *below = _parts(text)
            yield "Company", company
            yield "Department", " / ".join(filter(None, below))
        case "TITLE":
            yield "Position", _plain(text)
        case "EMAIL":
            yield "E-mail", _plain(text)
        case "TEL":
            yield "Phone", _plain(text).removeprefix("tel:")
        case "URL":
            yield "Website", _plain(text)
        case "ADR":
            parts = _parts(text)
            yield "Address", ", ".join(filter(None, (*parts[2:7], *parts[:2])))
        case "BDAY":
            day = re.match(r"(\d{4})-?(\d{2})-?(\d{2})", text.strip())
            yield "Birthday", "-".join(day.groups()) if day else ""
        case "NOTE":
            yield "Note", _plain(text)


def _parts(text: str) -> list[str]:
    return [_plain(part) for part in re.split(r"(?<!\\);", text, maxsplit=MOST_PARTS - 1)]


def _plain(text: str) -> str:
    # In one pass: of `\\n`, which is a backslash before an n, nothing is an end of line.
    return re.sub(r"\\(.)", lambda sign: "\n" if sign[1] in "nN" else sign[1], text).strip()
