"""Spreadsheets of box.lib.tables: read without trust, and written row by row."""

from __future__ import annotations

import io
import itertools
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any
from xml.parsers import expat

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.lib.tables import CHUNK, MOST_COLUMNS, Cell, TableRefused

# Where defusedxml is installed openpyxl reads by it, which is Python's parser written in Python, ten times as
# slow. What it would refuse, documents that declare entities, `_look_over` refuses before.
os.environ["OPENPYXL_DEFUSEDXML"] = "False"

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.reader import excel
from openpyxl.worksheet._read_only import ReadOnlyWorksheet


class _Sheet(ReadOnlyWorksheet):
    """Does not look for its size, which may be wrong: openpyxl reads a sheet that says none to its end."""

    def _get_size(self) -> None:
        pass


# The name by which openpyxl's reader makes sheets.
vars(excel)["ReadOnlyWorksheet"] = _Sheet

# Unpacked: a sheet of 20,000 rows has about 20 MB, and repeats itself enough for a ratio of 40.
LARGEST_SHEET = 128 * 2**20
LARGEST_PART = 32 * 2**20
# A sheet whose columns are formatted to the end has as many cells as that in each row.
MOST_CELLS_IN_ROW = 16_384
MOST_ELEMENTS = 1_000_000
LARGEST_BOOK = 2 * LARGEST_SHEET
"""All parts together: each is read once."""
LARGEST_DIRECTORY = 2**20
"""Of the archive, which is read whole before anything can be asked of it; a part takes about 100 bytes."""
LAST_ROW = 1_048_576
LONGEST_CELL = 32_767

_OF_VALUES = frozenset({"v", "t", "is", "f"})
_MOST_NAMES = 1000
_DAMAGED = gettext_lazy("This file is damaged, or no table: open it in a spreadsheet and save it again.")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)


def read(file: IO[bytes]) -> tuple[int, Iterator[tuple[int, Sequence[Any]]]]:
    """How many rows of the first sheet say something, and of each of its rows the number and the values.
    Raises TableRefused, also in the middle.

    Counting takes a tenth of what reading takes: openpyxl makes an object of each cell.
    """
    try:
        counts = _look_over(file)
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet: Any = book.worksheets[0]
        # Which part of the archive it is, openpyxl has found out by the book's relations.
        return counts[sheet._worksheet_path], _rows(sheet)
    except TableRefused:
        raise
    except Exception as error:
        # openpyxl meets anything here and raises anything.
        raise TableRefused(_DAMAGED) from error


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    try:
        rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
        # A sheet may claim any number for its last row, and the rows before it come as empty ones.
        yield from itertools.islice(enumerate(rows, start=1), LAST_ROW)
    except Exception as error:
        raise TableRefused(_DAMAGED) from error


def _look_over(file: IO[bytes]) -> dict[str, int]:
    """Reads each part of the archive once, in flat memory, before openpyxl makes objects of it, and refuses
    bombs; the rows of each part.

    An entry never unpacks to more than the size it declares: `zipfile` stops there.
    """
    _refuse_long_directory(file)
    rows: dict[str, int] = {}
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST_BOOK:
            raise TableRefused(_("This file unpacks to too much: save only the table, without pictures."))
        for entry in archive.infolist():
            is_sheet = _SHEET.fullmatch(entry.filename) is not None
            if entry.file_size > (LARGEST_SHEET if is_sheet else LARGEST_PART):
                raise TableRefused(_("This file unpacks to too much: save only the table, without pictures."))
            with archive.open(entry) as part:
                rows[entry.filename] = _count_rows(part)
    return rows


def _refuse_long_directory(file: IO[bytes]) -> None:
    """By the record at the archive's end (APPNOTE 4.3.16), which says how long it is; no spreadsheet of the
    size that we take has the other kind of it, of 64 bits."""
    file.seek(0, io.SEEK_END)
    file.seek(max(0, file.tell() - 2**16 - 100))
    end = file.read()
    at = end.rfind(b"PK\x05\x06")
    size = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    if size > LARGEST_DIRECTORY or b"PK\x06\x07" in end:
        raise TableRefused(_("This file unpacks to too much: save only the table, without pictures."))
    file.seek(0)


def _count_rows(part: IO[bytes]) -> int:
    """Those with a value in them. Counts what openpyxl would keep in memory at once, too: the cells of a row,
    and all that is no cell. Raises TableRefused."""
    rows = in_row = others = 0
    has_value = False
    names = dict[str, str]()

    def start(name: str, attributes: object) -> None:
        # Called for each element of a hundred megabytes.
        nonlocal rows, in_row, others, has_value
        if (local := names.get(name)) is None:
            local = name.rpartition(":")[2]
            if len(names) < _MOST_NAMES:
                names[name] = local
        if local == "c":
            in_row += 1
            if in_row > MOST_CELLS_IN_ROW:
                raise _too_long()
        elif local in _OF_VALUES:
            has_value = True
        elif local == "row":
            rows, in_row, has_value = rows + has_value, 0, False
        else:
            others += 1
            if others > MOST_ELEMENTS:
                raise _too_long()

    def refuse(*_: object) -> None:
        # No spreadsheet has a document type, and entities are declared nowhere else.
        raise TableRefused(_DAMAGED)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        while chunk := part.read(CHUNK):
            parser.Parse(chunk)
    except expat.ExpatError:
        # A picture, or broken: openpyxl stops at the same place.
        pass
    return rows + has_value


def _too_long() -> TableRefused:
    return TableRefused(_("This table is too wide or too long: save only what is needed."))


def written(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Chunks of a file with one sheet, kept on the disk while it grows."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    with TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


def _cell(sheet: Any, value: Cell) -> Any:
    match value:
        case bool():
            value = _("yes") if value else _("no")
        case datetime() if timezone.is_aware(value):
            value = timezone.localtime(value).replace(tzinfo=None, microsecond=0)
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:LONGEST_CELL])
    # Also where it begins like a formula.
    cell.data_type = "s"
    return cell
