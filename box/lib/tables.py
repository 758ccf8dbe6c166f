"""Tables: CSV, XLSX and vCards read row by row, CSV and XLSX written row by row.

    for row in read_table(file): row.number, row.cells      # every cell a string, whatever it was
    return export("csv", "employees", head, rows)           # a response that streams

Memory stays flat in the number of rows. What is read comes from anywhere, so it has limits; what is written
is opened in a spreadsheet, so no cell of it is a formula.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.http import StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.lib import icalendars, vcards

if TYPE_CHECKING:
    from types import ModuleType

    from django.utils.functional import _StrOrPromise

LARGEST_FILE = 32 * 2**20
MOST_ROWS = 20_000
MOST_COLUMNS = 200
CHUNK = 64 * 1024

_SAMPLED = 20
LONGEST_LINE = 2**20
LONGEST_ROW = 4 * 2**20
LONGEST_CELL = 2**17
"""As Python's csv has it."""
# What a spreadsheet takes for a formula: at the beginning of a cell, and of whatever is a cell to one that is
# set otherwise. A number or a phone with its sign is arithmetic at worst. Nothing here runs over what may
# begin a cell itself: a text of nothing else would be read from each of its characters to the end.
_BEGINNING = r"""((?:^|[;,\t|\r\n])[^\S\t\r\n]*+"?)"""
_SIGN = r"(?=[=+\-@＝＋－＠])"
_FORMULA = re.compile(_BEGINNING + _SIGN + r"(?![+-]?(?:[\d().-]|[^\S\t\r\n])*+(?:[;,|\t\r\n]|$))")
_GUARDED = re.compile(_BEGINNING + "'" + _SIGN)

type Cell = str | int | float | bool | date | datetime | time | None


@dataclass(frozen=True)
class Reading:
    """How a table is read, where the file does not say it: what it is guessed at, and can be changed to."""

    encoding: str = ""
    delimiter: str = ""


ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1251": "Windows-1251",
    "koi8-r": "KOI8-R",
    "cp866": "DOS (866)",
    "cp1252": "Windows-1252",
}
DELIMITERS = {";": ";", ",": ",", "\t": "Tab", "|": "|"}
# Where they are in other encodings stand rare letters and signs of frames.
_FREQUENT = frozenset("оеаинтсрвлкмдпу")
_CYRILLIC = ("cp1251", "koi8-r", "cp866")


class TableRefused(ValidationError):
    """The file is not a table that we read; the message says what to do."""

    def __init__(self, message: _StrOrPromise) -> None:
        super().__init__(message, code="table")


@dataclass(frozen=True)
class Row:
    """A row that is not empty, with the number that its spreadsheet shows, counted from 1."""

    number: int
    cells: tuple[str, ...]


@dataclass
class Rows(Iterator[Row]):
    """The rows of a table, as they are read."""

    rows: Iterator[Row]
    count: int | None = None
    """How many there are, where that is known before they are read."""

    def __next__(self) -> Row:
        return next(self.rows)


