"""What a pack is: a plain tar of blobs under their keys, and an index that says where each of them lies.

The format is the one that docs/admin/backup.md describes. Pure: nothing here knows where packs are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import IO, NamedTuple

SMALL = 1 << 20
"""Blobs below this go into packs: a request costs as much as reading some hundred kilobytes."""
FULL = 64 << 20
"""A pack holds no more: one is begun and lost by a kill, and one is read to be written anew."""
MOST = 10_000
"""Blobs in a pack: its index is read whole."""
LARGEST_INDEX = 8 << 20
"""Bytes: a line of it is some 420 at most."""
LARGEST = MOST * (SMALL + 4096) + (1 << 20)
"""Bytes of a tar: each blob with its headers, and the end."""
FEWEST = 32
"""Fewer blobs lie by themselves: a pack with its index would be two files where a few would do."""
GATHERED = 1000
"""So many that came one by one are packed with a full backup."""
INDEX = ".index.jsonl"
FORMAT = 1
_BLOCK = 512
_END = bytes(2 * _BLOCK)
_PIECE = 1 << 16
_KEY = re.compile(r"(?!.*\.\.)[0-9A-Za-z][0-9A-Za-z/._-]{0,254}")
_NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}\.tar")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class NotAPack(ValueError):
    """It is not what an index says; the text says why."""


class Entry(NamedTuple):
    """A blob in a pack: its bytes begin at `offset` of the tar."""

    key: str
    offset: int
    size: int
    sha256: str

    @property
    def end(self) -> int:
        return self.offset + self.size


class Index(NamedTuple):
    """All of a pack."""

    size: int
    """Bytes of the tar."""
    sha256: str
    """Of the tar."""
    entries: tuple[Entry, ...]

    def checked(self, name: str) -> Index:
        """Itself. Raises `NotAPack` for what no pack can be: whoever has written it, it is not believed."""
        if not _is_whole(self.size, LARGEST) or not is_digest(self.sha256) or len(self.entries) > MOST:
            raise NotAPack(f"{name} has an index of no pack.")
        end, keys = 0, set[str]()
        for one in self.entries:
            if not isinstance(one.key, str) or not _KEY.fullmatch(one.key) or not is_digest(one.sha256):
                raise NotAPack(f"{name} has an index with a key that is none.")
            if one.key in keys:
                raise NotAPack(f"{name} has an index that names a key twice.")
            if not _is_whole(one.offset, self.size) or not _is_whole(one.size, SMALL - 1):
                raise NotAPack(f"{name} has an index with a place that is none.")
            if not end <= one.offset <= one.end <= self.size:
                raise NotAPack(f"{name} has an index that does not fit it.")
            end = one.end
            keys.add(one.key)
        return self

    def lines(self, name: str) -> Iterator[str]:
        head = {
            "format": FORMAT,
            "pack": name,
            "bytes": self.size,
            "sha256": self.sha256,
            "blobs": len(self.entries),
        }
        yield json.dumps(head) + "\n"
        yield from (json.dumps(entry) + "\n" for entry in self.entries)


def read_index(lines: Iterable[str], name: str) -> Index:
    """Raises `NotAPack` for whatever is not the whole index of the pack of this name."""
    found = iter(lines)
    try:
        head = json.loads(next(found, ""))
        size, digest, count = head["bytes"], head["sha256"], head["blobs"]
        if head["format"] != FORMAT or head["pack"] != name or not _is_whole(count, MOST):
            raise NotAPack(f"{name} has an index of another pack, or of a version to come.")
        # One more than there may be, so that this can be told.
        entries = tuple(Entry(*json.loads(line)) for line in islice(found, count + 1))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise error if isinstance(error, NotAPack) else NotAPack(f"{name} has no index: {error}") from None
    if len(entries) != count:
        raise NotAPack(f"{name} has an index that ends too early, or too late.")
    return Index(size, digest, entries).checked(name)


def _is_whole(number: object, most: int) -> bool:
    """JSON has numbers that are none of ours: parts of one, infinity, and true."""
    return type(number) is int and 0 <= number <= most


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


class Writer:
    """Writes a pack as a stream; what was written stays as it is."""

    def __init__(self, out: IO[bytes], heard: Callable[[int], None] = lambda _: None) -> None:
        """`heard` is told of bytes that were taken: where it hears nothing, nothing moves."""
        self._out, self._heard = out, heard
        self._size, self._sum = 0, hashlib.sha256()
        self._entries: list[Entry] = []

    def add(self, key: str, data: bytes) -> Entry:
        entry = tarfile.TarInfo(key)
        entry.size, entry.mode = len(data), 0o600
        self._write(entry.tobuf(tarfile.PAX_FORMAT))
        made = Entry(key, self._size, len(data), hashlib.sha256(data).hexdigest())
        self._write(data)
        self._write(bytes(-len(data) % _BLOCK))
        self._entries.append(made)
        return made

    def close(self) -> Index:
        self._write(_END)
        return Index(self._size, self._sum.hexdigest(), tuple(self._entries))

    def _write(self, data: bytes) -> None:
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            self._out.write(piece)
            self._heard(len(piece))
        self._sum.update(data)
        self._size += len(data)


class _Counted:
    """A stream that remembers how much was read of it, and how it ended."""

    def __init__(self, stream: IO[bytes], heard: Callable[[int], None]) -> None:
        self._stream, self._heard = stream, heard
        self.size, self.sum, self.tail = 0, hashlib.sha256(), b""

    def read(self, count: int = -1) -> bytes:
        data = self._stream.read(count)
        self._heard(len(data))
        self.size += len(data)
        self.sum.update(data)
        self.tail = (self.tail + data)[-len(_END) :]
        return data


def scan(stream: IO[bytes], heard: Callable[[int], None] = lambda _: None) -> Index | None:
    """The index of a pack that has none, by reading it through; None where it does not come to its end.

    `heard` is told of bytes that were read."""
    counted, entries = _Counted(stream, heard), list[Entry]()
    try:
        # Of a stream tarfile takes only `read`.
        with tarfile.open(fileobj=counted, mode="r|", bufsize=20 * _BLOCK) as tar:  # type: ignore[call-overload]
            for member in tar:
                file = tar.extractfile(member)
                if file is None or member.size >= SMALL or len(entries) >= MOST:
                    return None
                data = file.read()
                entries.append(
                    Entry(member.name, member.offset_data, len(data), hashlib.sha256(data).hexdigest())
                )
        while counted.read(1 << 16):
            pass
    except (tarfile.TarError, OSError, EOFError):
        return None
    if counted.tail != _END or counted.size % _BLOCK:
        return None
    try:
        return Index(counted.size, counted.sum.hexdigest(), tuple(entries)).checked("It")
    except NotAPack:
        return None


def new_name(now: datetime, chance: str) -> str:
    """A name that says when; `chance` are eight hexadecimal digits."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{chance}.tar"


