"""The statements of a MySQL dump, read and never run: columns of tables, and the rows that are put into them.

Source of the format: what mysqldump and mariadb-dump write (https://dev.mysql.com/doc/refman/8.4/en/mysqldump.html),
and the same as Bitrix's own backup and phpMyAdmin write it; string literals by
https://dev.mysql.com/doc/refman/8.4/en/string-literals.html.

Memory is flat: of a statement of megabytes there is never more than its longest value, and some more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

from django.utils.translation import gettext as _

CHUNK = 2**20
LONGEST_VALUE = 64 * 2**20
"""What a server takes in one packet by default, in bytes."""
LONGEST_DEFINITION = 2**20
MOST_COLUMNS, MOST_TABLES = 1000, 20_000

type Value = str | None

_TEXT = rb"[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+"
_STRING = rb"'" + _TEXT + rb"'"
# MariaDB's dumps begin with a comment of a form of its own, which keeps its client from running programs.
_BLANK = re.compile(
    rb"(?:\s++|--(?=\s)[^\n]*+\n|#[^\n]*+\n|/\*(?!M?!).*?\*/|/\*M!999999\\-[^*]*+\*/|;)*+", re.DOTALL
)
# Everything up to the end of a statement: strings, names, comments, and what is none of them. Of what may go
# on behind what was read nothing is matched, so that it is looked at again from its begin.
_TO_END = re.compile(
    rb"(?:[^'\"`;/#-]++|" + _STRING + rb"|\"(?:[^\"\\]++|\\.|\"\")*+\"|`[^`]*+`"
    rb"|/\*.*?\*/|--(?=\s)[^\n]*+\n|#[^\n]*+\n|/(?=[^*])|-(?=[^-]|-\S))*+",
    re.DOTALL,
)
_WORDS = re.compile(rb"(?:/\*M?!\d*+\s*+)?+([A-Za-z]++)(?:\s++([A-Za-z]++))?+")
_NAME = rb"(?:`([^`]{1,64})`|([A-Za-z0-9_$]{1,64}))"
_INTO = re.compile(
    rb"(?:INSERT|REPLACE)\s++(?:IGNORE\s++)?+INTO\s++" + _NAME + rb"\s*+(?:\(([^()']*+)\)\s*+)?+VALUES\s*+",
    re.IGNORECASE,
)
_TABLE = re.compile(rb"CREATE\s++TABLE\s++(?:IF\s++NOT\s++EXISTS\s++)?+" + _NAME + rb"\s*+\(", re.IGNORECASE)
_VALUE = re.compile(
    rb"\s*+(?:(NULL)|(?:_[a-z0-9]++\s*+)?+'(" + _TEXT + rb")'|(?:_binary\s++)?+0x([0-9A-Fa-f]*+)"
    rb"|([-+]?+[0-9][0-9.eE+-]*+)|[bB]'([01]{0,64})')\s*+([,)])",
    re.DOTALL | re.IGNORECASE,
)
# What may be the half of a value, where nothing follows.
_BEGINS = b"'_+-.0123456789NnBb"
_BEGIN, _BETWEEN = re.compile(rb"\s*+\("), re.compile(rb"\s*+([,;]|ON\s)", re.IGNORECASE)
_COLUMN = re.compile(rb"\s*+(?:`([^`]{1,64})`|([A-Za-z0-9_$]{1,64}))\s")
_NO_COLUMNS = frozenset(
    {"PRIMARY", "KEY", "UNIQUE", "INDEX", "FULLTEXT", "SPATIAL", "CONSTRAINT", "FOREIGN", "CHECK"}
)
_DELIMITER = re.compile(rb"DELIMITER[ \t]++([^\r\n]++)\r?\n", re.IGNORECASE)
_CHARSET = re.compile(rb"SET\s++(?:NAMES|CHARACTER\s++SET)\s++'?\"?([A-Za-z0-9_]++)", re.IGNORECASE)
_ESCAPES = (
    (b"''", b"'"), (b"\\n", b"\n"), (b"\\'", b"'"), (b'\\"', b'"'), (b"\\r", b"\r"), (b"\\t", b"\t"),
    (b"\\0", b"\0"), (b"\\Z", b"\x1a"), (b"\\b", b"\b"),
)  # fmt: skip
_OTHER = re.compile(rb"\\([^%_])", re.DOTALL)

# Whatever else a dump says is passed over; nothing of it is ever done.
_KNOWN = frozenset(
    {
        "SET",
        "DROP",
        "CREATE",
        "LOCK",
        "UNLOCK",
        "ALTER",
        "USE",
        "START",
        "BEGIN",
        "COMMIT",
        "INSERT",
        "REPLACE",
    }
)
_CODECS = {"utf8mb4": "utf-8", "utf8mb3": "utf-8", "utf8": "utf-8", "cp1251": "cp1251", "latin1": "cp1252"}


class BadDump(Exception):
    """It is no dump of a portal's database, or not a whole one; the sentence says what to do."""


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Rows:
    """Of one table; `columns` are those that were asked for, in the order of the values."""

    table: str
    columns: tuple[str, ...]
    rows: Iterator[tuple[Value, ...]]


