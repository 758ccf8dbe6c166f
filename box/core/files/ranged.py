"""A blob that is read from wherever one likes, without fetching what lies before it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, override

from box.core.files import recall

if TYPE_CHECKING:
    from collections.abc import Buffer

    from box.core.files.models import Blob

BUFFERED = 2**20


class _Ranged(io.RawIOBase):
    def __init__(self, blob: Blob) -> None:
        self._blob, self._size, self._at = blob, blob.size, 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_CUR: self._at, io.SEEK_END: self._size}.get(whence, 0))
        return self._at

    @override
    def tell(self) -> int:
        return self._at

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        data = b"".join(recall.read(self._blob, offset=self._at, length=wanted))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def opened(blob: Blob) -> io.BufferedReader:
    """Its bytes as a file. Reading raises StoreUnavailable, NotFound, as `recall.read` does."""
    return io.BufferedReader(_Ranged(blob), BUFFERED)
