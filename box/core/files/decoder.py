"""Decodes one picture of anybody, alone in a process with little to take, and hands on its pixels.

    python -I decoder.py 1280 < picture

It writes a line of JSON and then the pixels, upright, row by row: `size` and `mode` of these; `seen` is the
size that the picture came with, upright too; `profile` that of its colours. Where there is nothing to hand
on, the line is `refused` with `pixels` or `broken`. Who is killed for taking too much writes nothing.

A program of its own, which imports nothing of the portal: `box.core.files.decoder_client` runs it.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import resource
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
# JPEGs are decoded smaller than they are; of others all pixels are in memory at once, of WebP three times.
MOST_PIXELS = {"JPEG": 50_000_000, "PNG": 36_000_000, "GIF": 16_000_000, "WEBP": 16_000_000}
# What is handed on; only a long and narrow picture has more before.
MOST_HANDED_ON = 8_000_000
LARGEST_PROFILE = 2**20
MEMORY = 512 * 2**20
CPU_SECONDS = 15
BEGUN = b"begun\n"
"""Written to standard error: the others' pictures are done."""

_ORIENTATION = 0x0112
# What makes it stand upright, by what the camera says, in Pillow's words.
_TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270",
    7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
# Turned by a quarter: what came as the width is seen as the height.
_LYING = (5, 6, 7, 8)


def main() -> None:
    _take_little()
    try:
        head, pixels = _decoded(sys.stdin.buffer, int(sys.argv[1]))
    except Exception as error:
        # Decoders meet anything here and raise anything.
        head, pixels = {"refused": "broken", "why": f"{type(error).__name__}: {error}"[:300]}, b""
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + pixels)
    sys.stdout.buffer.flush()


def _take_little() -> None:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.prlimit(0, limit, (most, most))
    # One picture at a time on this machine, whichever service it is for. The process lets go when it ends.
    fcntl.flock(os.open(__file__, os.O_RDONLY), fcntl.LOCK_EX)
    os.write(sys.stderr.fileno(), BEGUN)


def _decoded(file: IO[bytes], at_least: int) -> tuple[dict[str, Any], bytes]:
    from PIL import Image

    # Ours is the limit, by format.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(file, formats=FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS[str(image.format)]:
            return {"refused": "pixels", "why": f"{width} x {height}"}, b""
        scale = min(1.0, at_least / min(width, height), (MOST_HANDED_ON / (width * height)) ** 0.5)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # A JPEG is decoded at the next larger of a half, a quarter and an eighth; other formats ignore this.
        image.draft("RGB", size)
        image.load()
        orientation = _orientation(image)
        profile = image.info.get("icc_profile", b"") if image.mode in ("RGB", "RGBA", "P") else b""
        plain = _smaller(image, size)
        if orientation in _TURNS:
            plain = plain.transpose(Image.Transpose[_TURNS[orientation]])
        head = {
            "size": plain.size,
            "mode": plain.mode,
            "seen": (height, width) if orientation in _LYING else (width, height),
            "profile": base64.b64encode(profile if len(profile) <= LARGEST_PROFILE else b"").decode(),
        }
        return head, plain.tobytes()


def _orientation(image: Image.Image) -> int:
    """Of the rest that stands beside it nothing is read: cameras and programs write there what does not read
    as it should, and the picture is none the worse for it."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1


def _smaller(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    if image.mode == "I;16":
        # Greys of 16 bits: Pillow takes all above 255 for white.
        image = image.point(lambda grey: grey / 256).convert("L")
        image.info.pop("transparency", None)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    # The numbers of a palette cannot be mixed. Others can, and are fewer once the picture is smaller.
    if image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        image = image.convert(mode)
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image.convert(mode)


if __name__ == "__main__":
    main()
