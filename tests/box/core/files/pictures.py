"""Pictures for tests, made by the same library that reads them, and some that no library would make."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def picture(
    size: tuple[int, int], kind: str, *, mode: str = "RGB", colour: Any = None, **options: Any
) -> bytes:
    """A picture of one colour."""
    out = BytesIO()
    Image.new(mode, size, colour or 0).save(out, kind, **options)
    return out.getvalue()


def turned(size: tuple[int, int]) -> bytes:
    """A JPEG as phones make it: lying, with a note that it is to be turned, and where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    return picture(size, "JPEG", exif=exif)


def with_note(orientation: int, tag: int, kind: int, value: bytes) -> bytes:
    """Exif that says how the camera was held, and one thing more, of a kind that no program would write."""
    # The value stands behind eight bytes of the head, the count, two entries, and the end of the folder.
    count = 1 if kind == 12 else len(value)
    entries = [
        struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0),
        struct.pack("<HHII", tag, kind, count, 8 + 2 + 24 + 4),
    ]
    entries.sort(key=lambda one: one[1::-1])
    folder = struct.pack("<H", len(entries)) + b"".join(entries)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + folder + bytes(4) + value


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that says of itself how many pixels it will have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(2**20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
