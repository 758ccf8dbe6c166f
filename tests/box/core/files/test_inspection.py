from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from box.core.files import inspection
from box.core.files.inspection import Findings, Pictures, examine, pictures_of
from tests.box.core.files.pictures import bomb, picture, turned

PNG = picture((900, 600), "PNG", colour=(200, 30, 30))


@settings(max_examples=30)
@given(st.sampled_from([PNG, b"plain text\n" * 40_000, b"", b"\0" * 300_000]), st.integers(), st.data())
def test_findings_do_not_depend_on_the_chunks(data: bytes, seed: int, draw: st.DataObject) -> None:
    size = draw.draw(st.integers(1, len(data) + 1))
    pieces = [data[start : start + size] for start in range(0, len(data), size)][:2000]
    whole = b"".join(pieces)

    findings, copy = examined(iter(pieces))

    assert findings == examined(iter([whole]))[0]
    assert findings.size == len(whole)
    assert findings.sha256 == sha256(whole).hexdigest()
    assert copy in (b"", whole)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (PNG, "image/png"),
        (picture((9, 9), "JPEG"), "image/jpeg"),
        (picture((9, 9), "GIF"), "image/gif"),
        (picture((9, 9), "WEBP"), "image/webp"),
        ("Договор № 5\n".encode(), "text/plain; charset=utf-8"),
        (b"Contract\n", "text/plain; charset=us-ascii"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"", "application/octet-stream"),
        (b"\0\1\2\3" * 9, "application/octet-stream"),
    ],
)
def test_the_type_is_what_the_bytes_say(data: bytes, content_type: str) -> None:
    assert examined(iter([data]))[0].content_type == content_type


def test_only_pictures_are_copied() -> None:
    assert examined(iter([PNG]))[1] == PNG
    assert examined(iter([b"text"]))[1] == b""
    assert examined(iter([b"%PDF-1.7\n" + b"x" * 2**20, b"y"]))[1] == b""


def test_a_picture_that_is_too_large_to_decode_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "LARGEST_PICTURE", len(PNG) - 1)

    findings, copy = examined(iter([PNG[:100], PNG[100:]]))

    assert copy == b""
    assert findings.sha256 == sha256(PNG).hexdigest()


def test_memory_stays_flat() -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(100):
            yield random.Random(number).randbytes(2**20)

    tracemalloc.start()
    try:
        with TemporaryFile() as copy:
            assert examine(chunks(), copy=copy).size == 100 * 2**20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {}),
        ("PNG", "LA", {}),
        ("PNG", "1", {}),
        ("PNG", "I;16", {}),
        ("JPEG", "RGB", {}),
        ("JPEG", "CMYK", {}),
        ("JPEG", "L", {"progressive": True}),
        ("GIF", "P", {}),
        ("WEBP", "RGBA", {}),
    ],
)
def test_pictures_become_smaller_pictures(kind: str, mode: str, options: dict[str, Any]) -> None:
    made = made_of(picture((1300, 650), kind, mode=mode, **options))

    assert (made.width, made.height) == (1300, 650)
    for small, size in ((made.preview, (640, 320)), (made.thumbnail, (160, 80))):
        with Image.open(BytesIO(small.data)) as image:
            assert image.format == "WEBP"
            assert image.size == (small.width, small.height) == size


def test_small_pictures_are_not_made_larger() -> None:
    made = made_of(picture((20, 10), "PNG"))

    assert (made.preview.width, made.thumbnail.width) == (20, 20)


def test_colours_and_transparency_stay() -> None:
    with Image.open(BytesIO(made_of(PNG).preview.data)) as image:
        red, green, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert abs(red - 200) + abs(green - 30) + abs(blue - 30) < 30
    clear = picture((900, 600), "PNG", mode="RGBA", colour=(0, 0, 0, 0))
    with Image.open(BytesIO(made_of(clear).preview.data)) as image:
        assert image.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_a_turned_photo_stands_and_tells_nothing_of_its_place() -> None:
    made = made_of(turned((1280, 640)))

    assert (made.width, made.height) == (640, 1280)
    assert (made.preview.width, made.preview.height) == (320, 640)
    with Image.open(BytesIO(made.preview.data)) as image:
        assert not image.getexif()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\x89PNG\r\n\x1a\n",
        PNG[: len(PNG) // 2],
        PNG[:40] + b"\0" * 400,
        picture((600, 600), "JPEG")[:300],
        bomb(50_000),
        bomb(2**31 - 1),
        picture((9, 9), "BMP"),
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    ],
    ids=range(10),
)
def test_what_cannot_be_shown_has_no_pictures(data: bytes) -> None:
    assert pictures_of(BytesIO(data)) is None


@settings(max_examples=30)
@given(st.integers(33, len(PNG) - 1), st.binary(min_size=1, max_size=20))
def test_broken_pictures_break_nothing(at: int, noise: bytes) -> None:
    made = pictures_of(BytesIO(PNG[:at] + noise + PNG[at + len(noise) :]))

    assert made is None or made.preview.width <= 640


def examined(chunks: Iterator[bytes]) -> tuple[Findings, bytes]:
    with TemporaryFile() as copy:
        findings = examine(chunks, copy=copy)
        copy.seek(0)
        return findings, copy.read()


def made_of(data: bytes) -> Pictures:
    made = pictures_of(BytesIO(data))
    assert made is not None
    return made
