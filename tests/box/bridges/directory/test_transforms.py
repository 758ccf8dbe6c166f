"""What directories write, and what nobody should write into one."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from box.bridges.directory import transforms

NO_INTEGERS = ("", "-", "--5", "5-", "²", "٥", "+5", " 5", "5\n", "1.5", "9" * 5000)


@pytest.mark.parametrize("text", NO_INTEGERS)
def test_what_is_no_integer_says_nothing(text: str) -> None:
    assert transforms.integer(text) is None
    assert transforms.moment_of("accountExpires", text) is None
    assert transforms.moment_of("shadowExpire", text) is None
    assert not transforms.is_disabled("userAccountControl", text)


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("-5", -5), ("512", 512), (str(2**63 - 1), 2**63 - 1)]
)
def test_integers_of_directories(text: str, number: int) -> None:
    assert transforms.integer(text) == number


@pytest.mark.parametrize(
    ("attribute", "text", "moment"),
    [
        ("accountExpires", "133801632000000000", datetime(2025, 1, 1, tzinfo=UTC)),
        ("accountExpires", "0", None),
        ("accountExpires", str(2**63 - 1), None),
        ("accountExpires", str(2**63 - 2), None),
        ("shadowExpire", "20089", datetime(2025, 1, 1, tzinfo=UTC)),
        ("shadowExpire", "-1", None),
        ("shadowExpire", "9" * 19, None),
    ],
)
def test_when_an_account_ends(attribute: str, text: str, moment: datetime | None) -> None:
    assert transforms.moment_of(attribute, text) == moment


@pytest.mark.parametrize(("text", "is_disabled"), [("514", True), ("512", False), ("-2147483134", True)])
def test_the_bit_of_a_disabled_account(text: str, is_disabled: bool) -> None:
    assert transforms.is_disabled("userAccountControl", text) is is_disabled


@pytest.mark.parametrize(("kind", "is_one"), [("PNG", True), ("JPEG", True), ("TIFF", False), ("ICO", False)])
def test_a_picture_is_of_a_format_that_the_portal_shows(kind: str, is_one: bool) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (16, 16)).save(drawn, kind)
    assert transforms.is_picture(drawn.getvalue()) is is_one
