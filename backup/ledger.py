"""What is known to be in one repository, in a database of this machine: a ledger for each target."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from appliance.files import give, open_file
from appliance.node import Node
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
        self._db.execute("create table if not exists notes (name text primary key, value text) without rowid")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else copies into this repository meanwhile."""
        with alone(self._path.with_suffix(".lock")):
            yield

    def unknown(self, keys: Sequence[str]) -> list[str]:
        """Those of at most `PAGE` keys that are not known to be there."""
        marks = ",".join("?" * len(keys))
        known = {key for (key,) in self._db.execute(f"select key from blobs where key in ({marks})", keys)}  # noqa: S608
        return [key for key in keys if key not in known]

    def add(self, sizes: dict[str, int], at: datetime) -> None:
        rows = [(key, size, at.isoformat()) for key, size in sizes.items()]
        self._db.execute("begin")
        self._db.executemany("insert or replace into blobs values (?, ?, ?)", rows)
        self._db.execute("commit")

    def remove(self, keys: Iterable[str]) -> None:
        gone = list(keys)
        self._db.execute("begin")
        for table in ("blobs", "damaged"):
            self._db.executemany(f"delete from {table} where key = ?", ((key,) for key in gone))  # noqa: S608
        self._db.execute("commit")

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
