"""Where a PBX writes its CEL and CDR: read from where the last reading ended, in bounded steps.

A cursor means something to its source only, and goes into the box's database in the transaction that stores
what was read. No row is read twice: a call is forgotten some time after its end, and its last rows alone
would tell another one.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

MOST_BYTES = 1024 * 1024
LONGEST_RECORD = 64 * 1024
MOST_ROWS = 5_000
AWAITED = 50
"""So many ids behind a table's last, one that is missing may still come: two PBXs may write into one table,
and the later id be there first."""
ANSWERS_WITHIN = 10_000
_PLACE_OF_DATABASE = ("host", "hostaddr", "port", "service", "dbname")
type Row = Mapping[str, object]


class LogTrouble(Exception):
    """A log cannot be read; the text says what helps."""


@dataclass(frozen=True)
class Batch:
    rows: Sequence[Row]
    cursor: str
    """Where the next reading begins."""
    is_last: bool
    """Nothing more is there just now."""


class Log(Protocol):
    @property
    def source(self) -> str:
        """What its cursors are of, without secrets. Raises LogTrouble."""

    def knows(self, cursor: str) -> bool:
        """Whether this may be one of its cursors, by its form."""

    def read(self, cursor: str) -> Batch:
        """What is behind the cursor; an empty one begins at the beginning. Raises LogTrouble."""

    def end(self) -> str:
        """The cursor behind all that is there: a box that is new to a PBX takes in nothing of the past."""


@dataclass(frozen=True)
class CsvLog:
    """A file, on a folder that PBX and box share."""

    path: Path
    columns: Sequence[str]

    @property
    def source(self) -> str:
        return f"file {self.path}"

    def knows(self, cursor: str) -> bool:
        return re.fullmatch(r"([0-9]+:[0-9]+)?", cursor) is not None

    def end(self) -> str:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._unreadable(error) from error
        return f"{status.st_ino}:{status.st_size}"

    def read(self, cursor: str) -> Batch:
        inode, place = (int(part) for part in cursor.split(":")) if cursor else (0, 0)
        try:
            with self._open(inode) as file:
                status = os.fstat(file.fileno())
                # Another file, or emptied: from its beginning.
                begin = place if status.st_ino == inode and place <= status.st_size else 0
                file.seek(begin)
                data = file.read(MOST_BYTES)
                # A file that was turned over is read to its end first.
                is_old = not self._is_current(status.st_ino)
        except FileNotFoundError:
            return Batch((), cursor, is_last=True)
        except OSError as error:
            raise self._unreadable(error) from error
        rows, used = self._rows(data)
        is_whole = begin + used >= status.st_size or used == 0
        if is_old and is_whole:
            return Batch(rows, f"{self.path.stat().st_ino}:0" if self.path.exists() else "", is_last=False)
        return Batch(rows, f"{status.st_ino}:{begin + used}", is_last=is_whole)

    def _unreadable(self, error: OSError) -> LogTrouble:
        return LogTrouble(f"{self.path} cannot be read ({error.strerror}): let the box's user read it.")

    def _open(self, inode: int):  # type: ignore[no-untyped-def]
        """The file that the cursor is of, be it turned over meanwhile; else the current one."""
        for path in (self.path, *sorted(self.path.parent.glob(f"{self.path.name}.[0-9]*"))):
            if path.is_file() and not path.is_symlink() and path.stat().st_ino == inode:
                return path.open("rb")
        return self.path.open("rb")

    def _is_current(self, inode: int) -> bool:
        return self.path.exists() and self.path.stat().st_ino == inode

    def _rows(self, data: bytes) -> tuple[list[Row], int]:
        """Whole records, and how many bytes they take: the last may be half written."""
        rows: list[Row] = []
        used = 0
        for record in _records(data):
            used += len(record)
            if len(record) > LONGEST_RECORD:
                continue
            values = next(csv.reader([record.decode("utf-8", "replace").rstrip("\r\n")], strict=False), [])
            if len(values) == len(self.columns):
                rows.append(dict(zip(self.columns, values, strict=True)))
        if not used and len(data) == MOST_BYTES:
            # No record is so long: what it may be, it is passed over.
            used = len(data)
        return rows, used


def _records(data: bytes) -> Iterator[bytes]:
    """A record ends with a line whose quotes are even: a caller's name may have broken a line."""
    begin = place = 0
    while (end := data.find(b"\n", place)) >= 0:
        place = end + 1
        if data.count(b'"', begin, place) % 2 == 0 or place - begin > LONGEST_RECORD:
            yield data[begin:place]
            begin = place


