"""What can come of a dump, in a file in which rows are found by key: a dump has no order, and is read once.

It is a copy that may be made again at any time, so it lies where nothing is backed up, belongs to the
portal's user alone, and goes when it was not used for a while. It is whole or not there: written under
another name.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from time import time
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

from box.transfer.boxed.dump import BadDump, Stream, read_dump
from box.transfer.boxed.folder import Folder, FolderAway
from box.transfer.boxed.stays import is_counted
from box.transfer.boxed.tables import TABLES, Table, table_of

FORMAT = 2
"""Of the file: one that an older version has made is not read."""
MOST_BYTES = 2**40
MOST_RATIO, RATIO_FROM = 200, 2**28
"""Texts shrink to a tenth or so. What grows to more than this, once it is of this size, is no dump."""
ROOM = 2**30
UNUSED = 7 * 86_400
LOOKS_EVERY = 64 * 2**20
MOST_LENGTH = 18

type Counts = dict[tuple[str, tuple[Any, ...]], int]


class Extract:
    """The rows of a dump, by key."""

    def __init__(self, connection: sqlite3.Connection, counts: Counts) -> None:
        self._connection, self._counts = connection, counts

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, str | None]]:
        """Numbers are texts, as the portal's REST gives them."""
        found = self._connection.execute(sql, values)
        names = [one[0] for one in found.description]
        return [
            {name: None if one is None else str(one) for name, one in zip(names, row, strict=True)}
            for row in found
        ]

    def first(self, sql: str, values: Sequence[Any] = ()) -> dict[str, str | None]:
        """Nothing in it where there is none."""
        return next(iter(self.rows(sql, values)), {})

    def count(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Counted once: nothing in it changes."""
        asked = (sql, tuple(values))
        if asked not in self._counts:
            (self._counts[asked],) = self._connection.execute(
                f"SELECT count(*) FROM {sql}", values
            ).fetchone()
        return self._counts[asked]

    def counted(self) -> dict[str, int]:
        """By its name how many rows a table has of which nothing is kept."""
        return dict(self._connection.execute("SELECT NAME, NUMBER FROM korobka_counted"))

    def has(self, table: str) -> bool:
        return bool(self.first("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", [table]))

    def tables(self, begin: str, column: str) -> list[str]:
        """Those that are called so and have such a column."""
        sql = (
            "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE c.name = ? ORDER BY m.name"
        )
        return [name for row in self.rows(sql, [column]) if (name := str(row["name"])).startswith(begin)]

    def own(self, table: str, ids: Collection[str]) -> dict[str, dict[str, str | None]]:
        """By the id of a thing what stands in the company's own fields of it."""
        if not ids or not self.has(table):
            return {}
        marks = ",".join("?" * len(ids))
        found = self.rows(f"SELECT * FROM {table} WHERE VALUE_ID IN ({marks})", [int(one) for one in ids])
        return {str(row["VALUE_ID"]): row for row in found}

    def option(self, module: str, name: str) -> str:
        found = self.first("SELECT VALUE FROM b_option WHERE MODULE_ID = ? AND NAME = ?", [module, name])
        return found.get("VALUE") or ""


def extracted(folder: Folder, told: Callable[[], object]) -> Path:
    """The file of this dump, made where there is none. `told` hears now and then that it goes on. Raises
    BadDump, which the same dump is not read for again; FolderAway."""
    name = folder.dump()
    with folder.open(name) as raw:
        known = os.fstat(raw.fileno())
        print_ = f"{FORMAT}\0{folder.name}\0{name}\0{known.st_size}\0{known.st_mtime_ns}\0{known.st_ino}"
        path = _place() / f"{sha256(print_.encode()).hexdigest()[:32]}.sqlite3"
        verdict = path.with_suffix(".refused")
        if verdict.exists():
            raise BadDump(verdict.read_text())
        if path.exists():
            os.utime(path)
            return path
        forget_unused(is_needed=True)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        try:
            _extract(raw, part, is_packed=name.endswith(".gz"), told=told)
            part.rename(path)
        except BadDump as error:
            verdict.write_text(str(error))
            raise
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise _no_room(part.parent) from None
            raise BadDump(_("The dump does not hold together: %(why)s") % {"why": error}) from None
        finally:
            part.unlink(missing_ok=True)
    return path


@contextmanager
def opened(path: Path, counts: Counts | None = None) -> Iterator[Extract]:
    """`counts` are those of this file that are known."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        yield Extract(connection, {} if counts is None else counts)


def _place() -> Path:
    """Raises FolderAway where it is somebody else's."""
    path: Path = settings.EXTRACTS_DIR
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        said = _("%(path)s belongs to somebody else, or others may look into it: remove it.")
        raise FolderAway(said % {"path": path})
    return path


def forget_unused(*, is_needed: bool) -> None:
    """What was not used for a while; all of it, where nothing needs any."""
    if not settings.EXTRACTS_DIR.is_dir():
        return
    for one in _place().iterdir():
        if not is_needed or time() - one.stat().st_mtime > UNUSED:
            one.unlink(missing_ok=True)


def _no_room(place: Path) -> FolderAway:
    said = _("There is no room in %(path)s for what comes of the dump: make some, and it goes on.")
    return FolderAway(said % {"path": place})


def _extract(raw: IO[bytes], part: Path, *, is_packed: bool, told: Callable[[], object]) -> None:
    looked = 0

    def look(read: int) -> None:
        nonlocal looked
        if read - looked < LOOKS_EVERY:
            return
        looked = read
        told()
        if shutil.disk_usage(part.parent).free < ROOM:
            raise _no_room(part.parent)

    stream: Stream = _Unpacked(raw) if is_packed else raw
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        part.chmod(0o600)
        # It is made anew where it is not whole, so that nothing of it has to be safe on the way.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        made = {name: _make(connection, table) for name, table in TABLES.items()}
        counted: Counter[str] = Counter()
        found = False

        def wanted(name: str, columns: Sequence[str]) -> Collection[str]:
            if is_counted(name):
                return columns[:1]
            table = made.get(name) or table_of(name, columns)
            if table is None:
                return ()
            made.setdefault(name, table)
            if name not in TABLES:
                _make(connection, table)
            return table.columns

        for rows in read_dump(stream, wanted, look):
            if is_counted(rows.table):
                counted[rows.table] += sum(1 for _row in rows.rows)
                continue
            table = made[rows.table]
            found = found or rows.table == "b_user"
            verb = "INSERT OR REPLACE" if table.key else "INSERT"
            names, marks = ", ".join(rows.columns), ", ".join("?" * len(rows.columns))
            numbers = [place for place, name in enumerate(rows.columns) if name in table.numbers]
            connection.executemany(
                f"{verb} INTO {table.name} ({names}) VALUES ({marks})",
                _checked(rows.table, numbers, rows.rows),
            )
        if not found:
            raise BadDump(
                _("There are no people in the dump (b_user): it is not that of a portal, or of its tables.")
            )
        for table in made.values():
            for number, columns in enumerate(table.indexes):
                named = ", ".join(columns)
                connection.execute(f"CREATE INDEX i{number}_{table.name} ON {table.name} ({named})")
        connection.execute("CREATE TABLE korobka_counted (NAME TEXT PRIMARY KEY, NUMBER INTEGER)")
        connection.executemany("INSERT INTO korobka_counted VALUES (?, ?)", counted.items())
        connection.execute("COMMIT")
    with part.open("rb") as file:
        os.fsync(file.fileno())


def _make(connection: sqlite3.Connection, table: Table) -> Table:
    columns = ", ".join(
        f"{name} {'INTEGER' if name in table.numbers else 'TEXT'}"
        f"{' PRIMARY KEY' if name == table.key else ''}"
        for name in table.columns
    )
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns})")
    return table


