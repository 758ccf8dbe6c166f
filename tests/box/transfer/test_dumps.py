"""Dumps are read as they are written, in pieces of any size, and nothing that is no dump is taken for one."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.php_serialized import NotSerialized, several, unserialized
from box.transfer.boxed import dump, extract, folder
from box.transfer.boxed.dump import BadDump, read_dump
from tests.boxed import sql
from tests.boxed.company import serialized

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

COLUMNS = {"ID": "int NOT NULL COMMENT 'a, (b'", "NAME": "varchar(255) DEFAULT NULL", "RATE": "decimal(18,2)"}


class Slow:
    """A stream of pieces of this size."""

    def __init__(self, content: bytes, size: int) -> None:
        self.content, self.size = io.BytesIO(content), size

    def read(self, size: int, /) -> bytes:
        return self.content.read(self.size)


def read(content: bytes, size: int = 2**20) -> list[tuple[Any, ...]]:
    found = read_dump(
        Slow(content, size),
        lambda table, columns: (columns or ("ID",)) if table == "b_user" else (),
        lambda at: None,
    )
    return [row for rows in found for row in rows.rows]


def whole(rows: list[list[Any]], *, more: str = "") -> bytes:
    text = [sql.HEAD, *sql.table("b_user", COLUMNS, rows, at_once=3), *sql.table("b_other", COLUMNS, rows)]
    return "".join([*text, sql.PROGRAMS, more, sql.FOOT]).encode()


ROWS = [[number, f"it's; \\ -- /* {number} */\n\r\t\0\x1a\"`", None] for number in range(10)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 4096])
def test_rows_are_the_same_in_pieces_of_any_size(size: int) -> None:
    assert read(whole(ROWS), size) == [(str(number), name, None) for number, name, _rate in ROWS]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=6), st.integers(1, 40)
)
def test_any_text_comes_as_it_was(texts: list[str], size: int) -> None:
    rows = [[number, text, 1.5] for number, text in enumerate(texts)]
    assert read(whole(rows), size) == [(str(number), text, "1.5") for number, text in enumerate(texts)]


def test_other_ways_to_write_the_same_are_known() -> None:
    """As phpMyAdmin, the portal's own backup, and mysqldump with other options write it."""
    text = """SET NAMES 'utf8';
# a comment; with 'a quote
CREATE TABLE IF NOT EXISTS b_user (ID int, NAME text, KEY x (NAME), PRIMARY KEY (ID));
INSERT INTO `b_user` (`NAME`, `ID`) VALUES
('one', 1),
(_binary 'two', 2),
(0x7468726565, 3);
REPLACE INTO b_user VALUES (4,'fo''ur'),(5,'\\%\\_\\q');
insert ignore into `b_user` values (6,_utf8mb4'six') ON DUPLICATE KEY UPDATE NAME = 'x;y';
/* another; one */ INSERT INTO b_user VALUES (b'111',NULL);
"""
    assert read(text.encode()) == [
        *[("one", "1"), ("two", "2"), ("three", "3"), ("4", "fo'ur"), ("5", "\\%\\_q"), ("6", "six")],
        ("7", None),
    ]


def test_a_dump_of_mariadb_begins_with_a_comment_of_its_own() -> None:
    begin = "/*M!999999\\- enable the sandbox mode */ \n"
    text = begin + whole(ROWS[:1]).decode().replace("MySQL dump", "MariaDB dump")
    # And its last line may lack its end.
    assert len(read(text.encode())) == len(read(text.rstrip().encode())) == 1


def test_texts_in_another_charset_come_as_they_were() -> None:
    text = whole([[1, "Привет", None]]).decode().replace("SET NAMES utf8mb4", "SET NAMES cp1251")
    assert read(text.encode("cp1251")) == [("1", "Привет", None)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (whole(ROWS).replace(b"utf8mb4 */", b"sjis */"), "charset sjis"),
        (whole([[1, "Привет", None]]).decode().encode("cp1251"), "not UTF-8"),
        (b"INSERT INTO b_user VALUES (1,'x');", "does not say what columns"),
        (whole(ROWS, more="GRANT ALL ON *.* TO 'x';\n"), "GRANT"),
        (whole(ROWS, more="LOAD DATA INFILE '/etc/passwd' INTO TABLE b_user;\n"), "LOAD"),
        (whole(ROWS, more="DELETE FROM b_user;\n"), "DELETE"),
        (whole(ROWS, more="COPY b_user FROM stdin;\n"), "COPY"),
        (whole(ROWS, more="\\! rm -rf /\n"), r"\?"),
        (whole(ROWS, more="SET SQL_MODE='NO_BACKSLASH_ESCAPES';\n"), "NO_BACKSLASH_ESCAPES"),
        (whole(ROWS, more="INSERT INTO b_user VALUES (1,sleep(9),2);\n"), "b_user"),
        (whole(ROWS, more="INSERT INTO b_user VALUES (1);\n"), "b_user"),
        (whole(ROWS, more="INSERT INTO b_user VALUES (1,'a',2,3);\n"), "b_user"),
        (whole(ROWS, more="INSERT INTO b_user SELECT * FROM b_other;\n"), "INSERT"),
        (whole(ROWS, more="INSERT INTO b_user (ID,ID) VALUES (1,2);\n"), "b_user"),
        (b"\0" * 5_000_000, r"\?"),
        (b"{" * 100, r"\?"),
    ],
)
def test_what_no_dump_says_is_refused_with_a_sentence(content: bytes, why: str) -> None:
    with pytest.raises(BadDump, match=why):
        read(content)


