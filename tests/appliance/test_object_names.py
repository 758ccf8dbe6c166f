"""Names of objects go from SQLite into PostgreSQL and back, whole or not at all."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest

from appliance.services.objects import names, volumes

ODD = [
    (7, "a\tb\\c\nd", "/", b"\x00\xff\\"),
    (-9223372036854775808, "Договор «А».pdf", "/buckets/x", b""),
    (1, "\\N", "", b"\\x41"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "filer.db"
    with sqlite3.connect(place) as made:
        for table in ("filemeta", 'odd "bucket"'):
            made.execute(
                f"create table {names._quoted(table)} (dirhash bigint, name varchar(1000), directory text, "
                f"meta blob, primary key (dirhash, name)) without rowid"
            )
        made.executemany("insert into filemeta values (?, ?, ?, ?)", ODD)
    return place


def lines_of(table: str, rows: list[tuple[int, str, str, bytes]]) -> list[str]:
    """As PostgreSQL's COPY prints them."""
    said = [
        "\t".join((table, str(dirhash), names._field(name), names._field(directory), meta.hex())) + "\n"
        for dirhash, name, directory, meta in rows
    ]
    return [*said, f"\t{table}\t{len(rows)}\t{sum(len(row[3]) for row in rows)}\n"]


def test_what_is_copied_is_sql_of_one_transaction_that_counts(file: Path) -> None:
    said = io.StringIO()
    names.dump(file, said)
    sql = said.getvalue()
    assert sql.startswith("begin;\n") and sql.endswith("commit;\n")
    assert 'create table "odd ""bucket"""' in sql
    assert "7\ta\\tb\\\\c\\nd\t/\t\\\\x00ff5c\n" in sql
    assert "counted.n <> 3 or counted.size <> 7" in sql


def test_what_comes_back_is_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "filer.db"
    names.load(place, [*lines_of("filemeta", ODD), *lines_of("empty", []), "\t\t2\t0\n"])
    with sqlite3.connect(place) as made:
        assert sorted(made.execute("select * from filemeta")) == sorted(ODD)
        assert made.execute("select count(*) from empty").fetchone() == (0,)


@pytest.mark.parametrize("lost", [0, 3, 4])
def test_what_breaks_off_leaves_nothing(tmp_path: Path, lost: int) -> None:
    place = tmp_path / "filer.db"
    said = [*lines_of("filemeta", ODD), "\t\t1\t0\n"]
    del said[lost]
    with pytest.raises(names.NamesDiffer):
        names.load(place, said)
    assert not place.exists()


LISTING = """Topology volumeSizeLimit:4096 MB hdd(volume:3/32768 active:3 free:32763 remote:0)
    Rack r0 hdd(volume:5/16384 active:5 free:16379 remote:0)
      DataNode 127.80.0.1:20102 hdd(volume:5/16384 active:5 free:16379 remote:0)
          volume Id:1, Size:80200, ReplicaPlacement:010, Collection:files, FileCount:4, DeleteCount:0,
          volume Id:2, Size:8, ReplicaPlacement:010, Collection:files, FileCount:0, DeleteCount:0,
      DataNode 127.80.0.2:20102 hdd(volume:5/16384 active:5 free:16379 remote:0)
          volume Id:1, Size:80300, ReplicaPlacement:010, Collection:files, FileCount:5, DeleteCount:0,
          volume Id:3, Size:40, ReplicaPlacement:010, Collection:, FileCount:1, DeleteCount:0,
"""


def test_files_of_one_copy_are_found() -> None:
    one, two, three = volumes.parse(LISTING)
    places, copies = frozenset({"127.80.0.1", "127.80.0.2"}), frozenset({"010"})
    assert one == volumes.Volume(1, 80300, 5, places, "files", copies)
    assert (three.collection, three.replications) == ("", copies)
    # A node was away when the other one was told.
    torn = LISTING.replace("80300, ReplicaPlacement:010", "80300, ReplicaPlacement:020")
    assert volumes.parse(torn)[0].replications == {"010", "020"}
    assert volumes.lacking((one, two, three)) == (three,)
    assert three.places == {"127.80.0.2"}