def read_dump(
    stream: Stream, wanted: Callable[[str, Sequence[str]], Collection[str]], told: Callable[[int], object]
) -> Iterator[Rows]:
    """What is put into the tables of which `wanted` names columns, given all that a table has. The rows of
    one are to be taken before the next is asked for. `told` hears after each chunk how many bytes were read.
    Raises BadDump."""
    return _Reader(stream, wanted, told).read()


class _Reader:
    def __init__(
        self,
        stream: Stream,
        wanted: Callable[[str, Sequence[str]], Collection[str]],
        told: Callable[[int], object],
    ) -> None:
        self.stream, self.wanted, self.told = stream, wanted, told
        self.buffer, self.at, self.before, self.is_over = b"", 0, 0, False
        self.codec = "utf-8"
        self.columns: dict[str, tuple[str, ...]] = {}
        self.has_head = self.has_foot = False

    def read(self) -> Iterator[Rows]:
        while self._goes_on():
            if (delimiter := self._matched(_DELIMITER)) is not None:
                self._pass_over_programs(delimiter[1].strip())
                continue
            words = self._matched(_WORDS, takes=False)
            first = words[1].decode().upper() if words else ""
            if first not in _KNOWN:
                raise self._strange(first)
            if first in ("INSERT", "REPLACE"):
                if (rows := self._into()) is not None:
                    yield rows
                self._end()
            elif first == "CREATE" and (name := self._matched(_TABLE)) is not None:
                self._define(_named(name))
            elif first == "SET":
                self._heed(self._end())
            else:
                self._end()
        if self.has_head and not self.has_foot:
            raise self._cut()

    # The bytes

    def _fill(self) -> bool:
        """At least as much again as there is: what is looked at once more is then never looked at often."""
        if self.is_over:
            return False
        rest = self.buffer[self.at :]
        more = self.stream.read(max(CHUNK, len(rest)))
        self.before += self.at
        self.buffer, self.at, self.is_over = rest + more, 0, not more
        self.told(self.before + len(self.buffer))
        return bool(more)

    def _matched(
        self, pattern: re.Pattern[bytes], *, takes: bool = True, most: int = LONGEST_DEFINITION
    ) -> re.Match[bytes] | None:
        """Here. What reaches to the end of what was read may go on behind it, so more is read before."""
        while True:
            found = pattern.match(self.buffer, self.at)
            is_certain = found is not None and found.end() < len(self.buffer)
            if is_certain or len(self.buffer) - self.at > most or not self._fill():
                break
        if found is not None and takes:
            self.at = found.end()
        return found

    def _goes_on(self) -> bool:
        """To the next statement, past blanks and comments; what the first and the last one say is noted."""
        while True:
            if self.is_over and self.at >= len(self.buffer):
                return False
            if self.at >= len(self.buffer) and not self._fill():
                return False
            end = _end_of(_BLANK, self.buffer, self.at)
            self._note(self.buffer[self.at : end])
            self.at = end
            rest = len(self.buffer) - self.at
            # A comment that goes on behind what was read is none of them yet.
            begun = self.buffer[self.at : self.at + 3]
            is_open = (
                rest < 3 or begun[:1] in b"-#" or (begun[:2] == b"/*" and begun[2:3] not in (b"!", b"M"))
            )
            if not is_open:
                return True
            if rest > LONGEST_DEFINITION:
                raise self._strange("")
            if not self._fill():
                last = self.buffer[self.at :]
                if last and not last.startswith((b"--", b"#")):
                    return True
                # The last line may lack its end.
                self._note(last)
                self.at = len(self.buffer)
                return False

    def _note(self, passed: bytes) -> None:
        if not self.has_head and (b"-- MySQL dump" in passed or b"-- MariaDB dump" in passed):
            self.has_head = True
        if b"-- Dump completed" in passed:
            self.has_foot = True

    def _end(self) -> bytes:
        """To the end of the statement; its beginning."""
        begin = b""
        while True:
            stop = _end_of(_TO_END, self.buffer, self.at)
            if stop < len(self.buffer) and self.buffer[stop : stop + 1] == b";":
                begin = begin or self.buffer[self.at : min(stop, self.at + 500)]
                self.at = stop + 1
                return begin
            begin = begin or self.buffer[self.at : min(stop, self.at + 500)]
            self.at = stop
            if len(self.buffer) - self.at > LONGEST_VALUE:
                raise self._too_long()
            if not self._fill():
                raise self._cut()

    def _pass_over_programs(self, delimiter: bytes) -> None:
        """Triggers and procedures: nothing of them comes."""
        if delimiter == b";":
            return
        while (found := self._matched(_DELIMITER)) is None or found[1].strip() != b";":
            line = self._matched(_LINE, most=LONGEST_VALUE)
            if line is None or not line[0]:
                raise self._cut()

    # What they say

    def _heed(self, said: bytes) -> None:
        if b"NO_BACKSLASH_ESCAPES" in said.upper():
            raise BadDump(
                _("The dump was written in the mode NO_BACKSLASH_ESCAPES: write it without that one.")
            )
        if (found := _CHARSET.search(said)) is not None:
            name = found[1].decode().lower()
            if name not in _CODECS:
                text = _("The dump is written in the charset %(name)s: write it with"
                         " --default-character-set=utf8mb4.")  # fmt: skip
                raise BadDump(text % {"name": name})
            self.codec = _CODECS[name]

    def _define(self, table: str) -> None:
        """The names of its columns, each at the beginning of a line of its definition."""
        begin = self.at
        while self.buffer[(end := _end_of(_TO_END, self.buffer, self.at)) :][:1] != b";":
            if len(self.buffer) - begin > LONGEST_DEFINITION:
                raise self._too_long()
            if not self._fill():
                raise self._cut()
        text, self.at = self.buffer[self.at : end], end
        names = []
        for part in _parts(text):
            one = _COLUMN.match(part)
            if one is not None and (one[1] or one[2].decode().upper() not in _NO_COLUMNS):
                names.append(_named(one))
        if len(names) > MOST_COLUMNS or len(self.columns) >= MOST_TABLES:
            said = _(
                "There are more tables, or more columns in %(table)s, than any portal has: this is no dump."
            )
            raise BadDump(said % {"table": table})
        self.columns[table] = tuple(names)

    def _into(self) -> Rows | None:
        found = self._matched(_INTO)
        if found is None:
            raise self._strange("INSERT")
        table = _named(found)
        columns = (
            tuple(one.strip().strip(b"`").decode(errors="replace") for one in found[3].split(b","))
            if found[3]
            else self.columns.get(table, ())
        )
        asked = self.wanted(table, columns)
        if asked and not columns:
            said = _(
                "The dump does not say what columns %(table)s has: write it with the definitions of tables."
            )
            raise BadDump(said % {"table": table})
        if not asked:
            return None
        places = [place for place, name in enumerate(columns) if name in asked]
        if not places or len(set(columns)) < len(columns):
            raise self._strange(table)
        return Rows(table, tuple(columns[place] for place in places), self._rows(table, len(columns), places))

    def _rows(self, table: str, width: int, places: Sequence[int]) -> Iterator[tuple[Value, ...]]:
        wanted = [False] * width
        for place in places:
            wanted[place] = True
        while True:
            if self._matched(_BEGIN) is None:
                raise self._cut() if self.is_over else self._strange(table)
            row: list[Value] = []
            last = b","
            for number in range(width):
                found = self._value(table)
                last = found[6]
                if wanted[number]:
                    row.append(self._read(found, table))
                if (last == b")") is not (number == width - 1):
                    raise self._strange(table)
            yield tuple(row)
            after = self._matched(_BETWEEN)
            if after is None:
                raise self._cut() if self.is_over else self._strange(table)
            if after[1] != b",":
                if after[1] == b";":
                    # The end of the statement is its caller's to find.
                    self.at -= 1
                return

    def _value(self, table: str) -> re.Match[bytes]:
        found = _VALUE.match(self.buffer, self.at)
        while found is None:
            if len(self.buffer) - self.at > LONGEST_VALUE:
                raise self._too_long()
            if not self._fill():
                rest = self.buffer[self.at :].lstrip()
                raise self._cut() if not rest or rest[:1] in _BEGINS else self._strange(table)
            found = _VALUE.match(self.buffer, self.at)
        self.at = found.end()
        return found

    def _read(self, found: re.Match[bytes], table: str) -> Value:
        if found[1]:
            return None
        if found[4] is not None:
            return found[4].decode()
        if found[5] is not None:
            return str(int(found[5] or b"0", 2))
        try:
            if found[3] is not None:
                return bytes.fromhex(found[3].decode()).decode(self.codec)
            text: bytes = found[2]
            return (_plain(text) if b"\\" in text or b"''" in text else text).decode(self.codec)
        except ValueError:
            said = _("%(table)s has a text near byte %(at)s that is not %(charset)s, as the dump says: write"
                     " it with --default-character-set=utf8mb4.")  # fmt: skip
            charset = self.codec.upper()
            raise BadDump(said % {"table": table, "at": self.before + self.at, "charset": charset}) from None

    # Why not

    def _cut(self) -> BadDump:
        return BadDump(_("The dump breaks off: it ends in the middle, and was not written or copied whole."))

    def _too_long(self) -> BadDump:
        said = _("A value near byte %(at)s is longer than any that MySQL takes: this is no dump.")
        return BadDump(said % {"at": self.before + self.at})

    def _strange(self, word: str) -> BadDump:
        said = _(
            "Near byte %(at)s stands what no dump of mysqldump says (%(word)s): write it with mysqldump."
        )
        return BadDump(said % {"at": self.before + self.at, "word": word or "?"})


