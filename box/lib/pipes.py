"""What one writes while another reads it: in bounded memory, however much comes through."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, BufferedWriter
from threading import Thread
from typing import Protocol


@contextmanager
def piped(consume: Callable[[BufferedReader], object]) -> Iterator[BufferedWriter]:
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


class Sink(Protocol):
    """What bytes are written to, one after another."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Counted:
    """Passes on what is written, and knows how many bytes that were."""

    def __init__(self, out: Sink) -> None:
        self._out, self.size = out, 0

    def write(self, data: bytes, /) -> int:
        self._out.write(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        self._out.flush()