def read_table(file: IO[bytes], reading: Reading = Reading(), *, most_rows: int = MOST_ROWS) -> Rows:
    """The rows of a CSV file, of the first sheet of an XLSX file, of an address book of vCards or of a
    calendar, whichever it is; of the usual encodings and delimiters that which it looks like, unless
    `reading` says it. One can seek in `file`.

    Raises TableRefused, also in the middle: for what is no table, too large, or a bomb.
    """
    size = file.seek(0, io.SEEK_END)
    head = _head(file)
    if size > LARGEST_FILE:
        raise TableRefused(
            _("This file is too large: %(most)s MB at most. Split it.") % {"most": LARGEST_FILE // 2**20}
        )
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise TableRefused(_("This is an old Excel file: save it as .xlsx and choose that one."))
    if head.startswith(b"PK"):
        count, rows = _xlsx().read(file)
        if count > most_rows:
            raise _too_many(most_rows)
        return Rows(_limited(rows, most_rows), count)
    encoding = reading.encoding if reading.encoding in ENCODINGS else _encoding_of(file)
    if _is_vcard(file):
        return Rows(_limited(_cards(file, encoding), most_rows))
    if _is_icalendar(file):
        return Rows(_limited(_events(file), most_rows))
    return Rows(_limited(_csv(file, encoding, reading.delimiter), most_rows))


def guess_reading(file: IO[bytes]) -> Reading:
    """What `read_table` takes the file for; nothing of what says it itself. Raises TableRefused."""
    if _head(file).startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return Reading()
    encoding = _encoding_of(file)
    if _is_vcard(file) or _is_icalendar(file):
        return Reading(encoding)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        return Reading(encoding, _delimiter_of(list(_sample(text))))
    except csv.Error:
        raise TableRefused(_("This is no table: choose a .csv or .xlsx file.")) from None
    finally:
        text.detach()


def _is_vcard(file: IO[bytes]) -> bool:
    file.seek(0)
    is_vcard = vcards.is_vcard(file.read(CHUNK))
    file.seek(0)
    return is_vcard


def _is_icalendar(file: IO[bytes]) -> bool:
    file.seek(0)
    is_calendar = icalendars.is_icalendar(file.read(CHUNK))
    file.seek(0)
    return is_calendar


def _events(file: IO[bytes]) -> Iterator[tuple[int, Sequence[Any]]]:
    file.seek(0)
    zone = timezone.get_current_timezone_name()
    try:
        yield from enumerate(icalendars.rows(file.read(icalendars.LARGEST + 1), zone=zone), start=1)
    except icalendars.NotCalendar as error:
        raise TableRefused(
            _("This calendar cannot be read: %(why)s Export it again.") % {"why": error}
        ) from None


def _cards(file: IO[bytes], encoding: str) -> Iterator[tuple[int, Sequence[Any]]]:
    file.seek(0)
    try:
        yield from vcards.read(file, encoding)
    except vcards.NotVcard:
        raise TableRefused(_("This address book is damaged: export it once more.")) from None


def _xlsx() -> ModuleType:
    """openpyxl takes 6 MB of memory, which processes that meet no spreadsheet do without."""
    from box.lib import xlsx

    return xlsx


def _limited(rows: Iterator[tuple[int, Sequence[Any]]], most_rows: int) -> Iterator[Row]:
    count = 0
    for number, values in rows:
        if values.count(None) == len(values):
            continue
        if len(values) > MOST_COLUMNS and not all(_is_empty(value) for value in values[MOST_COLUMNS:]):
            raise TableRefused(_("Too many columns: %(most)s at most.") % {"most": MOST_COLUMNS})
        cells = [_text(value) for value in values[:MOST_COLUMNS]]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        if any(len(cell) > LONGEST_CELL for cell in cells):
            raise TableRefused(_("Row %(row)s holds too long a text: shorten it.") % {"row": number})
        count += 1
        if count > most_rows:
            raise _too_many(most_rows)
        yield Row(number, tuple(cells))


def _too_many(most: int) -> TableRefused:
    return TableRefused(_("Too many rows: %(most)s at most. Split the file.") % {"most": most})


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
    text = str(value).replace("\x00", "").strip()
    # Without the guard that an export of ours put before what looks like a formula.
    return _GUARDED.sub(r"\1", text)


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    return head


# CSV


def _encoding_of(file: IO[bytes]) -> str:
    head = _head(file)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    encoding = "utf-8-sig"
    while chunk := file.read(CHUNK):
        if b"\x00" in chunk:
            raise TableRefused(_("This is no table: choose a .csv or .xlsx file."))
        if encoding == "utf-8-sig":
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                encoding = _single_byte(chunk)
    return encoding


def _single_byte(sample: bytes) -> str:
    """The Cyrillic one in which the most letters are frequent ones; without a letter of those, the West's."""

    def frequent(encoding: str) -> int:
        return sum(letter in _FREQUENT for letter in sample.decode(encoding, errors="replace"))

    best = max(_CYRILLIC, key=frequent)
    return best if frequent(best) else "cp1252"


def _csv(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[tuple[int, Sequence[Any]]]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        lines = list(_sample(text))
        part = delimiter if delimiter in DELIMITERS else _delimiter_of(lines)
        read = 0

        def bounded() -> Iterator[str]:
            """Of one row no more than one would keep in memory, in however many lines it stands."""
            nonlocal read
            for line in itertools.chain(lines, iter(lambda: text.readline(LONGEST_ROW), "")):
                read += len(line)
                if read >= LONGEST_ROW:
                    raise csv.Error("no row is as long")
                yield line

        for number, cells in enumerate(csv.reader(bounded(), delimiter=part), start=1):
            read = 0
            yield number, cells
    except csv.Error:
        raise TableRefused(_("This is no table: choose a .csv or .xlsx file.")) from None
    finally:
        if not file.closed:
            text.detach()


def _sample(text: IO[str]) -> Iterator[str]:
    """The first lines, as far as they are lines: a file without any is not read whole."""
    left = LONGEST_LINE
    for _number in range(_SAMPLED):
        line = text.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            raise csv.Error("no line is as long")
        if not line:
            return
        yield line
        left -= len(line)
        if left <= 0:
            return


def _delimiter_of(lines: Sequence[str]) -> str:
    """The one that parts the first lines into the most cells, the same number in each."""

    def score(delimiter: str) -> tuple[int, int]:
        counts = [len(values) for values in csv.reader(lines, delimiter=delimiter) if values]
        usual = max(set(counts), key=counts.count, default=1)
        return (counts.count(usual) if usual > 1 else 0, usual)

    return max(DELIMITERS, key=score)


# Writing


def export(
    kind: str, name: str, head: Sequence[_StrOrPromise], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """The rows as a file to save, `kind` being csv or xlsx, in the language and time zone of now.

    `rows` is read while the answer goes out: give it a queryset's `.iterator()`.
    """
    language, zone = translation.get_language(), timezone.get_current_timezone()
    titles = [str(title) for title in head]
    write: Callable[..., Iterator[bytes]] = written_csv if kind == "csv" else _xlsx().written

    def chunks() -> Iterator[bytes]:
        with translation.override(language), timezone.override(zone):
            yield from write(itertools.chain([titles], rows))

    response = StreamingHttpResponse(chunks(), content_type=CONTENT_TYPES[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    response.headers["Cache-Control"] = "no-store"
    return response


CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def written_csv(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Chunks of a CSV file as the reader's Excel expects it: with a BOM, in Russian parted by semicolons."""
    delimiter = ";" if translation.get_language() == "ru" else ","
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    out.write("\ufeff")
    for row in rows:
        writer.writerow([_guarded(_written(value)) for value in row])
        if out.tell() >= CHUNK:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _guarded(text: str) -> str:
    return _FORMULA.sub(r"\1'", text)


def _written(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return _("yes") if value else _("no")
        case datetime() if timezone.is_aware(value):
            return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
        case date() | time():
            return value.isoformat()
    return str(value)
