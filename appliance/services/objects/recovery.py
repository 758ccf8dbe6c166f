"""What a power cut has left of the store's volumes is set right before it opens them, and then it starts:
`recovery.py FOLDER COMMAND…`. Only the standard library: it starts whenever the store does.

SeaweedFS syncs what it writes into a volume (`NAME.dat`), and not the index in which it finds it again
(`NAME.idx`). After a power cut an index can lack files that were acknowledged; the store then opens the
volume to be read only, and does not find them (seaweedfs/seaweedfs, issue 7036). Its own `weed fix` makes an
index out of a volume. What was being written at that moment, and acknowledged to nobody, is cut off: the
store would take the volume for broken for ever.

Both formats are those of SeaweedFS's build for large disks, which is the one that a box has: an index has 17
bytes a file (key, place in units of eight, size); in a volume a file has 28 bytes more than its size, and
then one to eight up to a multiple of eight.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_ENTRY, _UNIT, _MORE = 17, 8, 28
_SUPER_BLOCK = 8
_MOST_IN_FLIGHT = 256 << 20
"""Bytes that can have been under way: as many people's parts of 8 MB as the store takes at a time."""


class Needle(NamedTuple):
    """A file in a volume, or the mark that one was deleted."""

    key: int
    at: int
    size: int

    @property
    def end(self) -> int:
        length = max(self.size, 0) + _MORE
        return self.at + length + _UNIT - length % _UNIT


def set_right(folder: Path, program: str) -> None:
    """Every volume whose index does not lead to its end. Cheap where nothing is to be done."""
    for volume in sorted(folder.glob("*.dat")):
        index = volume.with_suffix(".idx")
        if _end_of(index) != volume.stat().st_size and _make_index(volume, program):
            _cut_off_what_is_torn(volume, program)


def _end_of(index: Path) -> int:
    """Where the next file would be written, by the last line of the index; -1 if it has no whole one."""
    if not index.exists():
        return -1
    length = index.stat().st_size
    if not length:
        return _SUPER_BLOCK
    if length % _ENTRY:
        return -1
    with index.open("rb") as file:
        file.seek(-_ENTRY, os.SEEK_END)
        return _needle(file.read()).end


def _needle(entry: bytes) -> Needle:
    units = int.from_bytes(entry[8:12]) | entry[12] << 32
    return Needle(int.from_bytes(entry[:8]), units * _UNIT, int.from_bytes(entry[13:], signed=True))


def _needles(index: Path) -> Iterator[Needle]:
    with index.open("rb") as file:
        while len(entry := file.read(_ENTRY)) == _ENTRY:
            yield _needle(entry)


def _make_index(volume: Path, program: str) -> bool:
    """Killed meanwhile it is made again: what is there of it leads to another end."""
    _say(f"The index of {volume.name} does not lead to its end: it is made anew.")
    collection, _, number = volume.stem.rpartition("_")
    chosen = (f"-volumeId={number}", *((f"-collection={collection}",) if collection else ()))
    done = subprocess.run([program, "-logtostderr", "fix", *chosen, str(volume.parent)], check=False)
    if done.returncode:
        _say(f"No index could be made of {volume.name}: it stays as it is, and is read only.")
        return False
    # What was derived from the other index; the store makes it again.
    volume.with_suffix(".sdx").unlink(missing_ok=True)
    shutil.rmtree(volume.with_suffix(".ldb"), ignore_errors=True)
    return True


def _cut_off_what_is_torn(volume: Path, program: str) -> None:
    """What is cut off is kept beside it, for whoever doubts."""
    length = volume.stat().st_size
    whole = (one.end for one in _needles(volume.with_suffix(".idx")) if one.key and one.end <= length)
    end = max(whole, default=_SUPER_BLOCK)
    if end == length:
        return
    if length - end > _MOST_IN_FLIGHT:
        _say(f"{length - end} bytes at the end of {volume.name} are no files: it stays as it is.")
        return
    _say(f"{length - end} bytes at the end of {volume.name} were being written when the power went.")
    with volume.open("r+b") as file, volume.with_suffix(f".torn-{end}").open("wb") as kept:
        file.seek(end)
        shutil.copyfileobj(file, kept)
        file.truncate(end)
    _make_index(volume, program)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(words: Sequence[str]) -> None:
    folder, *command = words
    set_right(Path(folder), command[0])
    os.execv(command[0], command)  # noqa: S606 - there is no shell, as it should be


if __name__ == "__main__":
    main(sys.argv[1:])
