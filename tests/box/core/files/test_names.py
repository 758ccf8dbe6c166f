from __future__ import annotations

from urllib.parse import unquote

import pytest
from django.utils.http import parse_header_parameters
from hypothesis import given
from hypothesis import strategies as st

from box.core.files.names import content_disposition, harmless, storable

ANY_NAME = st.text(st.characters(exclude_categories=[]), max_size=255)


@given(ANY_NAME)
def test_a_stored_name_is_the_given_one_but_for_what_nothing_can_hold(name: str) -> None:
    kept = storable(name)

    kept.encode()
    assert "\0" not in kept
    assert len(kept) == len(name)
    assert all(new in (old, "\ufffd") for old, new in zip(name, kept, strict=True))


@given(ANY_NAME)
def test_a_harmless_name_is_one_visible_path_segment(name: str) -> None:
    safe = harmless(name)

    assert safe
    assert safe.strip(" .") == safe
    assert not set(safe) & set('/\\:*?"<>|')
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in safe)
    assert not set(safe) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff")
    assert harmless(safe) == safe


@given(st.text("абвгдёъюяАЯ😀👩‍💻🏳️‍🌈漢字 -_()", min_size=1, max_size=255).filter(lambda name: name.strip()))
def test_letters_and_emoji_stay(name: str) -> None:
    assert harmless(name + ".txt") == name.lstrip(" .") + ".txt"


@given(ANY_NAME, st.sampled_from(["inline", "attachment"]))
def test_the_header_is_ascii_and_means_the_harmless_name(name: str, kind: str) -> None:
    header = content_disposition(kind, name)

    assert header.isascii()
    assert header.isprintable()
    said, parameters = parse_header_parameters(header, max_length=None)
    assert said == kind
    assert parameters["filename"] == harmless(name)
    assert unquote(header.partition("filename*=UTF-8''")[2]) == harmless(name)


@given(ANY_NAME)
def test_old_clients_get_a_harmless_name_too(name: str) -> None:
    plain = content_disposition("attachment", name).partition('filename="')[2].partition('";')[0]

    assert plain
    assert not set(plain) & set('/\\:*?"<>|%')


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("..", "file"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        (".bashrc", "bashrc"),
        ("two\r\nSet-Cookie: a=b", "two  Set-Cookie_ a=b"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("CON.txt", "_CON.txt"),
        ("Отчёт «2026».pdf", "Отчёт «2026».pdf"),
        ("   ", "file"),
    ],
)
def test_names_that_would_do_harm_are_saved_as(name: str, saved: str) -> None:
    assert harmless(name) == saved


def test_a_plain_name_is_written_plainly() -> None:
    assert (
        content_disposition("attachment", "Отчёт 5 %.txt") == 'attachment; filename="_____ 5 _.txt"; '
        "filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82%205%20%25.txt"
    )