def test_a_dump_that_breaks_off_is_refused_wherever_it_does() -> None:
    content = whole(ROWS)
    begin, end = content.index(b"-- MySQL dump") + 14, content.index(b"-- Dump completed")
    for cut in range(begin, end, 13):
        with pytest.raises(BadDump, match=r"breaks off|stands what no dump"):
            read(content[:cut], 100)


def test_a_value_that_no_server_takes_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "LONGEST_VALUE", 100_000)
    monkeypatch.setattr(dump, "CHUNK", 1000)
    for table in ("b_user", "b_other"):
        content = whole(ROWS) + f"INSERT INTO {table} VALUES (1,'".encode() + b"x" * 500_000
        with pytest.raises(BadDump, match="longer than any"):
            read(content)


# Where they lie


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    settings.MOVING_DIR, settings.EXTRACTS_DIR = tmp_path / "moving", tmp_path / "extracts"
    (tmp_path / "moving/portal/upload/main/a").mkdir(parents=True)
    (tmp_path / "moving/portal/upload/main/a/1.bin").write_bytes(b"One")
    (tmp_path / "moving/portal/portal.sql").write_bytes(whole(ROWS))
    return tmp_path / "moving/portal"


@pytest.fixture
def of_portal(place: Path) -> Iterator[folder.Folder]:
    with folder.opened("portal") as found:
        yield found


def test_a_file_is_read_by_its_names(of_portal: folder.Folder) -> None:
    with of_portal.open("upload", "main", "a", "1.bin") as file:
        assert file.read() == b"One"


@pytest.mark.parametrize(
    "path",
    [
        ("upload", "..", "portal.sql"),
        ("upload", "main", "a", ""),
        ("upload", "main", "a/1.bin"),
        ("upload", "main", "a", "1\0.bin"),
        ("upload", "main", "a", "ы" * 200),
        ("upload", "main", "a", "2.bin"),
        ("upload", "main", "a"),
        ("upload", "out", "secret"),
        ("upload", "out.bin"),
        ("upload", "pipe"),
    ],
)
def test_what_leads_elsewhere_or_is_no_file_is_refused(
    place: Path, of_portal: folder.Folder, tmp_path: Path, path: tuple[str, ...]
) -> None:
    (tmp_path / "secret").write_text("Nobody's business")
    (place / "upload/out").symlink_to(tmp_path)
    (place / "upload/out.bin").symlink_to(tmp_path / "secret")
    os.mkfifo(place / "upload/pipe")
    with pytest.raises(folder.FolderAway):
        of_portal.open(*path)


@pytest.mark.parametrize(
    "name", ["", "..", ".", "../portal", "/etc", "portal/upload", ".hidden", "a\nb", "link", "none"]
)
def test_a_folder_is_a_name_below_one_place(place: Path, name: str) -> None:
    (place.parent / "link").symlink_to("/etc")
    with pytest.raises(folder.FolderAway), folder.opened(name):
        pass
    assert folder.names() == ["portal"]


def test_a_folder_that_everybody_writes_to_is_refused(place: Path) -> None:
    place.chmod(0o777)
    with pytest.raises(folder.FolderAway, match="chmod o-w"), folder.opened("portal"):
        pass


def test_there_is_one_dump_in_it(place: Path, of_portal: folder.Folder) -> None:
    (place / "older.sql.gz").write_bytes(b"")
    with pytest.raises(folder.FolderAway, match="holds 2"):
        of_portal.dump()


# What is kept of them


def test_a_dump_is_read_once_and_again_when_it_is_another(place: Path, of_portal: folder.Folder) -> None:
    path = extract.extracted(of_portal, lambda: None)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert extract.extracted(of_portal, lambda: None) == path
    with extract.opened(path) as rows:
        assert rows.count("b_user") == 10
    (place / "portal.sql").write_bytes(whole(ROWS[:3]))
    with extract.opened(extract.extracted(of_portal, lambda: None)) as rows:
        assert rows.count("b_user") == 3


