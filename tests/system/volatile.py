"""A disk with a cache that forgets: what was written and not flushed is lost by halves when its power is cut.

    with VolatileDisk(image, capacity=...) as disk:
        ...                       # QEMU runs with `disk.drive`
        disk.hang(within=60)      # at a flush, when there is something to lose
        ...                       # QEMU is killed
        lost = disk.cut_power()

Killing a virtual machine alone proves nothing: what it has written stays with the host. This disk is served
over NBD ("The NBD protocol", doc/proto.md of the NBD project), with flushes and with writes that go through,
as SATA and NVMe disks have them.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Set
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Self

PAGE = 4096
_GREETING, _OPTIONS, _REPLY = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9
_REQUEST, _ANSWER = 0x25609513, 0x67446698
_FIXED, _NO_ZEROES = 1, 2
_ABORT, _GO = 2, 7
_ACK, _INFO, _UNSUPPORTED = 1, 3, 0x80000001
_HAS_FLAGS, _HAS_FLUSH, _HAS_FUA = 1, 4, 8
_READ, _WRITE, _DISCONNECT, _FLUSH = range(4)
_THROUGH = 1
_INVALID = 22


class VolatileDisk:
    """A copy of a raw image that is `capacity` bytes large, for one machine at a time; a context manager."""

    def __init__(self, image: Path, *, capacity: int, chance: Random) -> None:
        """`chance` draws which unflushed pages a cut leaves: a disk writes in an order of its own."""
        self._chance, self.capacity = chance, capacity
        self._folder = Path(tempfile.mkdtemp(prefix="korobka-volatile-", dir="/var/tmp"))
        self._socket = self._folder / "socket"
        self._unflushed: dict[int, bytearray] = {}
        """By the numbers of pages."""
        self._is_free = threading.Event()
        self._is_to_hang, self._hangs = threading.Event(), threading.Event()
        copy = self._folder / "disk.raw"
        # Most of it is holes, and stays that.
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(image), str(copy)], check=True)
        self._file = os.open(copy, os.O_RDWR)
        os.ftruncate(self._file, capacity)

    @property
    def drive(self) -> str:
        """What QEMU calls it; nothing is kept on the host's side of the cache."""
        return f"file=nbd+unix:///?socket={self._socket},format=raw,cache=none"

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._socket))
        self._listener.listen()
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()
        self._is_free.set()
        return self

    def __exit__(self, *_: object) -> None:
        # Whoever waits in `accept` is not woken by closing it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._server.join()
        self._listener.close()
        os.close(self._file)
        shutil.rmtree(self._folder)

    def hang(self, *, within: float) -> None:
        """Answers nothing any more from the next flush on that has something to flush, and returns then.
        Between two flushes of a machine that is at work there is mostly nothing that a cut could take."""
        self._is_to_hang.set()
        if not self._hangs.wait(within):
            raise TimeoutError(f"Nothing was flushed in {within} seconds.")

    def cut_power(self) -> int:
        """Once the machine was killed: how many pages are gone."""
        self._is_free.wait()
        self._is_to_hang.clear()
        self._hangs.clear()
        lost = {number for number in self._unflushed if self._chance.random() < 0.5}
        if self._unflushed and not lost:
            # Of few pages all would stay often enough, and such a cut proves nothing.
            lost = {self._chance.choice([*self._unflushed])}
        self._flush(self._unflushed.keys() - lost)
        self._unflushed.clear()
        return len(lost)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._is_free.clear()
            with connection, suppress(EOFError, OSError):
                if self._greet(connection):
                    self._answer(connection)
            self._is_free.set()

    def _greet(self, connection: socket.socket) -> bool:
        """The options; whether the disk is asked for."""
        connection.sendall(_GREETING + _OPTIONS + struct.pack(">H", _FIXED | _NO_ZEROES))
        _exactly(connection, 4)
        while True:
            _, option, length = struct.unpack(">8sII", _exactly(connection, 16))
            _exactly(connection, length)

            def reply(kind: int, content: bytes = b"", to: int = option) -> None:
                head = struct.pack(">QIII", _REPLY, to, kind, len(content))
                connection.sendall(head + content)

            if option == _GO:
                reply(_INFO, struct.pack(">HQH", 0, self.capacity, _HAS_FLAGS | _HAS_FLUSH | _HAS_FUA))
                reply(_ACK)
                return True
            reply(_ACK if option == _ABORT else _UNSUPPORTED)
            if option == _ABORT:
                return False

    def _answer(self, connection: socket.socket) -> None:
        while True:
            head = _exactly(connection, 28)
            magic, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", head)
            assert magic == _REQUEST
            error, content = 0, b""
            if kind == _READ:
                content = self.read(offset, length)
            elif kind == _WRITE:
                self._write(offset, _exactly(connection, length))
                if flags & _THROUGH:
                    self._flush({number for number, *_ in _pages(offset, length)})
            elif kind == _FLUSH and self._is_to_hang.is_set() and self._unflushed:
                self._hangs.set()
                while True:
                    _exactly(connection, 1)
            elif kind == _FLUSH:
                self._flush({*self._unflushed})
            elif kind == _DISCONNECT:
                return
            else:
                error = _INVALID
            connection.sendall(struct.pack(">IIQ", _ANSWER, error, handle) + content)

    def read(self, offset: int, length: int) -> bytes:
        found = bytearray(os.pread(self._file, length, offset))
        for number, within, at, size in _pages(offset, length):
            if (page := self._unflushed.get(number)) is not None:
                found[at : at + size] = page[within : within + size]
        return bytes(found)

    def _write(self, offset: int, content: bytes) -> None:
        for number, within, at, size in _pages(offset, len(content)):
            page = self._unflushed.get(number)
            if page is None:
                page = bytearray(os.pread(self._file, PAGE, number * PAGE))
                self._unflushed[number] = page
            page[within : within + size] = content[at : at + size]

    def _flush(self, numbers: Set[int]) -> None:
        for number in numbers:
            os.pwrite(self._file, self._unflushed.pop(number), number * PAGE)


def _pages(offset: int, length: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each page that is touched: its number, where in it, where in the request, and how much."""
    at = 0
    while at < length:
        number, within = divmod(offset + at, PAGE)
        size = min(PAGE - within, length - at)
        yield number, within, at, size
        at += size


def _exactly(connection: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        part = connection.recv(length - len(found))
        if not part:
            raise EOFError
        found += part
    return bytes(found)
