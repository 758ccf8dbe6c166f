from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.utils import timezone, translation
from openpyxl import Workbook, load_workbook

from box.lib import tables, xlsx
from box.lib.tables import Reading, Row, TableRefused, export, read_table, written_csv
from box.lib.xlsx import LARGEST_SHEET


def cells(data: bytes, *, most_rows: int = tables.MOST_ROWS) -> list[tuple[str, ...]]:
    return [row.cells for row in read_table(io.BytesIO(data), most_rows=most_rows)]


def book_of(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_sheet(data: bytes, sheet: bytes) -> bytes:
    """The same workbook, with other bytes for its first sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else old.read(name))
    return out.getvalue()


PEOPLE = [("Имя", "Телефон"), ("Ёлкина, Дарья", "+7 916 123-45-67"), ("Bob", "")]
READ = [("Имя", "Телефон"), ("Ёлкина, Дарья", "+7 916 123-45-67"), ("Bob",)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_a_csv_file_is_read_whatever_wrote_it(encoding: str, delimiter: str) -> None:
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in PEOPLE)
    assert cells(text.encode(encoding)) == READ


def test_commas_within_a_field_do_not_part_it() -> None:
    assert cells(b"Name;About\nAnna;a, b, c\nBoris;d\n") == [
        ("Name", "About"),
        ("Anna", "a, b, c"),
        ("Boris", "d"),
    ]


def test_an_xlsx_file_is_read_as_people_see_it() -> None:
    born = datetime(1990, 5, 1)  # noqa: DTZ001 - a spreadsheet knows no zones
    data = book_of(["Born", "Phone", "Share", "Is"], [born, 79161234567, 0.5, True], [], ["x"])
    assert list(read_table(io.BytesIO(data))) == [
        Row(1, ("Born", "Phone", "Share", "Is")),
        Row(2, ("1990-05-01", "79161234567", "0.5", "1")),
        Row(4, ("x",)),
    ]


def test_empty_files_have_no_rows() -> None:
    assert cells(b"") == []
    assert cells(b"\n\n;;\n") == []


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "no table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
        (b"PK\x03\x04 and nothing more", "damaged"),
        (b"a" * 200_000 + b";b\n", "no table"),
    ],
)
def test_what_is_no_table_is_refused_with_a_word(data: bytes, word: str) -> None:
    with pytest.raises(TableRefused) as refused:
        cells(data)
    assert word in str(refused.value)


def test_limits_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TableRefused, match="Too many rows: 2 at most"):
        cells(b"a\nb\nc\n", most_rows=2)
    with pytest.raises(TableRefused, match="Too many columns"):
        cells(b";".join([b"a"] * 201))
    with pytest.raises(TableRefused, match="Too many columns"):
        cells(book_of(["a"] * 201))
    monkeypatch.setattr(tables, "LARGEST_FILE", 10)
    with pytest.raises(TableRefused, match="too large"):
        cells(b"a" * 11)


def test_a_zip_bomb_is_refused_before_it_unpacks() -> None:
    bomb = with_sheet(book_of(["a"]), b"0" * (LARGEST_SHEET + 1))
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    with pytest.raises(TableRefused, match="unpacks to too much"):
        cells(bomb)
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("sheet", "word"),
    [
        (
            b"<worksheet><sheetData><row r='1'>" + b"<c/>" * 20_000 + b"</row></sheetData></worksheet>",
            "too wide",
        ),
        (b"<worksheet>" + b"<x/>" * 1_000_001 + b"</worksheet>", "too wide"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet><sheetData/></worksheet>", "damaged"),
    ],
)
def test_a_sheet_that_would_fill_the_memory_is_refused(sheet: bytes, word: str) -> None:
    bomb = with_sheet(book_of(["a"]), sheet)
    with pytest.raises(TableRefused, match=word):
        cells(bomb)


def test_the_rows_of_a_spreadsheet_are_counted_without_reading_them() -> None:
    rows: list[list[str | int | None]] = [
        [f"name {number}", number] if number % 3 else ["", None] for number in range(300)
    ]
    table = read_table(io.BytesIO(b"".join(xlsx.written(rows))))
    assert table.count == sum(1 for _row in table) == 200
    with pytest.raises(TableRefused, match="199 at most"):
        read_table(io.BytesIO(b"".join(xlsx.written(rows))), most_rows=199)


def test_of_several_sheets_the_first_is_counted_whatever_the_others_hold() -> None:
    book = Workbook()
    book.active.append(["a", 1])  # type: ignore[union-attr]
    other = book.create_sheet("Other")
    for number in range(50):
        other.append([number])
    for first in (book.worksheets[0], other):
        book.move_sheet(first, -book.index(first))
        out = io.BytesIO()
        book.save(out)
        table = read_table(io.BytesIO(out.getvalue()), most_rows=50)
        assert table.count == sum(1 for _row in table)
        if first.title != "Other":
            assert read_table(io.BytesIO(out.getvalue()), most_rows=1).count == 1


def test_a_row_that_claims_a_distant_number_does_not_take_forever() -> None:
    empty = b"<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>"
    far = empty + b"<row r='99999999999'><c t='str'><v>x</v></c></row></sheetData></worksheet>"
    assert cells(with_sheet(book_of(["a"]), far)) == []


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", "\t=1"]


def test_no_cell_of_an_export_is_a_formula() -> None:
    written = b"".join(written_csv([FORMULAS])).decode("utf-8-sig")
    assert all(f"'{formula.strip()}" in written for formula in FORMULAS)
    book = load_workbook(io.BytesIO(b"".join(xlsx.written([FORMULAS]))))
    assert [(cell.data_type, cell.value) for cell in next(book.worksheets[0].rows)] == [
        ("s", formula) for formula in FORMULAS
    ]


@pytest.mark.parametrize("mark", [";", ",", "\t", "|", "\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"', ' "', " "])
def test_nor_is_one_that_begins_where_another_spreadsheet_ends_a_cell(mark: str, quote: str) -> None:
    """Whatever it takes for the end of a cell: Excel's depends on the country."""
    for sign in "=+-@＝":
        text = f"a{mark}{quote}{sign}cmd|' /C calc'!A0"
        for language in ("en", "ru"):
            with translation.override(language):
                written = b"".join(written_csv([["x", text]])).decode("utf-8-sig")
            for delimiter in ";,\t|":
                for found in csv.reader(io.StringIO(written), delimiter=delimiter):
                    assert not [cell for cell in found if cell.strip(' \t\r\n"')[:1] in {*"=+-@＝"} - {""}]
        assert tables._text(tables._guarded(text)) == text


def test_phones_and_numbers_stay_what_they_are() -> None:
    row: list[tables.Cell] = ["+7 (916) 123-45-67", "-5", 7, 1.5]
    assert b"+7 (916) 123-45-67,-5,7,1.5" in b"".join(written_csv([row]))
    assert b"+7 (916) 123-45-67, +7 495 1234567" in b"".join(written_csv([[f"{row[0]}, +7 495 1234567"]]))
    assert b"e-mail; a-b | c" in b"".join(written_csv([["e-mail; a-b | c"]]))


@pytest.mark.parametrize("write", [written_csv, xlsx.written])
def test_what_was_exported_reads_back(write: object) -> None:
    row = ['Ёлкина; «Дарья», "D"', "=1+1", "+79161234567", date(2026, 11, 24), None, "x"]
    written = b"".join(write([["a"] * 6, row]))  # type: ignore[operator]
    assert cells(written)[1] == ('Ёлкина; «Дарья», "D"', "=1+1", "+79161234567", "2026-11-24", "", "x")


def test_control_characters_do_not_break_an_export() -> None:
    assert cells(b"".join(xlsx.written([["a\x01b"]]))) == [("ab",)]


def test_an_export_streams_in_its_readers_language_and_time() -> None:
    def rows() -> Iterator[list[tables.Cell]]:
        yield [datetime(2026, 11, 24, 21, 30, tzinfo=UTC), True]

    with translation.override("ru"), timezone.override("Europe/Moscow"):
        response = export("csv", "employees", ["Когда", "Да"], rows())
    text = b"".join(response).decode("utf-8-sig")
    assert text == "Когда;Да\r\n2026-11-25 00:30;да\r\n"
    assert response.headers["Content-Disposition"] == 'attachment; filename="employees.csv"'


def test_memory_is_flat_in_the_number_of_rows() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in written_csv(["x" * 50] * 4 for _ in range(count)):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(20_000) < 2 * peak(2_000)


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866", "utf-16", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_what_a_file_does_not_say_is_guessed(encoding: str, delimiter: str) -> None:
    text = f"Название{delimiter}Город\nКондиционер{delimiter}Тверь\n"
    file = io.BytesIO(text.encode(encoding))
    guess = tables.guess_reading(file)
    assert guess == Reading({"utf-8": "utf-8-sig"}.get(encoding, encoding), delimiter)
    assert [row.cells for row in read_table(file, guess)][1] == ("Кондиционер", "Тверь")


def test_what_was_chosen_is_obeyed() -> None:
    file = io.BytesIO(b"a,b;c\n")
    assert [row.cells for row in read_table(file, Reading("utf-8-sig", ","))] == [("a", "b;c")]
    assert [row.cells for row in read_table(file, Reading("utf-8-sig", ";"))] == [("a,b", "c")]


def test_western_letters_are_no_cyrillic_ones() -> None:
    assert tables.guess_reading(io.BytesIO("Name;Ort\nMüller;Köln\n".encode("cp1252"))).encoding == "cp1252"


def test_a_file_without_a_line_is_refused() -> None:
    with pytest.raises(TableRefused, match="no table"):
        tables.guess_reading(io.BytesIO(b"a" * (tables.LONGEST_LINE + 1)))


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("x" + "\t" * 120_000 + "=1", "x" + "\t" * 120_000 + "'=1"),
        ("x" + "\n-1" * 40_000, "x" + "\n-1" * 40_000),
        (";" + " " * 120_000 + "@x", ";" + " " * 120_000 + "'@x"),
        ("-1\n=1", "-1\n'=1"),
        ("-a\n1", "'-a\n1"),
    ],
)
def test_a_cell_of_what_may_begin_one_is_guarded_in_one_pass(text: str, guarded: str) -> None:
    """Each of these took ten seconds and more where a pass began at each character anew."""
    (written,) = csv.reader(io.StringIO(b"".join(written_csv([[text]])).decode("utf-8-sig"), newline=""))
    assert written == [guarded]
    (row,) = read_table(io.BytesIO(f'"{guarded}"'.encode()), Reading(delimiter=";"))
    assert row.cells == (text.strip(),)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(";" * tables.LONGEST_ROW, id="cells"),
        pytest.param('"a\n";' * (tables.LONGEST_ROW // 5 + 1), id="lines of one row"),
    ],
)
def test_a_row_is_bounded_wherever_it_stands(rows: str) -> None:
    """The first rows are looked at to find out how it is parted; this one comes after them."""
    data = ("a;b\n" * 30 + rows).encode()
    with pytest.raises(TableRefused, match="no table"):
        cells(data)
    tracemalloc.start()
    with pytest.raises(TableRefused):
        cells(data)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20 * tables.LONGEST_ROW


