"""Pictures of anybody, as pixels: what decodes them is a process of its own, see `box.core.files.decoder`.

A decoder reads what strangers made for it, and a picture of 200 KB may have 50 million pixels. So whatever a
decoder takes or does ends with it; here arrive pixels, so many and no more, and whoever draws works on those.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import threading
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from box.core.files import decoder

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

SECONDS = 30.0
_PROGRAM = Path(decoder.__file__)
# Within a service; between services the decoder itself waits.
_one_at_a_time = threading.Lock()


class Undecodable(Exception):
    """It is no picture, or a broken one."""


class TooManyPixels(Undecodable):
    """It is larger than pictures of its format may be."""


class Busy(Exception):
    """Others' pictures took too long, or, where it `has_begun`, this one."""

    def __init__(self, *, has_begun: bool = False) -> None:
        super().__init__("the decoder is busy")
        self.has_begun = has_begun


@dataclass(frozen=True)
class Decoded:
    """`image` stands upright, in RGB or RGBA; `size` is that of the picture before it was made smaller."""

    image: Image.Image
    size: tuple[int, int]
    profile: bytes


def decoded(file: IO[bytes], *, at_least: int) -> Decoded:
    """The picture made smaller, but no side of it below `at_least` unless it is very long and narrow.

    Raises Undecodable, TooManyPixels and Busy.
    """
    # See box.core.files.inspection.pictures_of.
    from PIL import Image

    if not _one_at_a_time.acquire(timeout=SECONDS):
        raise Busy
    try:
        out = _run(file, at_least)
    finally:
        _one_at_a_time.release()
    line, _end, pixels = out.partition(b"\n")
    if not line:
        raise Undecodable("the decoder took more than it may, and was ended")
    head = json.loads(line)
    if refused := head.get("refused"):
        raise (TooManyPixels if refused == "pixels" else Undecodable)(head["why"])
    image = Image.frombytes(head["mode"], tuple(head["size"]), pixels)
    return Decoded(image, tuple(head["seen"]), b64decode(head["profile"]))


def _run(file: IO[bytes], at_least: int) -> bytes:
    command = [sys.executable, "-I", str(_PROGRAM), str(at_least)]
    with TemporaryFile() as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        try:
            done = subprocess.run(
                command, stdin=copy, capture_output=True, env={}, cwd="/", timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Busy(has_begun=decoder.BEGUN in (error.stderr or b"")) from None
    if done.returncode != 0:
        log.warning("decoding a picture ended with %s: %s", done.returncode, done.stderr.decode()[-500:])
        return b""
    return done.stdout
