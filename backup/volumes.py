"""SeaweedFS's volumes read as they lie on the disk: small blobs are found in them by their hashes.

A blob that is asked for by its name costs the store a request; found by its hash, it costs reading it. A
volume is written to while it is read here, and compacted, and its names lie elsewhere. None of this matters:
what is given out has the hash that the portal knows of the blob, whatever else lies there, and what is not
found is asked for by its name.

An index by hashes grows with the volumes: each part of them is looked through once. The format of a volume
is that of SeaweedFS's wiki (Components: volume files), version 3.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from itertools import batched
from pathlib import Path
from typing import NamedTuple

from backup.pack_format import SMALL

WORTH_A_REQUEST = 1 << 20
"""To read and hash so many bytes costs about as much as one request: no more is looked through for a blob."""
_ROUND = 16 << 20
"""Bytes of a volume before it is the next one's turn: the store fills several at a time."""
_READ_AT_ONCE = 256 << 10
_VERSION = 3
_SUPER_BLOCK = 8
_HEADER = struct.Struct(">4sQi")
"""Of a needle, as SeaweedFS calls what it stores: a random cookie, its number, bytes of its body."""
_LENGTH = struct.Struct(">I")
_TAIL = 4 + 8
"""A checksum, and when it was written."""
_ALIGNED = 8
_IS_COMPRESSED, _IS_MANIFEST = 0x01, 0x80
_LOOKED_UP_AT_ONCE = 500


class Place(NamedTuple):
    """Where the bytes of a blob lie."""

    volume: int
    offset: int
    size: int


class VolumeIndex:
    """What lies in volumes, by SHA-256; `files` are descriptors of open volumes by their numbers."""

    def __init__(self, path: Path, files: Mapping[int, int]) -> None:
        self._files = files
        self._lock = path.with_suffix(".lock")
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._db.executescript(
            # It can be made anew from the volumes, so no write waits for the disk.
            "pragma journal_mode = wal; pragma synchronous = off;"
            "create table if not exists volume ("
            " number integer primary key, identity blob not null, looked_through integer not null);"
            "create table if not exists needle ("
            " sha256 blob, volume integer, offset integer, size integer,"
            " primary key (sha256, volume, offset)) without rowid;"
            "create index if not exists needle_volume on needle (volume);"
        )

    def close(self) -> None:
        self._db.close()

    def find(self, hashes: Iterable[str]) -> dict[str, Place]:
        """Where something of these hashes lies."""
        found = dict[str, Place]()
        for page in batched(map(bytes.fromhex, hashes), _LOOKED_UP_AT_ONCE, strict=False):
            marks = ",".join("?" * len(page))
            rows = self._db.execute(
                f"select sha256, volume, offset, size from needle where sha256 in ({marks})",  # noqa: S608
                page,
            )
            found |= {
                digest.hex(): Place(volume, offset, size)
                for digest, volume, offset, size in rows
                if volume in self._files
            }
        return found

    def read(self, place: Place, expected: str) -> bytes | None:
        """The bytes of this hash; None: something else lies there by now."""
        try:
            data = os.pread(self._files[place.volume], place.size, place.offset)
        except OSError:
            # The disk does not give it; the store may have another copy.
            return None
        return data if sha256(data).hexdigest() == expected else None

    def look_through(self, most: int) -> Iterator[int]:
        """Take in what has come to the volumes since, at most so many bytes; how many after each step."""
        with self._alone() as is_mine:
            if not is_mine:
                # Somebody else does it. What is not found yet is asked for.
                return
            left, waiting = most, [*self._files.items()]
            while waiting and left > 0:
                still = []
                for number, file in waiting:
                    if left <= 0:
                        break
                    try:
                        read, is_more = self._take_in(number, file, min(_ROUND, left))
                    except OSError:
                        # The disk does not give this one. It costs itself alone.
                        continue
                    left -= read
                    if read:
                        yield read
                    if is_more:
                        still.append((number, file))
                waiting = still

    def _take_in(self, number: int, file: int, most: int) -> tuple[int, bool]:
        """How many bytes of this volume were read, and whether there are more."""
        head = os.pread(file, _SUPER_BLOCK + _HEADER.size, 0)
        if len(head) < _SUPER_BLOCK + _HEADER.size or head[0] != _VERSION:
            return 0, False
        row = self._db.execute("select identity, looked_through from volume where number = ?", (number,))
        known = row.fetchone()
        # The first bytes count how often it was compacted, and what follows is as good as random.
        is_same = known is not None and known[0] == head and known[1] <= os.fstat(file).st_size
        reader = _Reader(file, known[1] if is_same else _SUPER_BLOCK)
        found = [(digest, number, *place) for digest, *place in reader.needles(most)]
        self._db.execute("begin immediate")
        try:
            if not is_same:
                self._db.execute("delete from needle where volume = ?", (number,))
            self._db.executemany("insert or ignore into needle values (?, ?, ?, ?)", found)
            self._db.execute("insert or replace into volume values (?, ?, ?)", (number, head, reader.at))
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise
        return reader.read, reader.is_more

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        with self._lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def remove_index(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


class _Reader:
    """Goes through a volume, needle by needle."""

    def __init__(self, file: int, at: int) -> None:
        self._file, self.at = file, at
        self.read = 0
        self.is_more = True
        self._from, self._buffer = at, b""

    def needles(self, most: int) -> Iterator[tuple[bytes, int, int]]:
        """Hash, offset and size of what is small, until so many bytes were read or nothing whole is left."""
        end = os.fstat(self._file).st_size
        while self.read < most:
            header = self._bytes(self.at, _HEADER.size)
            if len(header) < _HEADER.size:
                break
            _, _, body = _HEADER.unpack(header)
            behind = self.at + _padded(_HEADER.size + body + _TAIL)
            if body < 0 or behind > end:
                # It is being written.
                break
            # Whatever is larger is passed over unread. A mark of deletion has no body.
            if _LENGTH.size < body < SMALL + (1 << 16):
                yield from self._small(self.at + _HEADER.size, body)
            self.at = behind
        else:
            return
        self.is_more = False

    def _small(self, at: int, body: int) -> Iterator[tuple[bytes, int, int]]:
        content = self._bytes(at, body)
        if len(content) < body:
            # It was cut off meanwhile.
            return
        (size,) = _LENGTH.unpack_from(content)
        behind = _LENGTH.size + size
        if not size or behind >= len(content) or content[behind] & (_IS_COMPRESSED | _IS_MANIFEST):
            return
        yield sha256(memoryview(content)[_LENGTH.size : behind]).digest(), at + _LENGTH.size, size

    def _bytes(self, at: int, count: int) -> bytes:
        """What lies there, as far as there is something."""
        if not self._from <= at or at + count > self._from + len(self._buffer):
            self._from, self._buffer = at, os.pread(self._file, max(count, _READ_AT_ONCE), at)
            self.read += len(self._buffer)
        return self._buffer[at - self._from : at - self._from + count]


def _padded(size: int) -> int:
    """Of what fits already, SeaweedFS writes a whole unit more."""
    return size + _ALIGNED - size % _ALIGNED