def test_empty_cells_after_the_last_column_are_none_and_others_are_too_many() -> None:
    wide = ["a", *[""] * (tables.MOST_COLUMNS - 1)]
    assert cells((";".join([*wide, "", " "]) + "\na\n").encode()) == [("a",), ("a",)]
    with pytest.raises(TableRefused, match="Too many columns"):
        cells((";".join([*wide, "b"]) + "\na;b\n").encode())


def test_a_cell_has_an_end() -> None:
    sheet = "".join(
        (
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>',
            '<row r="1"><c r="A1" t="inlineStr"><is><t>{}</t></is></c></row></sheetData></worksheet>',
        )
    )
    longest = "a" * tables.LONGEST_CELL
    assert cells(with_sheet(book_of(["x"]), sheet.format(longest).encode())) == [(longest,)]
    with pytest.raises(TableRefused, match="Row 1 holds too long a text"):
        cells(with_sheet(book_of(["x"]), sheet.format(f"{longest}a").encode()))


def test_an_archive_of_many_parts_is_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = book_of(["x"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        whole = sum(entry.file_size for entry in archive.infolist())
    monkeypatch.setattr(xlsx, "LARGEST_BOOK", whole)
    assert cells(data) == [("x",)]
    monkeypatch.setattr(xlsx, "LARGEST_BOOK", whole - 1)
    with pytest.raises(TableRefused, match="unpacks to too much"):
        cells(data)


@pytest.mark.parametrize("most", [100, 2**20])
def test_and_so_is_one_whose_directory_has_no_end(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "LARGEST_DIRECTORY", most)
    opened: list[object] = []
    data, read = book_of(["x"]), zipfile.ZipFile.__init__

    def noting(archive: zipfile.ZipFile, *given: Any, **more: Any) -> None:
        opened.append(archive)
        read(archive, *given, **more)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", noting)
    if most == 100:
        with pytest.raises(TableRefused, match="unpacks to too much"):
            cells(data)
        assert opened == []
    else:
        assert cells(data) == [("x",)]


def test_an_archive_of_the_larger_kind_is_refused() -> None:
    """Its directory may be of any length, whatever the smaller record says."""
    data = book_of(["x"])
    at = data.rfind(b"PK\x05\x06")
    with pytest.raises(TableRefused, match="unpacks to too much"):
        cells(data[:at] + b"PK\x06\x07" + bytes(16) + data[at:])
