"""What files need of an object store, whichever it is; `box.bridges.storage` offers one.

An object is written once under a key that is never used again. Browsers send and fetch objects through links
that the store itself checks; only the jobs read one through Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

from box.core.registry.offers import Offers

LINKS_LIVE_SECONDS = 60


class StoreError(Exception):
    """The store didn't do what it was asked to."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or does not take our key: nothing is known about what was asked for."""


class NotFound(StoreError):
    """The store answers that this object or upload isn't there."""


class PartsRefused(StoreError):
    """The parts named at completion aren't those that arrived; the upload is as it was."""


@dataclass(frozen=True)
class StoredObject:
    """An object as the store lists it."""

    key: str
    size: int
    modified_at: datetime


class Store(Protocol):
    """Every method raises StoreUnavailable when the store is away. Making links asks the store nothing."""

    def ping(self) -> None:
        """Returns if the store answers and has our bucket."""

    def begin(self, key: str) -> str:
        """Opens a multipart upload under the key; returns the upload's id."""

    def part_link(self, key: str, upload_id: str, number: int, *, host: str) -> str:
        """Where a browser that came to `host` PUTs this part (counted from 1) within 60 seconds."""

    def complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Makes the object of the parts with these ETags. Raises PartsRefused; NotFound: no such upload."""

    def abort(self, key: str, upload_id: str) -> None:
        """Forgets the upload and the parts that came; nothing happens where it is gone already."""

    def unfinished(self, key: str) -> list[str]:
        """The ids of all uploads that are open under exactly this key."""

    def write(self, key: str, data: bytes | IO[bytes], *, content_type: str) -> None:
        """Stores an object whole: a small one, or what is read from a file, a part at a time."""

    def write_from(self, key: str, stream: IO[bytes], size: int, *, content_type: str) -> None:
        """Stores an object of any size, of which a few MiB are in memory at a time."""

    def write_stream(self, key: str, stream: IO[bytes]) -> None:
        """The same of what nobody knows the size of yet, until it ends; a part of it at a time in memory."""

    def stat(self, key: str) -> StoredObject:
        """Raises NotFound."""

    def read(self, key: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The object's bytes from `offset`, in chunks of at most 1 MiB. Raises NotFound."""

    def link(self, key: str, *, host: str, content_type: str, disposition: str) -> str:
        """Where a browser that came to `host` fetches the object within 60 seconds, with these headers."""

    def objects(self, *, after: str = "") -> list[StoredObject]:
        """At most 1000 objects with keys after the given one, in the order of keys; none: that was all."""

    def delete(self, key: str) -> None:
        """Removes the object; nothing happens where it is gone already."""


stores: Offers[Store] = Offers("object stores")


def store() -> Store:
    """The store that holds the portal's files."""
    return stores["files"]
