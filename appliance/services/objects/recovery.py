"""What a power cut has left of the store's volumes is set right before it opens them: `recovery.py FOLDER`.

SeaweedFS syncs what it writes into a volume (`NAME.dat`), and not the index in which it finds it again
(`NAME.idx`). After a power cut an index can lack files that were acknowledged; the store then opens the
volume to be read only, and does not find them (seaweedfs/seaweedfs, issue 7036). Where an index does not lead
to the end of its volume, it is made anew out of the volume. What was being written at that moment, and
acknowledged to nobody, is cut off: the store would take the volume for broken for ever.

The formats are those of SeaweedFS's third version, built for large disks, which is what a box has. A volume
has eight bytes of its own, the last two of which say how many more, and then its files: cookie (4 bytes), key
(8), size (4), so many bytes, checksum (4), time (8), and one to eight more up to a multiple of eight. One
without bytes marks that a file was deleted. An index has 17 bytes a file: key, place in units of eight (four
bytes, and a fifth for what is above them), size; that of a deletion is -1.

Only the standard library, and nothing of the box: it is copied to where the store's user may read it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_VERSION = 3
_HEAD, _MORE, _UNIT, _ENTRY = 16, 28, 8, 17
_LARGEST = 2**31 - 1
_UNSYNCED = 256 << 10
"""Bytes of an index that come in before the kernel, by itself, writes what waits: 500 files a second."""
_MOST_IN_FLIGHT = 256 << 20
"""Bytes that can have been under way: as many people's parts of 8 MB as the store takes at a time."""


class Needle(NamedTuple):
    """A file in a volume, or the mark of a deletion, of size -1."""

    key: int
    at: int
    size: int

    @property
    def end(self) -> int:
        length = max(self.size, 0) + _MORE
        return self.at + length + _UNIT - length % _UNIT

    def entry(self) -> bytes:
        units = self.at // _UNIT
        place = (units & 0xFFFFFFFF).to_bytes(4) + (units >> 32).to_bytes(1)
        return self.key.to_bytes(8) + place + self.size.to_bytes(4, signed=True)


def recover(folder: Path) -> None:
    """Every volume. Killed anywhere it is done again; cheap where nothing is to be done."""
    for volume in sorted(folder.glob("*.dat")):
        try:
            with volume.open("r+b") as file:
                _recover(volume, file)
        except OSError as error:
            _say(f"{volume.name} stays as it is: {error}")


def _recover(volume: Path, file: BinaryIO) -> None:
    head, length = os.pread(file.fileno(), _UNIT, 0), os.fstat(file.fileno()).st_size
    if len(head) < _UNIT or head[0] != _VERSION:
        _say(f"{volume.name} stays as it is: it is no volume of version {_VERSION}.")
        return
    begin, index = _UNIT + int.from_bytes(head[6:]), volume.with_suffix(".idx")
    known = _trusted_end(index, file.fileno(), begin)
    if known == length:
        return
    count, first = 0, known or begin
    end = first
    for needle in _needles(file.fileno(), first, length):
        count, end = count + 1, needle.end
    if length - end > _MOST_IN_FLIGHT:
        _say(f"{length - end} bytes at the end of {volume.name} are no files: it stays as it is.")
        return
    if length > end:
        _say(f"{length - end} bytes at the end of {volume.name} were being written when the power went.")
        file.seek(end)
        # For whoever doubts.
        with volume.with_suffix(f".torn-{end}").open("wb") as torn:
            shutil.copyfileobj(file, torn)
        file.truncate(end)
    _write(index, _needles(file.fileno(), first, end), is_whole=known is None)
    _say(f"The index of {volume.name} did not lead to its end: {count} entries are made anew.")
    # What the store derives from an index, and makes again.
    volume.with_suffix(".sdx").unlink(missing_ok=True)
    shutil.rmtree(volume.with_suffix(".ldb"), ignore_errors=True)


def _trusted_end(index: Path, volume: int, begin: int) -> int | None:
    """Where the next file would be written, by the last entry; none, where it is not that of a file, or what
    came last has a hole: pages of a file reach a disk in any order."""
    length = index.stat().st_size if index.exists() else 0
    if length % _ENTRY:
        return None
    if not length:
        return begin
    with index.open("rb") as file:
        file.seek(-min(length, _UNSYNCED), os.SEEK_END)
        entries = file.read()
    entry = entries[-_ENTRY:]
    units = int.from_bytes(entry[8:12]) | entry[12] << 32
    last = Needle(int.from_bytes(entry[:8]), units * _UNIT, int.from_bytes(entry[13:], signed=True))
    is_there = next(_needles(volume, last.at, last.end), None) == last
    return last.end if is_there and bytes(_ENTRY) not in entries else None


def _write(index: Path, needles: Iterable[Needle], *, is_whole: bool) -> None:
    place = index.with_suffix(".idx.new") if is_whole else index
    with place.open("wb" if is_whole else "ab") as file:
        file.writelines(needle.entry() for needle in needles)
        file.flush()
        os.fsync(file.fileno())
    place.replace(index)


def _needles(volume: int, begin: int, length: int) -> Iterator[Needle]:
    """As long as they are whole."""
    at = begin
    while at + _HEAD <= length:
        head = os.pread(volume, _HEAD, at)
        key, size = int.from_bytes(head[4:12]), int.from_bytes(head[12:])
        needle = Needle(key, at, size or -1)
        if not key or size > _LARGEST or needle.end > length:
            return
        yield needle
        at = needle.end


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    recover(Path(sys.argv[1]))