_LINE = re.compile(rb"[^\n]*+\n?+")


def _end_of(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """How far it reaches; nowhere where it does not match."""
    found = pattern.match(data, at)
    return found.end() if found else at


def _named(found: re.Match[bytes]) -> str:
    return (found[1] or found[2]).decode(errors="replace")


def _replaced(text: bytes, escape: tuple[bytes, bytes]) -> bytes:
    return text.replace(*escape)


def _plain(text: bytes) -> bytes:
    """As the server reads it. A run of backslashes is pairs from its left, so what is between pairs has none
    that is itself escaped."""
    parts = text.split(b"\\\\")
    for place, part in enumerate(parts):
        if b"\\" in part or b"'" in part:
            parts[place] = _OTHER.sub(rb"\1", reduce(_replaced, _ESCAPES, part))
    return b"\\".join(parts)


_PIECES = re.compile(_STRING + rb"|`[^`]*+`|/\*.*?\*/|[(),]|[^'`(),/]++|/", re.DOTALL)


def _parts(definition: bytes) -> Iterator[bytes]:
    """What stands between the commas of a definition, without what is in brackets within."""
    depth, part = 1, b""
    for found in _PIECES.finditer(definition):
        piece = found[0]
        depth += (piece == b"(") - (piece == b")")
        if depth == 0:
            break
        if piece == b"," and depth == 1:
            yield part
            part = b""
        else:
            part += piece
    yield part + b" "