def _checked(
    table: str, numbers: Sequence[int], rows: Iterable[tuple[str | None, ...]]
) -> Iterator[tuple[str | None, ...]]:
    """What has to be a number is one. Raises BadDump."""
    for row in rows:
        for place in numbers:
            one = row[place]
            if one is not None and not (
                one.isascii() and one.removeprefix("-").isdecimal() and len(one) <= MOST_LENGTH
            ):
                said = _(
                    "In %(table)s stands “%(text)s” where a number should be: this is no dump of a portal."
                )
                raise BadDump(said % {"table": table, "text": one[:50]})
        yield row


class _Unpacked:
    """A dump out of gzip. Raises BadDump for one that breaks off, and for what grows as no dump does."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._out, self._read = raw, gzip.GzipFile(fileobj=raw), 0

    def read(self, size: int, /) -> bytes:
        try:
            found = self._out.read(size)
        except EOFError:
            raise BadDump(
                _("The dump breaks off: it ends in the middle, and was not written or copied whole.")
            ) from None
        except (gzip.BadGzipFile, zlib.error):
            raise BadDump(_("The dump is not packed by gzip, or is damaged: copy it once more.")) from None
        self._read += len(found)
        packed = max(1, self._raw.tell())
        if self._read > MOST_BYTES or (self._read > RATIO_FROM and self._read / packed > MOST_RATIO):
            raise BadDump(
                _("The dump grows to more than any dump does when it is unpacked: it was not read further.")
            )
        return found
