"""What is known to be in one repository, in a database of this machine: a ledger for each target."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import batched
from pathlib import Path

from appliance.files import give, open_file
from appliance.node import Node
from backup.pack_format import Entry, Held, Index
from backup.settings import BackupRefused, Target, alone

PAGE = 2000


class Ledger:
    """What is known to be in one repository. Losing it costs a comparison, never data."""

    def __init__(self, folder: Path, target: Target) -> None:
        self._path = _file_of(folder, target)
        # SQLite would follow a link, and make the file for everybody to read. One that is there is not opened
        # here: closing it would end the locks of this process's other connections (sqlite.org/howtocorrupt).
        with suppress(FileExistsError):
            os.close(open_file(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        give(self._path, mode=0o600)
        self._db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute(
            "create table if not exists blobs (key text primary key, size integer, copied_at text)"
            " without rowid"
        )
        self._db.execute("create table if not exists damaged (key text primary key) without rowid")
        self._db.execute(
            "create table if not exists packs (name text primary key, size integer, sha256 text)"
            " without rowid"
        )
        self._db.execute(
            "create table if not exists packed (key text primary key, pack text, start integer, size integer,"
            " sha256 text) without rowid"
        )
        self._db.execute("create index if not exists packed_in on packed (pack, start)")
        self._db.execute("create table if not exists notes (name text primary key, value text) without rowid")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def alone(self, *, is_patient: bool = True) -> Iterator[bool]:
        """Nobody else copies into this repository meanwhile; without patience it may not be so."""
        with alone(self._path.with_suffix(".lock"), is_patient=is_patient) as is_mine:
            yield is_mine

    def unknown(self, keys: Sequence[str]) -> list[str]:
        """Those of at most `PAGE` keys that are not known to be there."""
        marks = ",".join("?" * len(keys))
        known = {key for (key,) in self._db.execute(f"select key from blobs where key in ({marks})", keys)}  # noqa: S608
        return [key for key in keys if key not in known]

    # --- single files

    def add(self, sizes: dict[str, int], at: datetime) -> None:
        """Note what lies there by itself."""
        rows = [(key, size, at.isoformat()) for key, size in sizes.items()]
        self._db.execute("begin")
        self._db.executemany("insert or replace into blobs values (?, ?, ?)", rows)
        self._db.executemany("delete from packed where key = ?", ((key,) for key in sizes))
        self._db.execute("commit")

    def remove(self, keys: Iterable[str]) -> None:
        gone = list(keys)
        self._db.execute("begin")
        for table in ("blobs", "damaged", "packed"):
            self._db.executemany(f"delete from {table} where key = ?", ((key,) for key in gone))  # noqa: S608
        self._db.execute("commit")

    # --- packs

    def add_pack(self, name: str, index: Index, at: datetime, *, is_news: bool = True) -> None:
        """Note a pack, and that its blobs lie in it. What was only found (`is_news` off) is no better place
        than one that is known."""
        placed = [(one.key, name, one.offset, one.size, one.sha256) for one in index.entries]
        self._db.execute("begin")
        self._db.execute("insert or replace into packs values (?, ?, ?)", (name, index.size, index.sha256))
        if not is_news:
            known = {key for page in batched(placed, PAGE, strict=False) for key in self._known(page)}
            placed = [one for one in placed if one[0] not in known]
        self._db.executemany("insert or replace into packed values (?, ?, ?, ?, ?)", placed)
        self._db.executemany(
            "insert or ignore into blobs values (?, ?, ?)",
            ((one[0], one[3], at.isoformat()) for one in placed),
        )
        self._db.execute("commit")

    def _known(self, placed: Sequence[tuple[str, str, int, int, str]]) -> list[str]:
        keys = [one[0] for one in placed]
        unknown = {*self.unknown(keys)}
        return [key for key in keys if key not in unknown]

    def packs(self) -> list[Held]:
        rows = self._db.execute(
            "select name, packs.size, coalesce(sum(packed.size), 0) from packs"
            " left join packed on packed.pack = name group by name order by name"
        )
        return [Held(*row) for row in rows]

    def index_of(self, pack: str) -> Index:
        """As it is known, without its holes."""
        size, digest = self._db.execute("select size, sha256 from packs where name = ?", (pack,)).fetchone()
        return Index(size, digest, tuple(self.entries(pack)))

    def entries(self, pack: str) -> list[Entry]:
        rows = self._db.execute(
            "select key, start, size, sha256 from packed where pack = ? order by start", (pack,)
        )
        return [Entry(*row) for row in rows]

    def places(self, keys: Iterable[str]) -> dict[str, list[Entry]]:
        """Those of these blobs that lie in packs, by pack."""
        found: dict[str, list[Entry]] = {}
        for page in batched(keys, PAGE, strict=False):
            marks = ",".join("?" * len(page))
            for pack, *entry in self._db.execute(
                f"select pack, key, start, size, sha256 from packed where key in ({marks})",  # noqa: S608
                page,
            ):
                found.setdefault(pack, []).append(Entry(*entry))
        return found

    def forget_pack(self, name: str) -> None:
        """It is not there any more, nor what is looked for in it."""
        self._db.execute("begin")
        self._db.execute("delete from blobs where key in (select key from packed where pack = ?)", (name,))
        self._db.execute("delete from packed where pack = ?", (name,))
        self._db.execute("delete from packs where name = ?", (name,))
        self._db.execute("commit")

    # --- all of it

    def single(self) -> dict[str, int]:
        """What lies there by itself, with its size, in the order of keys."""
        rows = self._db.execute("select key, size from blobs where key not in (select key from packed)")
        return dict(rows.fetchall())

    def copied(self) -> dict[str, datetime]:
        rows = self._db.execute("select key, copied_at from blobs")
        return {key: datetime.fromisoformat(at) for key, at in rows}

    def damaged(self) -> set[str]:
        """What a verification has found damaged or missing, and nothing has healed since."""
        return {key for (key,) in self._db.execute("select key from damaged")}

    def found(self, *, damaged: Iterable[str] = (), sound: Iterable[str] = ()) -> None:
        """Note what somebody has looked at."""
        self._db.execute("begin")
        self._db.executemany("delete from damaged where key = ?", ((key,) for key in sound))
        self._db.executemany("insert or ignore into damaged values (?)", ((key,) for key in damaged))
        self._db.execute("commit")

    def note(self, name: str) -> str:
        row = self._db.execute("select value from notes where name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def write(self, **notes: object) -> None:
        self._db.execute("begin")
        rows = ((name, str(value)) for name, value in notes.items())
        self._db.executemany("insert or replace into notes values (?, ?)", rows)
        self._db.execute("commit")

    def moment(self, name: str) -> datetime | None:
        return datetime.fromisoformat(text) if (text := self.note(name)) else None


@contextmanager
def ledger_of(node: Node, target: Target) -> Iterator[Ledger]:
    """One that is damaged is put aside, and begun anew."""
    folder = node.data("backup")
    try:
        ledger = Ledger(folder, target)
    except sqlite3.DatabaseError as error:
        _put_aside(folder, target, error)
        ledger = Ledger(folder, target)
    try:
        yield ledger
    except sqlite3.DatabaseError as error:
        aside = _put_aside(folder, target, error)
        raise BackupRefused(
            f"What was noted of {target.name} is damaged, and was put aside as {aside}. Begin this again: "
            f"what lies at the target is looked at anew, and nothing of it is lost."
        ) from error
    finally:
        ledger.close()


def _put_aside(folder: Path, target: Target, error: sqlite3.DatabaseError) -> Path:
    """Where the damaged one is now. Raises the error where it is another one."""
    if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        raise error
    file = _file_of(folder, target)
    aside = file.with_suffix(".damaged")
    file.replace(aside)
    # They belong to the file by its name.
    for end in ("-wal", "-shm"):
        file.with_name(f"{file.name}{end}").unlink(missing_ok=True)
    return aside


def _file_of(folder: Path, target: Target) -> Path:
    return folder / f"ledger-{target.number}.db"


def noted(node: Node) -> set[int]:
    """The numbers of the targets of which there is a ledger, also of those that went."""
    return {int(file.stem.partition("-")[2]) for file in node.data("backup").glob("ledger-*.db")}
