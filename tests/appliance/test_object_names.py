"""Names of objects go from SQLite into PostgreSQL and back, whole or not at all."""

from __future__ import annotations

import io
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from appliance import users
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.database.names import OBJECTS
from appliance.services.objects import name_transfer, names, volumes
from tests.appliance import hostile
from tests.appliance.boxes import query

ODD = [
    (7, "a\tb\\c\nd", "/", b"\x00\xff\\"),
    (-9223372036854775808, "Договор «А».pdf", "/buckets/x", b""),
    (1, "\\N", "", b"\\x41"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "filer.db"
    make_file(place, {"filemeta": ODD, "of-2026.files": []})
    return place


def make_file(place: Path, tables: Mapping[str, Sequence[tuple[int, str, str, bytes]]]) -> None:
    """As SeaweedFS makes it."""
    with closing(sqlite3.connect(place)) as made:
        for table, rows in tables.items():
            name = name_transfer._quoted(table)
            made.execute(
                f"create table {name} (dirhash bigint, name varchar(1000), directory text, "
                f"meta blob, primary key (dirhash, name)) without rowid"
            )
            made.executemany(f"insert into {name} values (?, ?, ?, ?)", rows)
        made.commit()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Into which every user may write."""
    with tempfile.TemporaryDirectory(prefix="korobka-") as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


def lines_of(table: str, rows: list[tuple[int, str, str, bytes]]) -> list[str]:
    """As PostgreSQL's COPY prints them."""
    field = name_transfer._field
    said = [
        "\t".join((table, str(dirhash), field(name), field(directory), meta.hex())) + "\n"
        for dirhash, name, directory, meta in rows
    ]
    return [*said, f"\t{table}\t{len(rows)}\t{sum(len(row[3]) for row in rows)}\n"]


def test_what_is_copied_is_rows_that_are_counted(file: Path) -> None:
    said = io.StringIO()
    name_transfer.dump(file, said)
    lines = said.getvalue().splitlines()
    assert "filemeta\t7\ta\\tb\\\\c\\nd\t/\t00ff5c" in lines
    assert lines[-3:] == ["\tfilemeta\t3\t7", "\tof-2026.files\t0\t0", "\t\t2\t0"]


def test_what_comes_back_is_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "filer.db"
    name_transfer.load(place, [*lines_of("filemeta", ODD), *lines_of("empty", []), "\t\t2\t0\n"])
    with sqlite3.connect(place) as made:
        assert sorted(made.execute("select * from filemeta")) == sorted(ODD)
        assert made.execute("select count(*) from empty").fetchone() == (0,)


@pytest.mark.parametrize("lost", [0, 3, 4])
def test_what_breaks_off_leaves_nothing(tmp_path: Path, lost: int) -> None:
    place = tmp_path / "filer.db"
    said = [*lines_of("filemeta", ODD), "\t\t1\t0\n"]
    del said[lost]
    with pytest.raises(name_transfer.NamesDiffer):
        name_transfer.load(place, said)
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
    assert volumes.lacking((one, two, three), copies=2) == (three,)
    assert three.places == {"127.80.0.2"}


@contextmanager
def names_of(box: Node, monkeypatch: pytest.MonkeyPatch, *tables: str) -> Iterator[Path]:
    """A file of names beside the store's own, and the cluster's database of them, which goes again."""
    file, owner = box.data("objects") / "other.db", users.account(users.OBJECTS)
    make_file(file, dict.fromkeys(tables, ODD))
    os.chown(file, owner.uid, owner.gid)
    for name in ("NAMES", "_MOVED", "_BROUGHT_BACK"):
        monkeypatch.setattr(names, name, {"NAMES": file.name}.get(name, f"{file.name}.{name}"))
    try:
        yield file
    finally:
        names.drop(box)
        for left in file.parent.glob(f"{file.name}*"):
            left.unlink()


def test_names_go_into_the_database_and_come_back(box: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = ("filemeta", ".system", "files", "of-2026.files")
    with names_of(box, monkeypatch, *tables) as file:
        names.into_database(box)
        names.give_name(box)
        owners = query(box, "select tableowner from pg_tables where schemaname = 'public'", database=OBJECTS)
        assert owners.split() == [OBJECTS] * len(tables)
        assert query(box, "select count(*) from files", database=OBJECTS) == str(len(ODD))
        names.out_of_database(box)
        with sqlite3.connect(file.with_name(names._BROUGHT_BACK)) as back:
            for table in tables:
                assert sorted(back.execute(f'select * from "{table}"')) == sorted(ODD)


@pytest.mark.parametrize("name", ["x$$ \\! touch {proof} #", "x$$ \\o {proof}\n\\! id"])
def test_a_table_of_the_store_is_no_program(
    box: Node, monkeypatch: pytest.MonkeyPatch, open_folder: Path, name: str
) -> None:
    proof = open_folder / "proof"
    with names_of(box, monkeypatch, "filemeta", name.format(proof=proof)):
        try:
            names.into_database(box)
            said = ""
        except CommandFailed as error:
            said = str(error)
    assert not proof.exists()
    assert "no bucket has such a name" in said


def test_what_the_store_leaves_in_its_database_is_not_done_by_the_superuser(
    box: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    with names_of(box, monkeypatch, "filemeta"):
        names.into_database(box)
        names.give_name(box)
        mine = "set role korobka_objects; create type public.mine as enum ('a')"
        query(box, mine, database=OBJECTS)
        left = hostile.left(
            box,
            {
                "encode(mine, text)": ("text", "'00'"),
                "length(mine)": ("integer", "1"),
                "bytes(mine)": ("bytea", "'a'::bytea"),
            },
            "create cast (public.mine as bytea) with function public.bytes(public.mine) as implicit",
            "create table public.files (dirhash bigint, name text, directory text, meta public.mine)",
            "insert into public.files values (1, 'a', '/', 'a')",
            owner=OBJECTS,
            database=OBJECTS,
        )
        with left:
            with suppress(CommandFailed):
                names.out_of_database(box)
            assert not hostile.have_taken(box, OBJECTS)
