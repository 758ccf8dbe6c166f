"""A decoder meets what strangers made, in a process of its own that has little to take."""

from __future__ import annotations

import fcntl
import resource
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from PIL import Image, ImageOps

from box.core.files import decoder, decoder_client
from box.core.files.decoder_client import Busy, TooManyPixels, Undecodable, decoded
from box.core.files.pictures import drawn
from tests.box.core.files.pictures import picture, turned, with_note


@pytest.mark.parametrize(
    ("kind", "mode", "width", "height"),
    [
        ("PNG", "P", 6000, 6000),
        ("JPEG", "L", 10_000, 5000),
        ("GIF", "P", 4000, 4000),
        ("WEBP", "RGB", 4000, 4000),
    ],
)
def test_so_many_pixels_of_each_format_and_no_more(kind: str, mode: str, width: int, height: int) -> None:
    assert width * height == decoder.MOST_PIXELS[kind]
    found = decoded(BytesIO(picture((width, height), kind, mode=mode)), at_least=64)
    assert (found.size, min(found.image.size)) == ((width, height), 64)
    with pytest.raises(TooManyPixels):
        decoded(BytesIO(picture((width + 1, height), kind, mode=mode)), at_least=64)


def test_a_small_file_of_many_pixels_takes_nothing_of_this_process() -> None:
    """207 KB with 7,000 x 7,000 pixels took 700 MB; here the largest that is taken."""
    data = BytesIO(picture((6000, 6000), "PNG", mode="P", colour=3, transparency=0))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decoded(data, at_least=2048).image.size == (2048, 2048)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80 * 1024


def test_what_is_handed_on_has_an_end_for_long_and_narrow_pictures_too() -> None:
    image = decoded(BytesIO(picture((30_000, 1000), "JPEG")), at_least=2048).image
    assert image.width * image.height <= decoder.MOST_HANDED_ON + image.width
    assert image.width == 30 * image.height or abs(image.width / image.height - 30) < 0.1


def test_it_stands_upright_and_brings_the_size_that_it_came_with() -> None:
    found = decoded(BytesIO(turned((1280, 640))), at_least=100)
    assert (found.size, found.image.size) == ((640, 1280), (100, 200))


@pytest.mark.parametrize(
    ("kind", "noted"),
    [
        ("JPEG", with_note(6, 0x8769, 2, b"no folder")),
        ("JPEG", with_note(6, 0xA002, 7, b"a width of bytes")),
        ("JPEG", with_note(6, 0x011A, 12, b"\x00\x00\x00\x00\x00\x00\xf8\x7f")),
        ("WEBP", with_note(6, 0x0102, 2, b"eight")),
    ],
    ids=["a folder that is a text", "bytes for a number", "no number at all", "a text for numbers"],
)
def test_a_picture_is_none_the_worse_for_an_odd_note_beside_it(kind: str, noted: bytes) -> None:
    found = decoded(BytesIO(picture((60, 30), kind, exif=noted)), at_least=60)
    assert (found.size, found.image.size) == ((30, 60), (30, 60))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_way_to_hold_a_camera_stands_upright(orientation: int) -> None:
    noted = with_note(orientation, 0x0102, 2, b"eight")
    way = Image.Exif()
    way[0x0112] = orientation
    plain = Image.new("RGB", (60, 30))
    plain.paste((255, 0, 0), (0, 0, 20, 10))
    out, clean = BytesIO(), BytesIO()
    plain.save(out, "PNG", exif=noted)
    plain.save(clean, "PNG", exif=way)
    upright = ImageOps.exif_transpose(Image.open(clean))
    found = decoded(out, at_least=60).image
    assert (found.size, found.tobytes()) == (upright.size, upright.tobytes())


def test_notes_that_are_none_lay_no_picture_down() -> None:
    found = decoded(BytesIO(picture((60, 30), "PNG", exif=b"no folder either")), at_least=60)
    assert found.size == (60, 30)


def test_greys_of_sixteen_bits_are_seen_as_greys() -> None:
    """X-rays and scans: all above 255 of 65,535 was white."""
    for grey, seen in ((0, 0), (0x1234, 0x12), (0x8000, 0x80), (0xFFFF, 0xFF)):
        found = decoded(BytesIO(picture((30, 30), "PNG", mode="I;16", colour=grey)), at_least=30)
        assert found.image.getpixel((15, 15)) == (seen, seen, seen)
    see_through = picture((30, 30), "PNG", mode="I;16", colour=0x8000, transparency=0)
    assert decoded(BytesIO(see_through), at_least=30).image.getpixel((15, 15)) == (0x80, 0x80, 0x80)


@pytest.mark.parametrize(
    ("work", "ended"),
    [
        ("bytearray(600 * 2**20)", "MemoryError"),
        ("import tempfile; tempfile.TemporaryFile()", "No usable temporary directory"),
    ],
)
def test_a_decoder_has_little_to_take(work: str, ended: str) -> None:
    program = (
        f"import runpy\nfound = runpy.run_path({decoder.__file__!r})\nfound['_take_little']()\n"
        f"import resource\nassert resource.getrlimit(resource.RLIMIT_CPU)[1] == found['CPU_SECONDS']\n"
        f"{work}\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode != 0
    assert ended in done.stderr
    assert "AssertionError" not in done.stderr


def test_one_that_is_killed_has_no_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "decoder.py"
    program.write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.setattr(decoder_client, "_PROGRAM", program)
    with pytest.raises(Undecodable, match="took more than it may"):
        decoded(BytesIO(picture((9, 9), "PNG")), at_least=9)
    with pytest.raises(ValidationError, match="This is no picture"):
        drawn(BytesIO(picture((9, 9), "PNG")), lambda image, size: image, at_least=9)


def test_one_at_a_time_on_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_client, "SECONDS", 1.0)
    with Path(decoder.__file__).open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with pytest.raises(Busy):
            decoded(BytesIO(picture((9, 9), "PNG")), at_least=9)
        with pytest.raises(ValidationError, match="busy with other pictures"):
            drawn(BytesIO(picture((9, 9), "PNG")), lambda image, size: image, at_least=9)
    monkeypatch.undo()
    assert decoded(BytesIO(picture((9, 9), "PNG")), at_least=9).size == (9, 9)
