"""Looking into a blob: its hash, its real type, and small pictures of a picture.

Whatever people upload is read here, so memory stays flat, whatever the size; decoders are elsewhere, see
`box.core.files.decoder_client`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import IO, TYPE_CHECKING

import magic

from box.core.files.decoder_client import Undecodable, decoded
from box.core.files.display import DOWNLOADED, PICTURES

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

# Enough for libmagic to tell an office document from any other archive.
HEAD = 256 * 1024
LARGEST_PICTURE = 64 * 2**20
PICTURE_TYPE = "image/webp"
PREVIEW_SIDE = 640
THUMBNAIL_SIDE = 160


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
    """Small pictures of a picture; None of what is broken, too large or no picture at all. Raises Busy."""
    # It takes 2 MB of memory, which processes that look into no pictures do without.
    from PIL import Image

    try:
        picture = decoded(file, at_least=2 * PREVIEW_SIDE)
    except Undecodable as error:
        # A file without a picture is still a file.
        log.info("no preview: %s", error)
        return None
    image, profile = picture.image, picture.profile
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    preview = _webp(image, profile)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return Pictures(*picture.size, preview, _webp(image, profile))


def _webp(image: Image.Image, profile: bytes) -> Picture:
    # Of what came with the original only the colours' profile is kept: not where it was taken, nor by whom.
    out = BytesIO()
    image.save(out, "WEBP", quality=80, method=4, icc_profile=profile, exif=b"")
    return Picture(out.getvalue(), image.width, image.height)
