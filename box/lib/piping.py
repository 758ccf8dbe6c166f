"""What one writes while another reads it: in bounded memory, however much comes through."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import IO, TYPE_CHECKING, override

if TYPE_CHECKING:
    from collections.abc import Buffer


@contextmanager
def piped(consume: Callable[[IO[bytes]], object]) -> Iterator[IO[bytes]]:
    """A file to write into, while `consume` reads the other end in a thread of its own.

    What it raises is raised at the end. Where the writer fails, the reader sees the end of what there is: it
    must not take that for the whole.
    """
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def read() -> None:
        with os.fdopen(reading, "rb") as file:
            try:
                consume(file)
            except BaseException as error:
                failed.append(error)

    thread = Thread(target=read, daemon=True)
    thread.start()
    try:
        with os.fdopen(writing, "wb") as file:
            yield file
    except BrokenPipeError:
        thread.join()
        # Nobody reads any more, and who did says why.
        if not failed:
            raise
    finally:
        thread.join()
    if failed:
        raise failed[0]


class Counted(io.RawIOBase):
    """Passes on what is written, and knows how many bytes that were."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self.size = out, 0

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        view = memoryview(data)
        self._out.write(view)
        self.size += view.nbytes
        return view.nbytes