def made_at(name: str) -> datetime | None:
    """When the pack of this name was begun; None: it is no name of a pack."""
    match = _NAME.fullmatch(name)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if match else None


def grouped(sizes: Mapping[str, int], *, fewest: int = FEWEST) -> list[list[str]]:
    """The keys that go into a pack together, in their order; those of too few are in none."""
    groups, filled = list[list[str]](), 0
    for key, size in sizes.items():
        if size >= SMALL:
            continue
        if not groups or filled + size > FULL or len(groups[-1]) >= MOST:
            groups.append([])
            filled = 0
        groups[-1].append(key)
        filled += size
    return [group for group in groups if len(group) >= fewest]


class Held(NamedTuple):
    """A pack as it is used."""

    name: str
    size: int
    live: int
    """Bytes of the blobs that are looked for in it; the rest are holes."""


_SMALL_PACK = FULL // 4
_MANY = 16


def to_be_packed_anew(
    packs: Iterable[Held], *, locked_since: datetime | None, is_renewed: bool = False
) -> list[str]:
    """Packs of which more than a half are holes, and small ones where there are many.

    None that its target locks: it would stay there all the same. Where locks are renewed (`is_renewed`) that
    is so for as long as anything in it is needed, however old it is: then one of holes is packed anew, since
    its lock ends by that alone. Empty ones are not among them: they go.
    """
    used = [one for one in packs if one.live]
    free = [one for one in used if not is_renewed and not _is_locked(one.name, locked_since)]
    holed = [one for one in (used if is_renewed else free) if one.live * 2 < one.size]
    small = [one for one in free if one not in holed and one.size < _SMALL_PACK]
    return [one.name for one in (*holed, *(small if len(small) >= _MANY else ()))]


def _is_locked(name: str, since: datetime | None) -> bool:
    at = made_at(name)
    return since is not None and (at is None or at > since)


def spans(entries: Iterable[Entry], *, most_between: int = 4 << 20) -> Iterator[list[Entry]]:
    """Entries of a pack that are read at once: what lies between them is read too, where it is little."""
    span: list[Entry] = []
    for entry in sorted(entries, key=lambda one: one.offset):
        if span and entry.offset - span[-1].end > most_between:
            yield span
            span = []
        span.append(entry)
    if span:
        yield span