@dataclass(frozen=True)
class TableLog:
    """A table in PostgreSQL with an `id` that counts up, read as a user that may SELECT only."""

    dsn: str
    table: str
    columns: Mapping[str, str]
    """Our names, and the table's."""

    @property
    def source(self) -> str:
        try:
            given = conninfo_to_dict(self.dsn)
        except psycopg.Error as error:
            raise _not_let_in(error) from error
        place = (f"{key}={given[key]}" for key in _PLACE_OF_DATABASE if key in given)
        return " ".join(("table", self.table, *place))

    def knows(self, cursor: str) -> bool:
        return re.fullmatch(r"[0-9]*( [0-9]+)*", cursor) is not None

    def end(self) -> str:
        query = sql.SQL("SELECT coalesce(max(id), 0) AS last FROM {}").format(sql.Identifier(self.table))
        return str(self._ask(query)[0]["last"])

    def read(self, cursor: str) -> Batch:
        """Its cursors are the last id, and behind it those before that were missing: `1200 1187 1199`."""
        last, *missing = (int(part) for part in cursor.split() or "0")
        chosen = sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(sql.Identifier(theirs), sql.Identifier(ours))
            for ours, theirs in self.columns.items()
        )
        # The first condition is for the index.
        query = sql.SQL(
            "SELECT id, {} FROM {} WHERE id > %s AND (id > %s OR id = ANY(%s)) ORDER BY id LIMIT %s"
        ).format(chosen, sql.Identifier(self.table))
        rows = self._ask(query, last - AWAITED, last, missing, MOST_ROWS)
        read = {int(str(row["id"])) for row in rows}
        newest = max(read | {last})
        missing += range(max(last, newest - AWAITED) + 1, newest)
        left = (one for one in missing if one not in read and one > newest - AWAITED)
        return Batch(rows, " ".join(map(str, (newest, *left))), is_last=len(rows) < MOST_ROWS)

    def _ask(self, query: sql.Composed, *values: int | list[int]) -> list[dict[str, object]]:
        try:
            connection = psycopg.connect(
                self.dsn,
                connect_timeout=10,
                row_factory=dict_row,
                autocommit=True,
                options=f"-c statement_timeout={ANSWERS_WITHIN} -c default_transaction_read_only=on",
            )
        except psycopg.Error as error:
            raise _not_let_in(error) from error
        try:
            with connection:
                return connection.execute(query, values).fetchall()
        except psycopg.Error as error:
            raise LogTrouble(
                f"The table {self.table} of the PBX's database cannot be read ({error}): give it the columns"
                " of the generated configuration, an index on id, and the box's user the right to SELECT."
            ) from error


def _not_let_in(error: psycopg.Error) -> LogTrouble:
    return LogTrouble(f"The PBX's database does not let the box in: {error}")


CEL_TABLE = {
    "eventtype": "eventtype",
    "eventtime": "eventtime",
    "cidname": "cid_name",
    "cidnum": "cid_num",
    "exten": "exten",
    "context": "context",
    "channame": "channame",
    "appname": "appname",
    "appdata": "appdata",
    "uniqueid": "uniqueid",
    "linkedid": "linkedid",
    "peer": "peer",
    "userdeftype": "userdeftype",
    "eventextra": "extra",
}
CDR_TABLE = {
    "clid": "clid",
    "src": "src",
    "dst": "dst",
    "dcontext": "dcontext",
    "channel": "channel",
    "dstchannel": "dstchannel",
    "lastapp": "lastapp",
    "lastdata": "lastdata",
    "start": "start",
    "answer": "answer",
    "end": "end",
    "duration": "duration",
    "billsec": "billsec",
    "disposition": "disposition",
    "uniqueid": "uniqueid",
    "linkedid": "linkedid",
    "sequence": "sequence",
    "userfield": "userfield",
}
