"""Pictures that people send of themselves."""

from __future__ import annotations

import io

from PIL import Image


def picture(width: int = 300, height: int = 500, kind: str = "JPEG") -> io.BytesIO:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    Image.new("RGB", (width, height), (200, 120, 60)).save(out, kind, exif=exif)
    out.seek(0)
    return out
