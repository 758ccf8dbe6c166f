"""Looking into a blob: its hash, its real type, and small pictures of a picture.

Whatever people upload is read here, so memory stays flat, whatever the size, and decoders see little: four
formats, pictures of at most 50 megapixels, one at a time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import IO, TYPE_CHECKING

import magic

from box.core.files.display import DOWNLOADED, PICTURES

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

# Enough for libmagic to tell an office document from any other archive.
HEAD = 256 * 1024
LARGEST_PICTURE = 64 * 2**20
# Decoded, 4 bytes each: 200 MB for a moment.
MOST_PIXELS = 50_000_000
PICTURE_TYPE = "image/webp"
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
PREVIEW_SIDE = 640
THUMBNAIL_SIDE = 160

_EXIF_ORIENTATION = 0x0112
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Findings:
    """What a blob is."""

    size: int
    sha256: str
    content_type: str


@dataclass(frozen=True)
class Picture:
    """A small WebP picture."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """The original's size in pixels as it is seen, and two smaller pictures of it."""

    width: int
    height: int
    preview: Picture
    thumbnail: Picture


def examine(chunks: Iterator[bytes], *, copy: IO[bytes]) -> Findings:
    """Reads the blob once. Into `copy`, an empty file, goes what `pictures_of` can use, or nothing."""
    digest, size, head = sha256(), 0, b""
    is_copied = True
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        is_head_known = len(head) >= HEAD
        if not is_head_known:
            head += chunk[: HEAD - len(head)]
        if is_copied:
            copy.write(chunk)
            if not is_head_known and len(head) >= HEAD:
                is_copied = content_type_of(head) in PICTURES
            is_copied = is_copied and size <= LARGEST_PICTURE
    content_type = content_type_of(head)
    if not is_copied or content_type not in PICTURES:
        copy.seek(0)
        copy.truncate()
    return Findings(size=size, sha256=digest.hexdigest(), content_type=content_type)


def content_type_of(head: bytes) -> str:
    """The type by the first bytes, whatever the name says; of texts with their encoding."""
    if not head:
        return DOWNLOADED
    found: str = _magic().from_buffer(head)
    kind = found.partition(";")[0]
    return found if kind.startswith("text/") else kind


@cache
def _magic() -> magic.Magic:
    return magic.Magic(mime=True, mime_encoding=True)


def pictures_of(file: IO[bytes]) -> Pictures | None:
    """Small pictures of a picture; None of what is broken, too large or no picture at all."""
    # Decoders take 2 MB of memory, which processes that look into no pictures do without.
    from PIL import Image

    file.seek(0)
    try:
        with _one_at_a_time, Image.open(file, formats=FORMATS) as image:
            return _pictures(image)
    except Exception as error:
        # Decoders meet anything here and raise anything; a file without a picture is still a file.
        log.info("no preview: %s: %s", type(error).__name__, error)
        return None


def _pictures(image: Image.Image) -> Pictures | None:
    from PIL import Image, ImageOps

    width, height = image.size
    if width * height > MOST_PIXELS:
        log.info("no preview: %s x %s pixels are too many", width, height)
        return None
    if image.getexif().get(_EXIF_ORIENTATION, 1) >= 5:
        width, height = height, width
    # A JPEG is decoded at the next larger of a half, a quarter and an eighth; other formats ignore this.
    image.draft("RGB", (2 * PREVIEW_SIDE, 2 * PREVIEW_SIDE))
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    plain.info["exif"] = image.getexif().tobytes()
    ImageOps.exif_transpose(plain, in_place=True)
    preview = _webp(plain, profile)
    plain.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return Pictures(width, height, preview, _webp(plain, profile))


def _webp(image: Image.Image, profile: bytes | None) -> Picture:
    # Of what came with the original only the colours' profile is kept: not where it was taken, nor by whom.
    out = BytesIO()
    image.save(out, "WEBP", quality=80, method=4, icc_profile=profile or b"", exif=b"")
    return Picture(out.getvalue(), image.width, image.height)