def test_what_a_killed_one_has_left_is_no_extract(place: Path, of_portal: folder.Folder) -> None:
    path = extract.extracted(of_portal, lambda: None)
    path.rename(path.with_suffix(".part"))
    path.with_suffix(".part").write_bytes(b"Half of it")
    with extract.opened(extract.extracted(of_portal, lambda: None)) as rows:
        assert rows.count("b_user") == 10
    assert not path.with_suffix(".part").exists()


def test_a_place_that_is_somebody_elses_is_not_used(
    place: Path, of_portal: folder.Folder, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "extracts").symlink_to(tmp_path / "other")
    with pytest.raises(folder.FolderAway, match="somebody else"):
        extract.extracted(of_portal, lambda: None)
    (tmp_path / "extracts").unlink()
    (tmp_path / "extracts").mkdir(mode=0o755)
    with pytest.raises(folder.FolderAway, match="somebody else"):
        extract.extracted(of_portal, lambda: None)


def test_one_that_is_refused_leaves_nothing_and_is_not_read_again(
    place: Path, of_portal: folder.Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "portal.sql").write_bytes(whole(ROWS, more="GRANT ALL;\n"))
    with pytest.raises(BadDump, match="GRANT"):
        extract.extracted(of_portal, lambda: None)
    assert [one.suffix for one in (place.parents[1] / "extracts").iterdir()] == [".refused"]
    monkeypatch.setattr(extract, "read_dump", None)
    with pytest.raises(BadDump, match="GRANT"):
        extract.extracted(of_portal, lambda: None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (whole([["x", "y", 1]]), "where a number should be"),
        (whole(ROWS).replace(b"b_user", b"wp_users"), "no people"),
        (sql.HEAD.encode() + sql.FOOT.encode(), "no people"),
    ],
)
def test_what_is_no_portals_is_refused(place: Path, of_portal: folder.Folder, text: bytes, why: str) -> None:
    (place / "portal.sql").write_bytes(text)
    with pytest.raises(BadDump, match=why):
        extract.extracted(of_portal, lambda: None)


def packed(place: Path, content: bytes) -> None:
    (place / "portal.sql").unlink()
    (place / "portal.sql.gz").write_bytes(content)


def test_a_packed_dump_that_breaks_off_or_is_damaged_is_refused(
    place: Path, of_portal: folder.Folder
) -> None:
    content = gzip.compress(whole(ROWS))
    packed(place, content[:-100])
    with pytest.raises(BadDump, match="breaks off"):
        extract.extracted(of_portal, lambda: None)
    (place / "portal.sql.gz").write_bytes(content[:200] + b"\0\0\0\0" + content[204:])
    with pytest.raises(BadDump, match=r"damaged|breaks off|not UTF-8|no dump"):
        extract.extracted(of_portal, lambda: None)
    (place / "portal.sql.gz").write_bytes(whole(ROWS))
    with pytest.raises(BadDump, match="not packed by gzip"):
        extract.extracted(of_portal, lambda: None)


def test_a_bomb_is_not_unpacked(
    place: Path, of_portal: folder.Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "RATIO_FROM", 2**22)
    bomb = zlib.compressobj(9, wbits=31)
    content = b"".join(bomb.compress(b"-- x\n" * 200_000) for _number in range(50)) + bomb.flush()
    packed(place, content)
    with pytest.raises(BadDump, match="grows to more"):
        extract.extracted(of_portal, lambda: None)


def test_without_room_it_stops_and_goes_on_later(
    place: Path, of_portal: folder.Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "LOOKS_EVERY", 1)
    monkeypatch.setattr(extract, "ROOM", 2**62)
    with pytest.raises(folder.FolderAway, match="no room"):
        extract.extracted(of_portal, lambda: None)
    assert list((place.parents[1] / "extracts").iterdir()) == []
    monkeypatch.setattr(extract, "ROOM", 0)
    assert extract.extracted(of_portal, lambda: None).exists()


def test_what_was_read_goes_when_nothing_needs_it(place: Path, of_portal: folder.Folder) -> None:
    path = extract.extracted(of_portal, lambda: None)
    extract.forget_unused(is_needed=True)
    assert path.exists()
    os.utime(path, (0, 0))
    extract.forget_unused(is_needed=True)
    assert not path.exists()
    path = extract.extracted(of_portal, lambda: None)
    extract.forget_unused(is_needed=False)
    assert not path.exists()


# Values of PHP


@given(st.lists(st.text(max_size=20), max_size=5))
def test_what_php_has_serialized_is_read(texts: list[str]) -> None:
    told = [text.encode(errors="replace").decode() for text in texts]
    assert several(serialized(told)) == told


@pytest.mark.parametrize(
    "text", ["a:1:{i:0;i:1;", 'O:8:"stdClass":0:{}', 's:5:"ab";', "a:99999999:{}", "i:1;i:2;", "a:1:{" * 99]
)
def test_what_php_has_not_serialized_is_one_text(text: str) -> None:
    with pytest.raises(NotSerialized):
        unserialized(text)
    assert several(text) == [text]
